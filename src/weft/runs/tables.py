"""Tables to verify, each as a FROM item of a session: files, objects of a store, lake tables, Python's own tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.connectors.frames import readable
from weft.connectors.lakes import lake_table
from weft.connectors.relations import format_of
from weft.connectors.stores import is_store, stored
from weft.connectors.targets import Place
from weft.contracts.parsing import json_shape, parsed_relation
from weft.engines.base import Session
from weft.errors import SourceError, UsageError, UserCodeError, Where, error
from weft.model.mesh import Source
from weft.model.odcs import Contract, SchemaObject
from weft.model.type_text import TypeText, parse_type
from weft.model.types import duck_type
from weft.sql.quoting import ident, literal

if TYPE_CHECKING:
    from weft.connectors.relations import ForeignFile

    Files = Callable[[Source], ForeignFile]

_NO_RECORDS = "json"
"""The one column that DuckDB finds in JSON without records."""
_DELIMITERS = (",", ";", "\t", "|")
_BYTES = "latin-1"
"""The encoding that has a character for each byte."""


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


class Several(Struct, frozen=True):
    """Files, folders or objects that hold the rows of one table together."""

    places: tuple[Place, ...]


def opened(
    name: str,
    data: Place | Rows | Several,
    session: Session,
    files: Files,
    environ: Mapping[str, str],
    described: SchemaObject | None = None,
    *,
    as_bytes: bool = False,
) -> Table:
    """The table that a file, an object or Python's rows are, readable in a session.

    Args:
        described: what the contract says of it: JSON is read so that each value can be held against its type.
        as_bytes: a CSV file is not UTF-8 throughout: it is read as bytes, so that the values that are can be judged.

    Raises:
        SourceError: it cannot be read.
    """
    if isinstance(data, Several):
        tables = [
            opened(f"{name} {i}", place, session, files, environ, described, as_bytes=as_bytes)
            for i, place in enumerate(data.places)
        ]
        return Table(_united(t.relation for t in tables), _united(t.inferred for t in tables), tables[0].text)
    if isinstance(data, Rows):
        return _held(name, data.held, session)
    lake = lake_table(data, environ)
    if lake is not None:
        return _held(name, lake, session)
    if is_store(data.path):
        found = stored(data, environ, session.filesystem)
    else:
        encoding = _BYTES if as_bytes else None  # which JSON and Parquet, whose encoding is fixed, do not heed
        path = str(Path(data.path).absolute())
        found = files(Source(path, format=data.format, delimiter=data.delimiter, encoding=encoding))
    return _in_bytes(found, session) if as_bytes and found.format == "csv" else _typed(found, session, described)


def as_promised(contract: Contract, name: str, table: Table, session: Session) -> str:
    """A FROM item whose columns have the types of the contract, for the relationships of other tables."""
    described = next((o for o in contract.objects if o.name == name), None)
    if not table.text or described is None:
        return table.inferred
    types = {c.name: c.type for c in session.columns(f"SELECT * FROM {table.relation}")}
    return parsed_relation(contract, described, table.relation, types)[0]


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


def _typed(found: ForeignFile, session: Session, described: SchemaObject | None) -> Table:
    if found.format == "csv":
        _check_whole_header(found, session, described)
    if found.format in ("csv", "parquet"):
        return Table(found.relation, found.inferred, found.format == "csv")
    try:
        inferred = session.columns(f"SELECT * FROM {found.relation}")
    except UserCodeError:
        # keys of maps that differ in case only cannot be fields of one object
        inferred = session.columns(f"SELECT * FROM {found.relation[:-1]}, maximum_depth = 1)")
    promised = {p.name: parse_type(duck_type(p) or "") for p in described.properties} if described else {}
    alone = [c.name for c in inferred] == [_NO_RECORDS] and promised and _NO_RECORDS not in promised
    if alone and not _has_records(found, session):
        # columns stand in the records of JSON: where there is no record, none is missing
        columns = {name: str(tree or "VARCHAR") for name, tree in promised.items()}
    else:
        columns = {c.name: _shape(c.type, promised.get(c.name)) for c in inferred}
    types = ", ".join(f"{literal(name)}: {literal(text)}" for name, text in columns.items())
    relation = f"{found.relation[:-1]}, auto_detect = false, columns = {{{types}}})"
    return Table(relation, relation, True)


def _has_records(found: ForeignFile, session: Session) -> bool:
    """Whether there is a record; values that are no objects would make one column of JSON, of which no rule speaks.

    Raises:
        SourceError: WFT-SRC-003.
    """
    if not session.rows(f"SELECT 1 FROM {found.relation} LIMIT 1"):
        return False
    try:
        return bool(session.columns(f"SELECT * FROM {found.relation[:-1]}, records = true)"))
    except UserCodeError:
        what = "the source holds values that are no records: neither an array of objects nor an object on each line"
        where = Where(Path(found.name).name)
        raise SourceError(error("WFT-SRC-003", what, where, fix="write the file again")) from None


def _check_whole_header(found: ForeignFile, session: Session, described: SchemaObject | None) -> None:
    """Where rows are broken DuckDB may guess a way of writing that leaves the header whole: the rows are to be told.

    Raises:
        SourceError: WFT-SRC-003, a row has another number of columns than the header.
    """
    promised = {p.name for p in described.properties} if described else set()
    for column in session.columns(f"SELECT * FROM {found.relation}"):
        delimiter = next((d for d in _DELIMITERS if promised.intersection(column.name.split(d))), None)
        if delimiter is None or delimiter not in column.name or column.name in promised:
            continue
        names = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in dict.fromkeys(column.name.split(delimiter)))
        written = f"auto_detect = false, delim = {literal(delimiter)}, quote = '\"', escape = '\"'"
        session.rows(f"SELECT count(COLUMNS(*)) FROM {found.relation[:-1]}, {written}, columns = {{{names}}})")
        what = f"its rows have another number of columns than its header, {delimiter.join(sorted(promised))}"
        raise SourceError(error("WFT-SRC-003", f"a CSV source cannot be read: {what}", fix="mend the file"))


def _in_bytes(found: ForeignFile, session: Session) -> Table:
    """A CSV file whose columns are the bytes that stand in it."""
    relation = found.relation if "encoding =" in found.relation else f"{found.relation[:-1]}, encoding = '{_BYTES}')"
    columns = [c.name for c in session.columns(f"SELECT * FROM {relation}")]
    numbers = "list_transform(string_split({0}, ''), lambda c: printf('%02x', ord(c)))"
    # an empty text has no character to be told the code of
    value = f"CASE WHEN {{0}} = '' THEN ''::BLOB ELSE unhex(array_to_string({numbers}, '')) END"
    items = ", ".join(f"{value.format(ident(name))} AS {ident(_named(name))}" for name in columns)
    made = f"(SELECT {items} FROM {relation})"
    return Table(made, made, True)


def _named(name: str) -> str:
    """The name of a column whose bytes were read one by one."""
    try:
        return name.encode(_BYTES).decode()
    except UnicodeError:
        return name


def _shape(text: str, promised: TypeText | None) -> str:
    tree = parse_type(text)
    return str(json_shape(tree, promised)) if tree else text


def by_table(given: Mapping[str, object]) -> dict[str, Place | Rows | Several]:
    """What each table is read from, where Python names it.

    Raises:
        UsageError: WFT-CLI-001, a table is given nothing, or files of several formats.
    """
    return {name: _given(name, value) for name, value in given.items()}


def _given(name: str, value: object) -> Place | Rows | Several:
    if isinstance(value, str | Path):
        return Place(str(value))
    if value is None:
        raise UsageError(error("WFT-CLI-001", f"nothing is given for the table `{name}`", fix="leave it out"))
    if isinstance(value, list | tuple) and value and all(isinstance(entry, str | Path) for entry in value):
        return together(name, [Place(str(entry)) for entry in value])
    return Rows(value)


def together(name: str, places: Sequence[Place]) -> Place | Several:
    """What holds the rows of a table, in one place or in several.

    Raises:
        UsageError: WFT-CLI-001, the files are of several formats: what a type is there differs.
    """
    formats = sorted({_format(p) for p in places})
    if len(formats) > 1:
        what = f"the data for the table `{name}` is of several formats: {', '.join(formats)}"
        raise UsageError(error("WFT-CLI-001", what, fix="verify those of each format by themselves"))
    once = tuple(dict.fromkeys(places))
    return once[0] if len(once) == 1 else Several(once)


def _format(place: Place) -> str:
    archive = Path(place.path).suffix.lower() in (".zip", ".gz")
    return str(place.format or format_of(Path(place.path).name) or ("csv" if archive else "table"))


def _united(relations: Iterable[str]) -> str:
    """All rows; a column that a part lacks is null in it, as it is where one pattern names several files."""
    return f"({' UNION ALL BY NAME '.join(f'SELECT * FROM {relation}' for relation in relations)})"
