"""What every request passes in and out: its id, its limits, the headers of its answer, its line in the log."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from weft.errors import Diagnostic, error
from weft.server.logs import shown_path
from weft.server.metrics import Metrics
from weft.server.problems import Refused, told
from weft.server.tracing import Tracing

log = logging.getLogger("weft.access")
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_BODIES = ("application/json", "application/x-www-form-urlencoded", "application/octet-stream")
_UPLOAD = re.compile(r"/api/v1/(?:runs/[^/]+/files|workspace)/[^/]+")
_DOCUMENT = re.compile(r"/api/v1/(runs|publications|scans|domains)(/.*)?|/api/v1/registry/ports/[^/]+/rollback")
"""Routes whose body is read behind their guard. That of all others is in memory before it is known who asks."""
_SMALL = 4_000_000
_STOPPED_RETRY_S = "5"
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Traffic:
    """Wraps an application.

    Attributes:
        body_limit: bytes that the body of a request may have; one that says little has a lower bound of its own.
        file_limit: bytes that a file may have which is uploaded.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics, tracing: Tracing, body_limit: int, file_limit: int) -> None:
        self._app = app
        self._metrics = metrics
        self._tracing = tracing
        self._body_limit = body_limit
        self._file_limit = file_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request; what is none (start and end of the process) passes by."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        request_id = given if _ID.fullmatch(given) else uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        started, status, begun = time.perf_counter(), 500, False

        async def sending(message: Message) -> None:
            nonlocal status, begun
            if message["type"] == "http.response.start":
                status, begun = message["status"], True
                _secured(MutableHeaders(scope=message), scope, request_id)
            await send(message)

        self._metrics.begin()
        with self._tracing.span(scope, headers) as span:
            try:
                refused = self._refused(scope, headers)
                if refused is not None:
                    await told(scope["path"], *refused)(scope, receive, sending)
                else:
                    await self._app(scope, self._counted(receive, self._limit(scope)), sending)
            except asyncio.CancelledError:
                # the server is stopped, and `server.shutdown` over: the web server would answer 500, with a traceback
                if begun:
                    raise  # the connection has to break here too
                log.warning("request %s was broken off", request_id, extra={"fields": {"request_id": request_id}})
                again = {"Retry-After": _STOPPED_RETRY_S, "Connection": "close"}
                await told(scope["path"], 503, [_stopped()], again)(scope, receive, sending)
            except Exception:
                log.exception("request %s failed", request_id, extra={"fields": {"request_id": request_id}})
                if begun:
                    raise  # the connection has to break: what was sent must not pass for whole
                await told(scope["path"], 500, [_failed(request_id)])(scope, receive, sending)
            finally:
                seconds = time.perf_counter() - started
                route = getattr(scope.get("route"), "path", "none")
                method = scope["method"] if scope["method"] in _METHODS else "other"
                self._metrics.end(method, route, status, seconds)
                span(route, status)
                caller, path = scope["state"].get("caller"), shown_path(scope["path"])
                log.info(
                    "%s %s %d",
                    scope["method"],
                    path,
                    status,
                    extra={
                        "fields": {
                            "request_id": request_id,
                            "method": scope["method"],
                            "path": path,
                            "route": route,
                            "status": status,
                            "ms": round(seconds * 1000, 2),
                            "caller": caller,
                            "client": scope["client"][0] if scope.get("client") else None,
                        }
                    },
                )

    def _refused(self, scope: Scope, headers: Headers) -> tuple[int, list[Diagnostic]] | None:
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            return 400, [error("WFT-SRV-007", "an address with a null byte names nothing")]
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length[:18]) > self._limit(scope):
            return 413, [_too_large(self._limit(scope))]
        has_body = length != "0" or "transfer-encoding" in headers
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if has_body and scope["method"] in ("POST", "PUT", "PATCH") and kind not in _BODIES:
            what = f"a body of type `{kind or 'none'}` is not read here"
            return 415, [error("WFT-SRV-009", what, fix="send `Content-Type: application/json`")]
        return None

    def _limit(self, scope: Scope) -> int:
        if _UPLOAD.fullmatch(scope["path"]):
            return self._file_limit
        return self._body_limit if _DOCUMENT.fullmatch(scope["path"]) else min(self._body_limit, _SMALL)

    def _counted(self, receive: Receive, limit: int) -> Receive:
        come = 0

        async def receiving() -> Message:
            nonlocal come
            message = await receive()
            come += len(message.get("body", b""))
            if come > limit:
                raise Refused(413, _too_large(limit))
            return message

        return receiving


def _too_large(limit: int) -> Diagnostic:
    what = f"the body is larger than {limit:,} bytes"
    return error("WFT-SRV-008", what, fix="send less at once, or raise `server.body_limit` or `publishing.file_size`")


def _stopped() -> Diagnostic:
    return error(
        "WFT-SRV-012",
        "the server was stopped before it had answered",
        why="it waits `server.shutdown` for what has begun",
        fix="ask again; what may be done twice is tried again by weft's own clients",
    )


def _failed(request_id: str) -> Diagnostic:
    return error(
        "WFT-SRV-011",
        "the server itself has failed",
        why=f"its log says more, at request `{request_id}`",
        fix="tell whoever operates it the id of the request",
    )


def _secured(headers: MutableHeaders, scope: Scope, request_id: str) -> None:
    """What a browser is to do with an answer; a route that says something else about it is not overruled."""
    headers["X-Request-Id"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    for name, value in (
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
        ("Referrer-Policy", "no-referrer"),
    ):
        headers.setdefault(name, value)
    if scope.get("scheme") == "https":
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
