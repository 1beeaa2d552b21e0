"""A weft server as its clients see it: requests with a token, tried again where that is safe, its errors as ours."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import msgspec

from weft import errors
from weft.errors import AccessDenied, Awaited, Diagnostic, PlatformError, TransientError, UsageError, WeftError, error
from weft.model.handover import Awaiting, UploadAddress
from weft.registry.reaching import tls_fix

T = TypeVar("T")
_TRIES = 5
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 5.0
_AGAIN = frozenset({429, 502, 503, 504})
_CHUNK = 1 << 20
_STREAM_S = 600.0
"""How long the next part of an answer is waited for."""

KIND = "X-Weft-Error"
"""The header that names the class of an error."""


class ServerEvent(msgspec.Struct, frozen=True):
    """One event of a stream (Source: HTML, server-sent events). A sign of life has the kind `comment`."""

    kind: str
    data: str = ""
    id: str = ""


class Server:
    """Requests to one server.

    Only what may be done twice is tried again: the server knows runs, files and publications by names that the client
    gives, so that nearly everything may.
    """

    def __init__(self, url: str, token: Callable[[], str | None], cache: Path | None = None) -> None:
        """`cache` is a folder for answers that the server may find unchanged."""
        self.url = url.rstrip("/")
        self._token = token
        self._cache = cache
        self._known: dict[str, tuple[str, bytes]] = {}
        self._client = httpx.Client(base_url=self.url, timeout=httpx.Timeout(60, connect=5), follow_redirects=False)

    def bearer(self) -> str | None:
        """The token with which it is asked now."""
        return self._token()

    def close(self) -> None:
        """Gives connections back."""
        self._client.close()

    def get(self, path: str, kind: type[T] | Any, params: Mapping[str, Any] | None = None) -> Any:
        """What the server holds at a path, as a value."""
        shown = {k: v for k, v in (params or {}).items() if v is not None}
        key = hashlib.sha256(f"{self.url}{path}{sorted(shown.items())}{self._token()}".encode()).hexdigest()
        known = self._remembered(key)
        headers = {"If-None-Match": known[0]} if known else {}
        answer = self._asked("GET", path, params=shown, headers=headers)
        if answer.status_code == 304 and known is not None:
            return self._decoded(known[1], kind, path)
        if "etag" in answer.headers:
            self._remember(key, answer.headers["etag"], answer.content)
        return self._decoded(answer.content, kind, path)

    def send(
        self,
        method: str,
        path: str,
        value: Any,
        kind: type[T] | Any = None,
        *,
        again: bool = True,
        patience_s: float | None = None,
    ) -> Any:
        """Sends a value; gives the answer as one, or None without `kind`.

        Args:
            again: whether doing it twice does no harm.
            patience_s: how long the answer may take; None: as long as any.
        """
        body = msgspec.json.encode(value, enc_hook=str)
        headers = {"Content-Type": "application/json"}
        answer = self._asked(method, path, content=body, headers=headers, again=again, patience_s=patience_s)
        return self._decoded(answer.content, kind, path) if kind is not None else None

    def hand_in(self, path: str, value: Any, kind: type[T] | Any, patience_s: float) -> Any:
        """Sends what the server does in its time: waits where it says that it has accepted it.

        Raises:
            TransientError: WFT-REG-020, it was not done in time; it may still be.
            Awaited: it waits for a person: the server keeps it, and goes on by itself.
        """
        body = msgspec.json.encode(value, enc_hook=str)
        deadline = time.monotonic() + patience_s
        answer = self._asked("POST", path, content=body, headers={"Content-Type": "application/json"})
        while answer.status_code == 202:
            self._require_no_person(answer)
            if time.monotonic() > deadline:
                raise TransientError(
                    error("WFT-REG-020", f"`{self.url}` has not answered in {patience_s:g} s", fix="apply again")
                )
            answer = self._asked("GET", answer.headers["location"])
        return self._decoded(answer.content, kind, path)

    def wait_for(self, path: str, value: Any, kind: type[T] | Any, told: Callable[[], None]) -> Any:
        """Sends, once, what the server takes its time for; asks for what came of it until it is there.

        Args:
            told: called each time that it is still under way.
        """
        body = msgspec.json.encode(value, enc_hook=str)
        answer = self._asked("POST", path, content=body, headers={"Content-Type": "application/json"}, again=False)
        while answer.status_code == 202:
            told()
            answer = self._asked("GET", answer.headers["location"])
        return self._decoded(answer.content, kind, path)

    def _require_no_person(self, answer: httpx.Response) -> None:
        """Raises Awaited where the server says that what it has accepted waits for a person."""
        try:
            told = msgspec.json.decode(answer.content, type=Awaiting)
        except msgspec.DecodeError:  # of a server that says nothing of it
            return
        if told.diagnostics:
            raise Awaited(*(errors.diagnostic_from_json(d) for d in told.diagnostics), approvals=told.approvals)

    def stream(self, path: str, value: Any, accept: str) -> Iterator[bytes]:
        """Sends a value; gives the bytes of the answer as they come.

        Args:
            value: None: nothing is sent, the answer is got.

        Raises:
            TransientError: WFT-REG-020, the server cannot be reached, or the answer was broken off.
            WeftError: what the server answers.
        """
        token = self._token()
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = msgspec.json.encode(value, enc_hook=str) if value is not None else None
        if body is not None:
            headers["Content-Type"] = "application/json"
        method = "GET" if body is None else "POST"
        try:
            request = self._client.build_request(method, path, content=body, headers=headers, timeout=_STREAM_S)
            answer = self._client.send(request, stream=True)
            try:
                if answer.status_code >= 400:
                    answer.read()
                    raise self._failure(answer)
                yield from answer.iter_bytes()
            finally:
                answer.close()
        except (httpx.TransportError, httpx.InvalidURL) as e:
            raise self._away(e) from e

    def put_file(self, path: str, file: Path, sha256: str) -> None:
        """Uploads a file."""
        headers = {"Content-Type": "application/octet-stream", "X-Content-Sha256": sha256}
        headers["Content-Length"] = str(file.stat().st_size)
        self._asked("PUT", path, content=lambda: _chunks(file), headers=headers)

    def put_at(self, address: Callable[[], UploadAddress], file: Path) -> None:
        """Uploads a file to an address that is given for it alone, and that is no place for our token."""
        given = address()
        self._asked("PUT", given.address, content=lambda: _chunks(file), headers=given.headers, foreign=True)

    def fetch_file(self, path: str, file: Path, size_bytes: int, scan_token: str) -> None:
        """Downloads a file, whole or not at all."""
        temporary = file.with_name(f".{file.name}.{time.monotonic_ns()}")
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            answer = self._asked("GET", path, headers={"X-Scan-Token": scan_token}, into=temporary)
            if answer.status_code == 307:
                answer = self._asked("GET", answer.headers["location"], into=temporary, foreign=True)
            if answer.status_code != 200 or temporary.stat().st_size != size_bytes:
                raise PlatformError(
                    error("WFT-REG-022", f"`{self.url}` sent another file than it had announced", fix="apply again")
                )
            temporary.rename(file)
        finally:
            temporary.unlink(missing_ok=True)

    def events(self, path: str, params: Mapping[str, Any] | None = None) -> Iterator[ServerEvent]:
        """Events as the server sends them, until it ends the answer.

        Raises:
            TransientError: WFT-REG-020, the server went away; another time may do.
            WeftError: what the server answers.
        """
        token = self._token()
        headers = {"Accept": "text/event-stream", **({"Authorization": f"Bearer {token}"} if token else {})}
        try:
            with self._client.stream("GET", path, params=params, headers=headers) as answer:
                if answer.status_code >= 400:
                    answer.read()
                    failed = self._failure(answer)
                    raise TransientError(*failed.diagnostics) if answer.status_code in _AGAIN else failed
                held = b""
                for chunk in answer.iter_bytes():
                    # not by lines of text: what a job tells may hold signs that count as ends of lines elsewhere
                    *whole, held = (held + chunk).split(b"\n\n")
                    yield from map(_event, whole)
        except (httpx.TransportError, httpx.InvalidURL) as e:
            raise self._away(e) from e

    def _asked(
        self,
        method: str,
        path: str,
        *,
        content: bytes | Callable[[], Iterator[bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, Any] | None = None,
        again: bool = True,
        into: Path | None = None,
        foreign: bool = False,
        patience_s: float | None = None,
    ) -> httpx.Response:
        """An answer that is none of a failure.

        Args:
            foreign: whether `path` is the address of another server, which gets no token.

        Raises:
            TransientError: WFT-REG-020, the server cannot be reached.
            WeftError: what the server answers.
        """
        token = self._token() if not foreign else None
        sent = {**(headers or {}), **({"Authorization": f"Bearer {token}"} if token else {})}
        for attempt in range(_TRIES):
            last = not again or attempt == _TRIES - 1
            pause = _FIRST_PAUSE_S * 2**attempt
            try:
                body = content() if callable(content) else content
                waits = httpx.Timeout(patience_s, connect=5) if patience_s is not None else httpx.USE_CLIENT_DEFAULT
                request = self._client.build_request(
                    method, path, content=body, headers=sent, params=params, timeout=waits
                )
                answer = self._client.send(request, stream=True)
                try:
                    if into is not None and answer.status_code == 200:
                        with into.open("wb") as out:
                            for chunk in answer.iter_bytes(_CHUNK):
                                out.write(chunk)
                    else:
                        answer.read()
                finally:
                    answer.close()
            except (httpx.TransportError, httpx.InvalidURL) as e:
                if last or isinstance(e, httpx.InvalidURL | httpx.UnsupportedProtocol):
                    raise self._away(e) from e
                time.sleep(pause)
                continue
            if answer.status_code in _AGAIN and not last:
                wait = answer.headers.get("retry-after", "")
                time.sleep(min(float(wait) if wait.isdigit() else pause, _LONGEST_PAUSE_S))
                continue
            if answer.status_code >= 400:
                raise self._failure(answer) if not foreign else _refused(answer)
            return answer
        raise AssertionError("the last attempt returns or raises")

    def _away(self, e: Exception) -> TransientError:
        return TransientError(
            error(
                "WFT-REG-020",
                f"the server `{self.url}` cannot be reached",
                why=str(e) or type(e).__name__,
                fix=tls_fix(e) or "is `mesh.registry` right, and does the server run?",
            )
        )

    def _failure(self, answer: httpx.Response) -> WeftError:
        """The error that the server has answered with."""
        try:
            body = msgspec.json.decode(answer.content)
            told = [errors.diagnostic_from_json(d) for d in body["diagnostics"]]
            if answer.status_code == 401:
                return self._unknown(answer, told)
            kind = getattr(errors, answer.headers.get(KIND, ""), None)
            if told and isinstance(kind, type) and issubclass(kind, WeftError):
                return kind(*told)
            if told:
                return (PlatformError if answer.status_code >= 500 else UsageError)(*told)
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            pass  # no problem document of ours, or of a newer weft: what it says is told as a text
        if answer.status_code == 401:
            return self._unknown(answer, ())
        return PlatformError(
            error(
                "WFT-REG-022",
                f"the server `{self.url}` has answered {answer.status_code}",
                why=answer.text[:300] or None,
                fix="is `mesh.registry` the address of a weft server of this version?",
            )
        )

    def _unknown(self, answer: httpx.Response, told: Sequence[Diagnostic]) -> AccessDenied:
        """That the server knows nobody by what it was shown: for the reason that it tells, where it tells one."""
        why = "there is no token for it on this machine"
        fix = f"`weft login {self.url}`, or set WEFT_TOKEN to a token of the domain"
        if "authorization" in answer.request.headers:
            said = [part for d in told[:1] for part in (d.what, d.why) if part]
            why = ": ".join(said) or "the token has expired, was revoked, or is of another server"
        if told and told[0].code != "WFT-SRV-002":
            why, fix = f"{told[0].what} ({told[0].code})", told[0].fix or fix
        return AccessDenied(error("WFT-REG-021", f"the server `{self.url}` does not know who asks", why=why, fix=fix))

    def _decoded(self, content: bytes, kind: Any, path: str) -> Any:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as e:  # also what does not fit the type
            raise PlatformError(
                error(
                    "WFT-REG-022",
                    f"the server `{self.url}` has answered {path} with what this weft does not understand",
                    why=str(e),
                    fix="install the version of weft that the server has",
                )
            ) from e

    def _remembered(self, key: str) -> tuple[str, bytes] | None:
        if key not in self._known and self._cache is not None:
            try:
                tag, _, body = (self._cache / key).read_bytes().partition(b"\n")
            except OSError:
                return None
            self._known[key] = tag.decode(), body
        return self._known.get(key)

    def _remember(self, key: str, tag: str, body: bytes) -> None:
        self._known[key] = tag, body
        if self._cache is not None and len(body) > _WORTH_KEEPING:
            self._cache.mkdir(parents=True, exist_ok=True)
            temporary = self._cache / f".{key}.{time.monotonic_ns()}"
            temporary.write_bytes(tag.encode() + b"\n" + body)
            temporary.replace(self._cache / key)


def _event(block: bytes) -> ServerEvent:
    fields = dict(line.split(": ", 1) for line in block.decode("utf-8", "replace").split("\n") if ": " in line)
    return ServerEvent(fields.get("event", "comment"), fields.get("data", ""), fields.get("id", ""))


_WORTH_KEEPING = 2_000
"""Bytes from which on an answer is kept on the disk: a small one is sent again as fast."""


def _chunks(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while chunk := source.read(_CHUNK):
            yield chunk


def _refused(answer: httpx.Response) -> PlatformError:
    """What a store has said of an address that was given for it. The address itself is not told: it is a key."""
    return PlatformError(
        error(
            "WFT-REG-022",
            f"the store `{answer.url.host}` has answered {answer.status_code} to an address that the server gave",
            why="an address holds for a quarter of an hour" if answer.status_code == 403 else None,
            fix="apply again",
        )
    )
