"""An S3 server as a process of its own port: moto's, behind a gate that checks each signature as botocore makes it.

It lends keys too (STS), and holds each request that is signed with them to the policy and the end of their session.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import logging
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from weft.connections import Connection, Reference, Secret
from weft.storage.object_files import ObjectFiles
from weft.storage.object_store import ObjectStore

ACCESS_KEY, SECRET_KEY, REGION = "mesh", "sesame-öffne", "eu-central-1"


ROLE = "arn:aws:iam::123456789012:role/readers"


@dataclass
class Session:
    """Keys that the server has lent, and what they are for."""

    secret_key: str
    token: str
    policy: str
    name: str
    ends_at: datetime
    asked: dict[str, str] = field(default_factory=dict)


class ObjectServer:
    """A server that holds buckets.

    Attributes:
        requests: method and path of each request that it has let through.
        sessions: the keys that it has lent, by their ids.
        by_sessions: method and path of each request that came with them and was let through.
        minds_policies: whether it looks at the policies of sessions; there are stores that do not.
        lends: whether it lends keys.
        lasts_s: how long they hold, whatever was asked for; None: as was asked for.
        before: called with each of them first; what it returns is answered in its place, if anything.
        unlisted: what keys begin with that nobody may list on their own.
    """

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.requests: list[tuple[str, str]] = []
        self.sessions: dict[str, Session] = {}
        self.by_sessions: list[tuple[str, str]] = []
        self.minds_policies = True
        self.lends = True
        self.lasts_s: int | None = None
        self.before: Callable[[str, str], int | None] = lambda method, path: None
        self.unlisted: str | None = None
        self._numbers = itertools.count()

    @property
    def connection(self) -> Connection:
        """How weft reaches it."""
        keys = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
        secrets = {name: Reference("$TEST", Secret(value)) for name, value in keys.items()}
        return Connection("store", "s3", {"endpoint": self.endpoint, "region": REGION}, secrets)

    def client(self) -> Any:
        """Another client: boto3's."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            region_name=REGION,
        )

    def bucket(self) -> str:
        """A new bucket."""
        name = f"bucket-{next(self._numbers)}"
        self.client().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return name

    def keys(self, bucket: str) -> list[str]:
        """The keys of a bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(o["Key"] for page in pages for o in page.get("Contents", ()))

    def files(self, bucket: str, folder: Path, prefix: str = "mesh – é", most_bytes: int = 10**9) -> ObjectFiles:
        """A warehouse in a bucket, with a folder before it."""
        return ObjectFiles(ObjectStore(bucket, self.connection), prefix, folder, most_bytes)

    def settings(self, bucket: str, prefix: str = "mesh", *, role: str | None = None) -> str:
        """The lines of `weft.toml` of a mesh whose warehouse lies in a bucket."""
        more = f'role = "{role}"\n' if role else ""
        return (
            f'\n[storage]\nwarehouse = "s3://{bucket}/{prefix}"\nconnection = "store"\n'
            f'\n[connections.store]\nkind = "s3"\nendpoint = "{self.endpoint}"\nregion = "{REGION}"\n'
            'access_key = { env = "STORE_ACCESS_KEY" }\nsecret_key = { env = "STORE_SECRET_KEY" }\n'
            f"{more}"
        )

    environ = {"STORE_ACCESS_KEY": ACCESS_KEY, "STORE_SECRET_KEY": SECRET_KEY}  # noqa: RUF012


@contextmanager
def object_server() -> Iterator[ObjectServer]:
    """A server on loopback."""
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = DomainDispatcherApplication(create_backend_app)
    found: list[ObjectServer] = []

    def gate(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
        method, path = environ["REQUEST_METHOD"], urlsplit(environ["RAW_URI"]).path
        refused = _refused(environ, found[0])
        if refused is not None:
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [f"<Error><Code>{refused}</Code></Error>".encode()]
        if _service(environ) == "sts":
            return _lent(environ, start, moto, found[0])
        status = found[0].before(method, path)
        if dict(parse_qsl(environ["QUERY_STRING"])).get("prefix", "") == found[0].unlisted:
            status = 403
        if status is not None:
            start(f"{status} Told", [("Content-Type", "application/xml")])
            code = "AccessDenied" if status == 403 else "SlowDown"
            return [f"<Error><Code>{code}</Code></Error>".encode()]
        found[0].requests.append((method, path))
        if "HTTP_X_AMZ_SECURITY_TOKEN" in environ:
            found[0].by_sessions.append((method, unquote(path)))
        return moto(environ, start)

    server = make_server("127.0.0.1", 0, gate, threaded=True)
    found.append(ObjectServer(f"http://127.0.0.1:{server.server_port}"))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield found[0]
    finally:
        server.shutdown()
        thread.join()


def _lent(environ: dict[str, Any], start: Callable[..., Any], moto: Any, server: ObjectServer) -> Any:
    """Lets moto make the keys of a session, and keeps what they are for."""
    content = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    asked = dict(parse_qsl(content.decode(), strict_parsing=True))
    digest = environ["HTTP_X_AMZ_CONTENT_SHA256"]
    if not server.lends or asked["Action"] != "AssumeRole" or digest != hashlib.sha256(content).hexdigest():
        start("403 Forbidden", [("Content-Type", "text/xml")])
        return [b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"]
    if len(asked["Policy"]) > 2048 or int(asked["DurationSeconds"]) < 900:
        start("400 Bad Request", [("Content-Type", "text/xml")])
        return [b"<ErrorResponse><Error><Code>ValidationError</Code></Error></ErrorResponse>"]
    if server.lasts_s is not None:
        content = content.replace(b"DurationSeconds=900", f"DurationSeconds={server.lasts_s}".encode())
        environ["CONTENT_LENGTH"] = str(len(content))
    environ["wsgi.input"] = io.BytesIO(content)
    body = b"".join(moto(environ, start))
    made = ET.fromstring(body).find(".//{*}Credentials")
    assert made is not None, body
    said = {one.tag.rpartition("}")[2]: one.text or "" for one in made}
    ends_at = datetime.fromisoformat(said["Expiration"].replace("Z", "+00:00"))
    server.sessions[said["AccessKeyId"]] = Session(
        said["SecretAccessKey"], said["SessionToken"], asked["Policy"], asked["RoleSessionName"], ends_at, asked
    )
    return [body]


def _service(environ: dict[str, Any]) -> str:
    given = environ.get("HTTP_AUTHORIZATION", "")
    return str(given.partition("Credential=")[2].partition(",")[0].split("/")[3]) if given else "s3"


_ACTIONS = {"GET": "s3:GetObject", "HEAD": "s3:GetObject", "PUT": "s3:PutObject", "DELETE": "s3:DeleteObject"}


def _allows(policy: str, environ: dict[str, Any]) -> bool:
    """Whether a session's policy allows a request, as moto reads policies of Amazon's."""
    from moto.iam.access_control import IAMPolicy, PermissionResult

    bucket, _, key = unquote(urlsplit(environ["RAW_URI"]).path).removeprefix("/").partition("/")
    action = _ACTIONS.get(environ["REQUEST_METHOD"], "s3:PutObject") if key else "s3:ListBucket"
    resource = f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}"
    return bool(IAMPolicy(policy).is_action_permitted(action, resource) is PermissionResult.PERMITTED)


def _refused(environ: dict[str, Any], server: ObjectServer) -> str | None:
    """What is wrong with a request's signature, or with what its session may do; None when nothing is."""
    query = dict(parse_qsl(urlsplit(environ["RAW_URI"]).query, keep_blank_values=True))
    given = environ.get("HTTP_AUTHORIZATION")
    if given is not None:
        parts = dict(p.strip().split("=", 1) for p in given.partition(" ")[2].split(","))
        credential, signed, signature = parts["Credential"], parts["SignedHeaders"], parts["Signature"]
        at = environ["HTTP_X_AMZ_DATE"]
        if abs(datetime.now(UTC) - _time(at)) > timedelta(minutes=15):
            return "RequestTimeTooSkewed"
    elif "X-Amz-Signature" in query:
        credential, signed = query["X-Amz-Credential"], query["X-Amz-SignedHeaders"]
        signature, at = query["X-Amz-Signature"], query["X-Amz-Date"]
        if datetime.now(UTC) > _time(at) + timedelta(seconds=int(query["X-Amz-Expires"])):
            return "AccessDenied"
    else:
        return "AccessDenied"
    key, session = credential.split("/")[0], server.sessions.get(credential.split("/")[0])
    if session is None and key != ACCESS_KEY:
        return "InvalidAccessKeyId"
    if session is not None:
        token = environ.get("HTTP_X_AMZ_SECURITY_TOKEN", query.get("X-Amz-Security-Token"))
        if token != session.token or _service(environ) != "s3":
            return "InvalidToken"
        if datetime.now(UTC) >= session.ends_at:
            return "ExpiredToken"
    secret = session.secret_key if session is not None else SECRET_KEY
    if signature != _expected(environ, signed.split(";"), at, given is None, (key, secret)):
        return "SignatureDoesNotMatch"
    refused = session is not None and server.minds_policies and not _allows(session.policy, environ)
    return "AccessDenied" if refused else None


def _expected(environ: dict[str, Any], signed: list[str], at: str, in_query: bool, keys: tuple[str, str]) -> str:
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    service = _service(environ)
    auth = (SigV4Auth if service == "sts" else S3SigV4Auth)(Credentials(*keys), service, REGION)
    uri = environ["RAW_URI"]
    if in_query:
        uri = "&".join(p for p in uri.split("&") if not p.startswith("X-Amz-Signature="))
    headers = {name: _header(environ, name) for name in signed}
    headers["x-amz-content-sha256"] = "UNSIGNED-PAYLOAD" if in_query else _header(environ, "x-amz-content-sha256")
    request = AWSRequest(environ["REQUEST_METHOD"], f"http://{environ['HTTP_HOST']}{uri}", headers=headers)
    request.context["timestamp"] = at
    if in_query:  # it stands for the body, and is no header that was sent
        hidden = auth.headers_to_sign
        auth.headers_to_sign = lambda r: _without(hidden(r), "x-amz-content-sha256")  # type: ignore[method-assign]
    return str(auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request))


def _without(headers: Any, name: str) -> Any:
    if name in headers:
        del headers[name]
    return headers


def _header(environ: dict[str, Any], name: str) -> str:
    key = name.upper().replace("-", "_")
    return str(environ.get(key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}", ""))


def _time(at: str) -> datetime:
    return datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
