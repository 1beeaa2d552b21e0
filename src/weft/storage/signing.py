"""Requests to an S3-compatible store, signed (AWS Signature Version 4): in a header, or in an address of its own.

Source: AWS, Signature Version 4, "Using Query Parameters" and "Using the Authorization Header".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from msgspec import Struct

from weft.connections import Secret

UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"


class Keys(Struct, frozen=True):
    """What a store knows its user by."""

    access_key: Secret
    secret_key: Secret
    session_token: Secret | None = None


def digest_of(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def path_of(bucket: str, key: str) -> str:
    """The path of an object in an address, as it is signed."""
    return f"/{quote(bucket, safe='-_.~')}/{quote(key, safe='/-_.~')}"


def query_of(values: Mapping[str, str]) -> str:
    """A query in the order and form in which it is signed."""
    return "&".join(f"{quote(k, safe='-_.~')}={quote(v, safe='-_.~')}" for k, v in sorted(values.items()))


def authorised(
    keys: Keys,
    region: str,
    method: str,
    url: str,
    headers: Mapping[str, str],
    payload: str,
    now: datetime,
    service: str = "s3",
) -> dict[str, str]:
    """The headers of a request with its signature.

    Args:
        url: with its query as `query_of` gives it.
        payload: SHA-256 of the body in hex.
        service: of the store, as it is signed for.
    """
    at = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    parts = urlsplit(url)
    signed = {"host": parts.netloc, "x-amz-content-sha256": payload, "x-amz-date": at}
    signed |= {k.lower(): v for k, v in headers.items()}
    if keys.session_token is not None:
        signed["x-amz-security-token"] = keys.session_token.value
    scope, names = _scope(at, region, service), ";".join(sorted(signed))
    canonical = _canonical(method, parts.path, parts.query, signed, payload)
    signature = _signature(keys, region, at, canonical, service)
    given = f"{_ALGORITHM} Credential={keys.access_key.value}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**{k: v for k, v in signed.items() if k != "host"}, "authorization": given}


def signed_address(
    keys: Keys, region: str, method: str, url: str, headers: Mapping[str, str], lasts_s: int, now: datetime
) -> str:
    """An address that allows one method on one object for a while, with exactly these headers.

    Args:
        url: without a query.
    """
    at = f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    parts = urlsplit(url)
    signed = {"host": parts.netloc, **{k.lower(): v for k, v in headers.items()}}
    values = {
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key.value}/{_scope(at, region)}",
        "X-Amz-Date": at,
        "X-Amz-Expires": str(lasts_s),
        "X-Amz-SignedHeaders": ";".join(sorted(signed)),
    }
    if keys.session_token is not None:
        values["X-Amz-Security-Token"] = keys.session_token.value
    query = query_of(values)
    signature = _signature(keys, region, at, _canonical(method, parts.path, query, signed, UNSIGNED))
    return f"{url}?{query}&X-Amz-Signature={signature}"


def signature_of(
    keys: Keys, region: str, method: str, path: str, query: str, signed: Mapping[str, str], payload: str, at: str
) -> str:
    """The signature that a request has which was signed with these keys, by whoever sends it.

    Args:
        path: as it was sent.
        query: as `query_of` gives it.
        signed: the headers that are signed, by their names in small letters.
        at: the time, as the request writes it.
    """
    return _signature(keys, region, at, _canonical(method, path, query, signed, payload))


def _scope(at: str, region: str, service: str = "s3") -> str:
    return f"{at[:8]}/{region}/{service}/aws4_request"


def _canonical(method: str, path: str, query: str, signed: Mapping[str, str], payload: str) -> str:
    lines = "".join(f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed))
    return "\n".join((method, path, query, lines, ";".join(sorted(signed)), payload))


def _signature(keys: Keys, region: str, at: str, canonical: str, service: str = "s3") -> str:
    text = "\n".join((_ALGORITHM, at, _scope(at, region, service), digest_of(canonical.encode())))
    key = f"AWS4{keys.secret_key.value}".encode()
    for part in (at[:8], region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.new(key, text.encode(), "sha256").hexdigest()
