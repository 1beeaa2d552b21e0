"""Tables to verify, each as a FROM item of a session: files, objects of a store, lake tables, Python's own tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from weft.connectors.frames import readable
from weft.connectors.lakes import lake_table
from weft.connectors.stores import is_store, stored
from weft.connectors.targets import Place
from weft.contracts.parsing import parsed_relation
from weft.engines.base import Session
from weft.model.mesh import Source
from weft.model.odcs import Contract
from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import ident, literal

if TYPE_CHECKING:
    from weft.connectors.relations import ForeignFile

    Files = Callable[[Source], ForeignFile]

_TEMPORAL = frozenset({"DATE", "TIME", "TIMETZ", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS", "UUID"})


class Table(Struct, frozen=True):
    """Rows as a FROM item; `text` tells that its types are those of a text format.

    Attributes:
        inferred: the same with guessed types, for a table that no contract describes.
    """

    relation: str
    inferred: str
    text: bool = False


class Rows(Struct, frozen=True):
    """Rows that Python holds: an Arrow table, dataset or reader, a pandas or Polars data frame."""

    held: object


def opened(name: str, data: Place | Rows, session: Session, files: Files, environ: Mapping[str, str]) -> Table:
    """The table that a file, an object or Python's rows are, readable in a session.

    Raises:
        SourceError: it cannot be read.
    """
    if isinstance(data, Rows):
        return _held(name, data.held, session)
    lake = lake_table(data, environ)
    if lake is not None:
        return _held(name, lake, session)
    if is_store(data.path):
        return _typed(stored(data, environ, session.filesystem), session)
    path = str(Path(data.path).absolute())
    return _typed(files(Source(path, format=data.format, delimiter=data.delimiter)), session)


def as_promised(contract: Contract, name: str, table: Table, session: Session) -> str:
    """A FROM item whose columns have the types of the contract, for the relationships of other tables."""
    described = next((o for o in contract.objects if o.name == name), None)
    if not table.text or described is None:
        return table.inferred
    types = {c.name: c.type for c in session.columns(f"SELECT * FROM {table.relation}")}
    return parsed_relation(described, table.relation, types)[0]


def count(tables: Iterable[Table], session: Session) -> int:
    """How many rows they have together."""
    return sum(int(session.rows(f"SELECT count(*) FROM {t.relation}")[0][0]) for t in tables)


def _held(name: str, held: object, session: Session) -> Table:
    known = f"weft given {name}"
    session.register(known, readable(held))
    if hasattr(held, "read_next_batch"):
        # a reader gives its rows once, and rules ask for them several times
        session.table(f"weft kept {name}", f"SELECT * FROM {ident(known)}")
        known = f"weft kept {name}"
    return Table(ident(known), ident(known))


def _typed(found: ForeignFile, session: Session) -> Table:
    if found.format in ("csv", "parquet"):
        return Table(found.relation, found.inferred, found.format == "csv")
    # JSON has no dates: what looks like one is a text, which the contract may want to be parsed
    columns = session.columns(f"SELECT * FROM {found.relation}")
    types = ", ".join(f"{literal(c.name)}: {literal(_untimed(c.type))}" for c in columns)
    relation = f"{found.relation[:-1]}, auto_detect = false, columns = {{{types}}})"
    return Table(relation, relation, True)


def _untimed(text: str) -> str:
    tree = parse_type(text)
    return str(_texts_for_times(tree)) if tree else text


def _texts_for_times(tree: TypeText) -> TypeText:
    if tree.name in _TEMPORAL:
        return TypeText("VARCHAR")
    return replace(tree, parts=tuple((name, _texts_for_times(part)) for name, part in tree.parts))


def by_table(given: Mapping[str, object]) -> dict[str, Place | Rows]:
    """What each table is read from, where Python names it."""
    return {t: Place(str(v)) if isinstance(v, str | Path) else Rows(v) for t, v in given.items()}
