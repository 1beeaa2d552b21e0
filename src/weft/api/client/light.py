"""Rows of a server for whoever has no PyArrow: as Python values, as a Polars data frame, or written into a file."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import io
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from weft.access.result import ResultColumn, imported, replacing
from weft.api.client.distant import ARROW, DistantResult
from weft.errors import Diagnostic, PlatformError, UsageError, diagnostic_from_json, error

if TYPE_CHECKING:
    from weft.registry.remote import Server

_MEDIA = {"csv": "text/csv", "arrow": ARROW, "parquet": "application/vnd.apache.parquet"}
_WITH_ARROW = 'pip install "weft-client[arrow]"'

_VALUES: Mapping[str, Callable[[Any], Any]] = {
    "BIGINT": int,
    "UBIGINT": int,
    "HUGEINT": int,
    "UHUGEINT": int,
    "DECIMAL": decimal.Decimal,
    "DATE": lambda text: _or_text(dt.date.fromisoformat, text),
    "TIME": lambda text: _or_text(dt.time.fromisoformat, text),
    "TIMESTAMP": lambda text: _or_text(dt.datetime.fromisoformat, text),
    "TIMESTAMP WITH TIME ZONE": lambda text: _or_text(dt.datetime.fromisoformat, text),
    "BLOB": lambda text: base64.b64decode(text),
    "UUID": uuid.UUID,
}
"""How a value of JSON becomes one of Python, by DuckDB's name of its type; what is not here stays as it is."""


def without_arrow() -> bool:
    """Whether PyArrow is not installed."""
    return find_spec("pyarrow") is None


class LightResult(DistantResult):
    """Rows that come as JSON, and once more in another form where one is asked for: of the same data versions."""

    def __init__(self, server: Server, path: str, asked: dict[str, Any] | None) -> None:
        """Begins to ask.

        Raises:
            WeftError: what the server says.
        """
        self._server, self._path, self._asked = server, path, asked
        parts = server.stream(path, asked, "application/json")
        self._begun: tuple[bytes, Iterator[bytes]] | None = (next(parts), parts)

    @cached_property
    def _told(self) -> dict[str, Any]:
        if self._begun is None:
            parts = self._server.stream(self._path, self._asked, "application/json")
            self._begun = next(parts), parts
        first, rest = self._begun
        body = b"".join((first, *rest))
        self._begun = None
        try:
            found: dict[str, Any] = msgspec.json.decode(body)
        except msgspec.DecodeError:
            raise PlatformError(error("WFT-ACC-045", "the answer ends before its end", fix="ask again")) from None
        return found

    def _in(self, media: str) -> Iterator[bytes]:
        """The same answer in another form."""
        path, asked = self._path, self._asked
        if "_told" not in self.__dict__ and self._begun is not None:
            self._begun[1].close()  # type: ignore[attr-defined]  # nobody needs it as JSON
            self._begun = None
        elif self.snapshots and asked is not None:
            asked = {**asked, "at": dict(self.snapshots)}
        elif self.snapshots and "at=" not in path:
            at = "&".join(f"at={quote(f'{address}={snapshot}')}" for address, snapshot in self.snapshots.items())
            path = f"{path}{'&' if '?' in path else '?'}{at}"
        return self._server.stream(path, asked, media)

    @property
    def columns(self) -> tuple[ResultColumn, ...]:
        """Columns of the result."""
        return tuple(ResultColumn(**column) for column in self._told["columns"])

    @property
    def snapshots(self) -> Mapping[str, str]:
        """Snapshot id by pinned address of every port that was read."""
        found: Mapping[str, str] = self._told["snapshot"]
        return found

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader should know."""
        return tuple(self._told.get("notes", ()))

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Warnings."""
        return tuple(diagnostic_from_json(d) for d in self._told.get("diagnostics", ()))

    @property
    def truncated(self) -> bool:
        """Whether a limit cut rows off."""
        return bool(self._told["truncated"])

    def __len__(self) -> int:
        return len(self._told["rows"])

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as Python tuples; values inside lists and structs are as JSON has them."""
        made = [_VALUES.get(c.type.partition("(")[0] if c.type[-1:] != "]" else "") for c in self.columns]
        return [
            tuple(v if v is None or make is None else make(v) for v, make in zip(row, made, strict=True))
            for row in self._told["rows"]
        ]

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft query --format json`."""
        names = ("columns", "rows", "truncated", "snapshot", "diagnostics", "notes")
        return {name: self._told[name] for name in names if name in self._told}

    def polars(self) -> Any:
        """The rows as a Polars data frame; needs `pip install polars`."""
        polars = imported("polars")
        return polars.read_ipc_stream(io.BytesIO(b"".join(self._in(ARROW))))

    def write(self, target: Path | Any, format: str) -> None:
        """Writes the rows to a file or a binary stream, as the server writes them: `csv`, `arrow` or `parquet`.

        Raises:
            UsageError: WFT-CLI-001, an unknown format.
        """
        if format not in _MEDIA:
            raise UsageError(
                error("WFT-CLI-001", f"`{format}` is no format of a result", fix="use csv, arrow or parquet")
            )
        with replacing(target) if isinstance(target, Path) else nullcontext(target) as sink:
            for part in self._in(_MEDIA[format]):
                sink.write(part)

    def arrow(self) -> Any:
        """Needs PyArrow, like `batches` and `pandas`.

        Raises:
            UsageError: WFT-CLI-002.
        """
        raise _needs_arrow()

    def batches(self) -> Iterator[Any]:
        """Needs PyArrow.

        Raises:
            UsageError: WFT-CLI-002.
        """
        raise _needs_arrow()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in ("pandas", "text_rows", "table"):
            raise _needs_arrow()
        raise AttributeError(name)


def _needs_arrow() -> UsageError:
    what = "the package `pyarrow` is not installed"
    why = "without it rows are Python values (`rows`), a Polars data frame (`polars`) or a file (`write`)"
    return UsageError(error("WFT-CLI-002", what, why=why, fix=_WITH_ARROW))


def _or_text(read: Callable[[str], Any], text: str) -> Any:
    """A date or time, or the engine's text of one that Python cannot hold."""
    try:
        return read(text)
    except ValueError:
        return text
