"""Short-lived keys of a store's own, for reading some objects and nothing else (STS, `AssumeRole`).

Source: AWS Security Token Service, API reference, AssumeRole; MinIO and Ceph answer the same request.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from msgspec import Struct

from weft.connections import Connection, Reference, Secret
from weft.errors import PlatformError, TransientError, error
from weft.storage.object_store import ObjectStore, endpoint_of, keys_of, region_of
from weft.storage.signing import Keys, authorised, digest_of, query_of

LASTS = timedelta(minutes=15)
"""How long lent keys hold: stores make none that are shorter, and issue none of ours that are longer."""

_SLACK = timedelta(minutes=1)
_MOST = 2048
"""Characters that a session policy may have."""

_PLAIN = re.compile(r"[ -~]+")
_WILD = frozenset("*?$")
"""Characters that mean something else in a policy than themselves."""

_TRIES = 3
_PAUSE_S = 0.2
_TIMEOUT_S = 10


class Lent(Struct, frozen=True):
    """Keys, and when the store lets them end."""

    keys: Keys
    ends_at: datetime


def lends(connection: Connection) -> bool:
    """Whether a connection says that its store gives keys for a while."""
    return bool(connection.options.get("role") or connection.options.get("sts_endpoint"))


def reading(connection: Connection, bucket: str, keys: Sequence[str], folders: Sequence[str]) -> str | None:
    """The session policy that allows to get some objects, and all that lies below some folders.

    Args:
        folders: keys without the slash at their end.

    Returns:
        None where a policy has no room for it, or a key cannot be written in one.
    """
    if any(_WILD & set(name) or not _PLAIN.fullmatch(name) for name in (bucket, *keys, *folders)):
        return None
    role = connection.options.get("role", "").split(":")
    part = role[1] if len(role) > 1 and role[1].startswith("aws") else "aws"
    allowed = [f"arn:{part}:s3:::{bucket}/{name}" for name in (*keys, *(f"{folder}/*" for folder in folders))]
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": allowed}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}, separators=(",", ":"))
    return text if len(text) <= _MOST else None


def lent(connection: Connection, policy: str, name: str, now: datetime) -> Lent:
    """Keys that a policy bounds, from the store.

    Args:
        name: whose they are, as the store writes it into its own log.

    Raises:
        PlatformError: WFT-SRV-100 the store gives none, WFT-SRV-101 they would hold for too long.
        TransientError: WFT-STO-016, it does not answer.
    """
    asked = {
        "Action": "AssumeRole",
        "Version": "2011-06-15",
        "DurationSeconds": str(int(LASTS.total_seconds())),
        "RoleSessionName": _session_name(name),
        "Policy": policy,
    }
    if role := connection.options.get("role"):
        asked["RoleArn"] = role
    found = _answered(connection, query_of(asked).encode()).find(".//{*}Credentials")
    if found is None:
        raise _refused(connection, "its answer has no credentials")
    said = {name: found.findtext(f"{{*}}{name}") or "" for name in _SAID}
    key, secret, token, ends = said.values()
    if not all(said.values()):
        raise _refused(connection, "its credentials have no key, secret, session token or end")
    ends_at = datetime.fromisoformat(ends.replace("Z", "+00:00"))
    if ends_at > now + LASTS + _SLACK:
        raise too_open(connection, f"they would hold until {ends_at:%Y-%m-%d %H:%M:%S} UTC, and not for 15 minutes")
    return Lent(Keys(Secret(key), Secret(secret), Secret(token)), ends_at)


_SAID = ("AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration")


def open_nothing_else(connection: Connection, bucket: str, keys: Keys, other: str) -> None:
    """Sees to it that a store holds keys to their policy: they must not open an object that it does not name.

    Raises:
        PlatformError: WFT-SRV-101, they do.
        TransientError: WFT-STO-016, the store does not answer.
    """
    given = {"access_key": keys.access_key, "secret_key": keys.secret_key, "session_token": keys.session_token}
    secrets = {name: Reference("the store", value) for name, value in given.items() if value is not None}
    store = ObjectStore(bucket, Connection(connection.name, connection.kind, connection.options, secrets))
    try:
        store.get(other)
    except PlatformError as refused:
        if refused.diagnostics[0].code == "WFT-STO-015":
            return
        raise
    except FileNotFoundError:
        pass  # a store that looks for an object has not looked at the policy
    raise too_open(connection, "they open objects that their session policy does not name")


def too_open(connection: Connection, why: str) -> PlatformError:
    """What is said of keys that are not handed out, since they would open more or longer than a grant."""
    return PlatformError(
        error(
            "WFT-SRV-101",
            f"the keys that the store of `{connection.name}` lends for the files of a table are not handed out",
            why=why,
            fix=f"take `role` and `sts_endpoint` out of [connections.{connection.name}]: "
            "files then pass the server, as they do without a store that lends keys",
        )
    )


def sts_endpoint_of(connection: Connection) -> str:
    """Where a store gives keys."""
    said = connection.options.get("sts_endpoint")
    if not said and not connection.options.get("endpoint"):
        region = region_of(connection)
        return f"https://sts.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"
    return (said if "://" in said else f"https://{said}").rstrip("/") if said else endpoint_of(connection)


def _answered(connection: Connection, content: bytes) -> ET.Element:
    url, why = f"{sts_endpoint_of(connection)}/", ""
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_S * 4 ** (attempt - 1))
        more = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        signed = authorised(
            keys_of(connection),
            region_of(connection),
            "POST",
            url,
            more,
            digest_of(content),
            datetime.now(UTC),
            service="sts",
        )
        try:
            status, body = _sent(url, signed, content)
        except (OSError, http.client.HTTPException) as problem:
            why = str(problem) or type(problem).__name__
            continue
        code = _code_in(body) if status >= 300 else ""
        if status < 300:
            return ET.fromstring(body)  # of the store that is trusted with all rows
        if status < 500 and code not in ("Throttling", "SlowDown"):
            raise _refused(connection, f"it says {status} {code}".rstrip())
        why = f"it says {status} {code}".rstrip()
    fix = f"try again; look at `sts_endpoint` of the connection `{connection.name}`"
    raise TransientError(error("WFT-STO-016", "the store gives no keys for a while", why=why, fix=fix))


def _sent(url: str, headers: dict[str, str], content: bytes) -> tuple[int, bytes]:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=_TIMEOUT_S)
    try:
        connection.request("POST", parts.path, body=content, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _code_in(body: bytes) -> str:
    try:
        return ET.fromstring(body).findtext(".//{*}Code") or ""
    except ET.ParseError:
        return ""


def _refused(connection: Connection, why: str) -> PlatformError:
    return PlatformError(
        error(
            "WFT-SRV-100",
            f"the store of `{connection.name}` lends no keys for the files of a table",
            why=why,
            fix=f"let the user of its keys assume the `role` of [connections.{connection.name}], mend `sts_endpoint`, "
            "or take both out: files then pass the server",
        )
    )


def _session_name(name: str) -> str:
    """A name as a store takes it: of 2 to 64 letters, digits and some signs."""
    return f"weft-{re.sub(r'[^A-Za-z0-9_+=,.@-]', '-', name)}"[:64]
