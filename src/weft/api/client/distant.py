"""Queries of a server, as the same object that a query on this machine gives."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from weft.config import Settings
from weft.errors import Diagnostic, diagnostic_from_json
from weft.registry.credentials import server_url
from weft.sections.mesh import MeshSettings

if TYPE_CHECKING:
    from pathlib import Path as File

    from weft.access.reading.collecting import ArrowAnswer
    from weft.access.result import Result, ResultColumn
    from weft.access.values import Texts
    from weft.access.versions import At
    from weft.registry.remote import Server

ARROW = "application/vnd.apache.arrow.stream"
"""The media type of a stream of Arrow."""

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})


def settings_of(url: str, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings of a mesh that is a server's alone: what is fetched from it is kept in the user's cache.

    Raises:
        UsageError: WFT-ACC-024, the text is no address of a server.
    """
    server = server_url(url)
    home = environ.get("XDG_CACHE_HOME") or environ.get("LOCALAPPDATA")
    folder = (Path(home) if home else Path.home() / ".cache") / "weft"
    root = folder / hashlib.sha256(server.encode()).hexdigest()[:16]
    return Settings(root=root, mesh=MeshSettings(name=urlsplit(server).hostname or "mesh", registry=server))


class DistantResult:
    """Rows that a server streams: taken batch by batch once, or as a whole as often as one likes.

    It has everything that a `Result` has.
    """

    def __init__(self, parts: Callable[[], Iterator[bytes]], texts: Texts) -> None:
        self._parts, self._texts = parts, texts

    @cached_property
    def _answer(self) -> ArrowAnswer:
        from weft.access.reading.collecting import ArrowAnswer

        return ArrowAnswer(self._parts())

    @cached_property
    def _whole(self) -> Result:
        return self._answer.result(self._texts)

    @property
    def columns(self) -> tuple[ResultColumn, ...]:
        """Columns of the result."""
        return self._answer.columns

    @property
    def snapshots(self) -> Mapping[str, str]:
        """Snapshot id by pinned address of every port that was read."""
        found: Mapping[str, str] = self._answer.basis.get("snapshot", {})
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know."""
        return tuple(self._answer.basis.get("notes", ()))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings."""
        return tuple(diagnostic_from_json(d) for d in self._answer.basis.get("diagnostics", ()))

    def batches(self) -> Iterator[Any]:
        """The rows as `pyarrow.RecordBatch`es, as they come; what is taken so is not kept."""
        if "_whole" in self.__dict__:
            return self._whole.batches()
        return self._answer.batches()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._whole, name)

    def __len__(self) -> int:
        return len(self._whole)

    def arrow(self) -> Any:
        """The rows as a `pyarrow.Table`."""
        return self._whole.arrow()

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft query --format json`."""
        return self._whole.as_json()

    def write(self, target: File | Any, format: str) -> None:
        """Writes the rows to a file or a binary stream: `csv`, `arrow` or `parquet`."""
        self._whole.write(target, format)


def query(
    server: Server, sql: str, texts: Texts, *, limit: int | None = None, at: At = None, purpose: str | None = None
) -> DistantResult:
    """The rows of a query that a server runs.

    Raises:
        WeftError: what the server says.
    """
    asked: dict[str, Any] = {"sql": sql}
    if limit is not None:
        asked["limit"] = limit
    if at is not None:
        asked["at"] = at.isoformat() if isinstance(at, dt.datetime) else at
    if purpose is not None:
        asked["purpose"] = purpose
    from weft.api.client import by_flight

    found = by_flight.query(server, asked, texts)
    return found if found is not None else answered(server, "/api/v1/query", asked, texts)


def answered(server: Server, path: str, asked: dict[str, Any] | None, texts: Texts) -> DistantResult:
    """The rows that a server answers on a path.

    Args:
        asked: what is sent; None: nothing, the path says it all.

    Raises:
        WeftError: what the server says.
    """
    from weft.api.client.light import LightResult, without_arrow

    if without_arrow():
        return LightResult(server, path, asked)
    near = urlsplit(server.url).hostname in _HERE
    parts = server.stream(path, asked, ARROW if near else f'{ARROW}; codecs="lz4"')
    first = next(parts)  # what is wrong with the query is told now, not when its rows are taken

    def taken() -> Iterator[bytes]:
        yield first
        yield from parts

    return DistantResult(taken, texts)
