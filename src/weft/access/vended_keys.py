"""Keys for the files of one data version: made for one reader, short, and asked about anew in each request.

They look like those of an S3 store, and requests are signed with them as there (AWS Signature Version 4). Nothing of
them is kept: the session token is sealed, and holds by what bearer token they were asked for, and of what. So whoever
is no longer known by that token, or may no longer read the files, has keys that open nothing.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import msgspec
from msgspec import Struct

from weft.access import sealing
from weft.access.signing import Signer
from weft.connections import Secret
from weft.errors import AccessDenied, error
from weft.storage.signing import Keys, signature_of

LASTS = timedelta(minutes=15)
"""How long keys hold at most."""
REGION = "us-east-1"
"""What clients are told to sign for; the files lie in no region."""

_SKEW = timedelta(minutes=5)
"""How far the clock of a client may be off: a request that somebody has recorded is of no use afterwards."""
_OWNER = "iceberg"
_SIGNED = frozenset({"host", "x-amz-date", "x-amz-content-sha256", "x-amz-security-token"})
"""What a signature has to cover at least."""
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=(?P<key>[A-Z0-9]{20})/(?P<scope>[0-9]{8}/[a-z0-9-]{1,40}/s3/aws4_request), *"
    r"SignedHeaders=(?P<signed>[a-z0-9;-]{1,500}), *Signature=(?P<signature>[0-9a-f]{64})"
)


class Held(Struct, frozen=True):
    """What keys are for, as their session token says.

    Attributes:
        bearer: the token of whoever has asked for them.
        view: stands for what they saw then.
    """

    bearer: str
    port: str
    snapshot: str
    purpose: str | None
    view: str
    ends_at: datetime


class SignedRequest(Struct, frozen=True):
    """A request as it came.

    Attributes:
        path: as it was sent, with its escapes.
        query: as it was sent.
        headers: by their names in small letters.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]


class Vending:
    """Makes keys, and knows them again."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def _secrets(self) -> list[str]:
        return self._signer.secrets("vended keys")

    def vended(self, held: Held) -> Keys:
        """Keys for the files of a data version."""
        secret = self._secrets()[0]
        return _keys(sealing.sealed(msgspec.json.encode(held).decode(), secret, _OWNER), secret)

    def held(self, asked: SignedRequest, now: datetime) -> Held:
        """What the keys are for with which a request is signed.

        Raises:
            AccessDenied: WFT-SRV-091 they are none of ours or the signature is wrong, WFT-SRV-092 they are over.
        """
        given = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
        token = asked.headers.get("x-amz-security-token", "")
        secrets = self._secrets() if given is not None and token else ()
        opened = ((secret, sealing.unsealed(token, secret, _OWNER)) for secret in secrets)
        secret, text = next(((s, t) for s, t in opened if t is not None), ("", None))
        if given is None or text is None:
            raise _no_keys("the request is not signed with keys that this server has given")
        keys, names = _keys(token, secret), given["signed"].split(";")
        at, scope = asked.headers.get("x-amz-date", ""), given["scope"]
        signed_at = _time(at)
        if signed_at is None or not scope.startswith(at[:8]) or not set(names) >= _SIGNED:
            raise _no_keys("the signature does not say when, or for whom, the request was made")
        expected = signature_of(
            keys,
            scope.split("/")[1],
            asked.method,
            asked.path,
            _in_order(asked.query),
            {name: asked.headers.get(name, "") for name in names},
            asked.headers.get("x-amz-content-sha256", ""),
            at,
        )
        same = hmac.compare_digest(expected.encode(), given["signature"].encode())
        if not same or given["key"] != keys.access_key.value:
            raise _no_keys("the signature is not that of this request")
        if abs(now - signed_at) > _SKEW:
            raise _no_keys("the request was signed at another time", "set the clock of the client right")
        held = msgspec.json.decode(text, type=Held)
        if now >= held.ends_at:
            raise AccessDenied(
                error(
                    "WFT-SRV-092", "the keys for these files are over", fix="load the table again, or its credentials"
                )
            )
        return held


def _keys(token: str, secret: str) -> Keys:
    """The keys that go with a token; nobody else has the secret from which they follow."""
    key, signing = (
        hmac.new(secret.encode(), f"{of}\0{token}".encode(), "sha256").hexdigest() for of in ("key", "secret")
    )
    return Keys(Secret(f"WEFT{key[:16].upper()}"), Secret(signing[:32]), Secret(token))


def no_longer() -> AccessDenied:
    """What is said of keys whose reader may not read the files any more."""
    return _no_keys("whoever asked for them is not known any more, or may not read these files any more")


def _no_keys(why: str, fix: str = "load the table again: its answer has keys") -> AccessDenied:
    return AccessDenied(error("WFT-SRV-091", "there is no file for these keys", why=why, fix=fix))


def _time(at: str) -> datetime | None:
    try:
        return datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def _in_order(query: str) -> str:
    """A query as it is signed: its parts in order, each with its `=`."""
    return "&".join(sorted(part if "=" in part else f"{part}=" for part in query.split("&") if part))
