"""The kinds of documents that contracts are made from and turned into."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Struct

from weft.contracts.exchange.notes import Notes
from weft.errors import UsageError, did_you_mean, error
from weft.model.shape import Table

DIALECTS = ("duckdb", "postgres", "mysql", "spark", "snowflake", "bigquery")
"""The systems whose DDL is read and written."""


class Kind(Struct, frozen=True):
    """A kind of document.

    Attributes:
        module: below this package; it has `imported` if contracts are made from it, `exported` if it is made from them.
        importing, exporting: what may be said besides: dialect, model.
        binary: its source is bytes, not text.
    """

    name: str
    module: str
    reads: bool = False
    writes: bool = False
    importing: tuple[str, ...] = ()
    exporting: tuple[str, ...] = ()
    binary: bool = False
    rows: bool = False
    """Its source is rows, of which a contract is drafted."""


_KINDS = (
    Kind("sql", "sql", reads=True, writes=True, importing=("dialect",), exporting=("dialect",)),
    Kind("jsonschema", "jsonschema", reads=True, writes=True),
    Kind("avro", "avro", reads=True, writes=True),
    Kind("arrow", "arrow", reads=True, writes=True, binary=True),
    Kind("dbt", "dbt", reads=True, writes=True, importing=("model",), exporting=("dialect",)),
    Kind("duckdb", "duckdb", reads=True),
    Kind("postgres", "servers", reads=True),
    Kind("mysql", "servers", reads=True),
    Kind("parquet", "samples", reads=True, rows=True),
    Kind("csv", "samples", reads=True, rows=True),
    Kind("json", "samples", reads=True, rows=True),
    Kind("pydantic", "pydantic", writes=True),
    Kind("spark", "spark", writes=True),
    Kind("markdown", "markdown", writes=True),
    Kind("html", "html", writes=True),
)
KINDS: Mapping[str, Kind] = {k.name: k for k in _KINDS}
IMPORTS = tuple(k.name for k in _KINDS if k.reads)
EXPORTS = tuple(k.name for k in _KINDS if k.writes)


class Header(Struct, frozen=True):
    """What a contract says of itself, for those kinds that show it."""

    name: str
    version: str = "1.0.0"
    status: str = "draft"
    purpose: str | None = None
    data: Mapping[str, Any] = msgspec.field(default_factory=dict)


class Read(Struct, frozen=True):
    """What a source says: its tables, what it is about, and what of it a contract cannot say."""

    tables: tuple[Table, ...]
    purpose: str | None = None
    notes: tuple[str, ...] = ()


class Written(Struct, frozen=True):
    """A contract as another kind of document: its text, the object in Python where there is one, and what is lost."""

    text: str
    notes: tuple[str, ...] = ()
    value: Any = None


def kind_of(name: str, direction: str, **options: str | None) -> Kind:
    """The kind of a name, for `import` or `export`.

    Raises:
        UsageError: WFT-IMP-001, there is none; WFT-IMP-002, an option does not belong to it.
    """
    names = IMPORTS if direction == "import" else EXPORTS
    if name not in names:
        raise _unknown("WFT-IMP-001", name, f"no kind of document that weft can {direction}", names)
    kind = KINDS[name]
    allowed = kind.importing if direction == "import" else kind.exporting
    given = [n for n, value in options.items() if value is not None and n not in allowed]
    if given:
        raise UsageError(
            error("WFT-IMP-002", f"`{given[0]}` says nothing to the kind `{name}`", fix=f"leave `--{given[0]}` out")
        )
    dialect = options.get("dialect")
    if dialect is not None and dialect not in DIALECTS:
        raise _unknown("WFT-IMP-002", dialect, "no dialect that weft knows", DIALECTS)
    return kind


def _unknown(code: str, name: str, what: str, known: tuple[str, ...]) -> UsageError:
    why = f"there are: {', '.join(known)}"
    return UsageError(error(code, f"`{name}` is {what}", why=why, fix=did_you_mean(name, known)))


def module_of(kind: Kind) -> Any:
    """The module of a kind, imported now."""
    return importlib.import_module(f"weft.contracts.exchange.{kind.module}")


__all__ = [
    "DIALECTS",
    "EXPORTS",
    "IMPORTS",
    "KINDS",
    "Header",
    "Kind",
    "Notes",
    "Read",
    "Written",
    "kind_of",
    "module_of",
]
