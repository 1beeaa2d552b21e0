"""What went wrong, in the shapes of other protocols: an Iceberg catalog's, OAuth's, an S3 store's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from xml.sax.saxutils import escape

from starlette.responses import JSONResponse, Response

from weft.api.wires.iceberg_files import BUCKET
from weft.errors import Diagnostic

CATALOG = "/iceberg/v1"
TOKENS = f"{CATALOG}/oauth/tokens"
FILES = f"/{BUCKET}"

Shape = Callable[[int, Diagnostic, dict[str, str]], Response]

_KINDS: Mapping[int, str] = {
    400: "BadRequestException",
    401: "NotAuthorizedException",
    403: "ForbiddenException",
    404: "NoSuchTableException",
    405: "UnsupportedOperationException",
    406: "UnsupportedOperationException",
    429: "TooManyRequestsException",
    503: "ServiceUnavailableException",
}
"""What Iceberg's clients call an answer; any other is one of the server's own."""

_S3_CODES: Mapping[str, tuple[int, str]] = {
    "WFT-SRV-092": (400, "ExpiredToken"),
    "WFT-SRV-093": (404, "NoSuchKey"),
}
_WRITES = frozenset({405, 411, 413, 415})
"""How a request is refused that would write; a store says that it is not allowed."""


def shape_at(path: str) -> Shape | None:
    """The shape of a path; None where it is weft's own."""
    if path == TOKENS:
        return oauth_error
    if path == CATALOG or path.startswith(f"{CATALOG}/"):
        return iceberg_error
    return s3_error if path == FILES or path.startswith(f"{FILES}/") else None


def described_at(path: str) -> dict[str, Any] | None:
    """What OpenAPI says of the errors of a path; None where they are weft's own."""
    shape = shape_at(path)
    text = {"type": "string"}
    if shape is oauth_error:
        schema: dict[str, Any] = {"properties": {"error": text, "error_description": text}, "required": ["error"]}
    elif shape is iceberg_error:
        model = {"properties": {"message": text, "type": text, "code": {"type": "integer"}}}
        within = {"type": "object", **model, "required": list(model["properties"])}
        schema = {"properties": {"error": within}, "required": ["error"]}
    else:
        return None
    return {"application/json": {"schema": {"type": "object", **schema}}}


def iceberg_error(status: int, diagnostic: Diagnostic, headers: dict[str, str]) -> Response:
    """An error of a REST catalog (Source: Iceberg REST catalog, IcebergErrorResponse)."""
    status = 400 if status == 422 else status
    kind = "NoSuchNamespaceException" if diagnostic.code == "WFT-SRV-090" else _KINDS.get(status, "ServerException")
    body = {"error": {"message": _in_words(status, diagnostic), "type": kind, "code": status}}
    return JSONResponse(body, status, headers)


def oauth_error(status: int, diagnostic: Diagnostic, headers: dict[str, str]) -> Response:
    """An error of a token endpoint (RFC 6749, section 5.2)."""
    kind = "invalid_client" if status in (401, 403) else "invalid_request" if status < 500 else "server_error"
    if "grant_type" in diagnostic.what and diagnostic.code == "WFT-SRV-094":
        kind = "unsupported_grant_type"
    status = 400 if status == 422 else 401 if status == 403 else status
    return JSONResponse({"error": kind, "error_description": _in_words(status, diagnostic)}, status, headers)


def s3_error(status: int, diagnostic: Diagnostic, headers: dict[str, str]) -> Response:
    """An error of an S3 store (Source: Amazon S3 API reference, error responses)."""
    what = _in_words(status, diagnostic)
    status, code = _S3_CODES.get(diagnostic.code, (status, ""))
    if status in _WRITES:
        status, what = 403, "these files are for reading alone"
    if not code:
        code = {403: "AccessDenied", 404: "NoSuchKey", 503: "SlowDown"}.get(status) or (
            "InternalError" if status >= 500 else "InvalidRequest"
        )
    body = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{escape(what)}</Message></Error>'
    )
    kept = {k: v for k, v in headers.items() if k.lower() != "allow"}
    return Response(body, status, kept, "application/xml")


def _in_words(status: int, diagnostic: Diagnostic) -> str:
    if status >= 500:  # what fails inside names stores and places, which are not for readers
        return f"the server cannot answer now; ask again, or tell whoever operates it ({diagnostic.code})"
    why = f": {diagnostic.why}" if diagnostic.why else ""
    fix = f"; {diagnostic.fix}" if diagnostic.fix else ""
    return f"{diagnostic.what}{why}{fix} ({diagnostic.code})"
