"""`weft verify`: a contract against published rows or against files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from weft.access.principals import Principal
from weft.contracts.parsing import parsed_relation
from weft.contracts.rules import referenced_tables
from weft.engines.base import Engine, Session
from weft.errors import SourceError, UsageError, UserCodeError, did_you_mean, error
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.mesh import Source
from weft.model.odcs import Contract, SchemaObject, published_contract
from weft.model.type_text import TypeText, parse_type
from weft.runs.context import Context
from weft.runs.results import Verification, verdict
from weft.runs.verification import check_rows, names_in_record, other_tables
from weft.sql.quoting import literal

if TYPE_CHECKING:
    from weft.connectors.files import ForeignFile

    Files = Callable[[Source], ForeignFile]

_ENDINGS = (".parquet", ".csv", ".csv.gz", ".csv.zip", ".tsv", ".json", ".ndjson", ".jsonl")
_TEMPORAL = frozenset({"DATE", "TIME", "TIMETZ", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_NS", "UUID"})


def verify_address(
    address: Address, data: Sequence[str], files: Files, samples: int, principal: Principal, context: Context
) -> Verification:
    """The contract of a published port against its published rows, or against `data`."""
    opened = context.door.open(principal, address)
    state = context.registry.port(opened.publication.address)
    assert state is not None, "an opened port is registered"
    contract = published_contract(state)
    if data:
        return verify_files(contract, str(state.address), data, files, context.engine, context.now(), samples)
    with context.engine.session() as session:
        names = names_in_record(context.registry.products().get(state.address.of_product), context.registry.ports())
        others = other_tables(contract, names, {}, principal, context)
        checks = check_rows(session, contract, opened.relation, others, context.now(), samples=samples)
    return Verification(str(state.address), state.version, verdict(checks), opened.publication.rows, checks)


def verify_files(
    contract: Contract,
    name: str,
    data: Sequence[str],
    files: Files,
    engine: Engine,
    now: dt.datetime,
    samples: int,
) -> Verification:
    """A contract against files.

    Args:
        data: `TABLE=PATH`, a path alone, or a folder that holds a file for each table; where none is named, the local
            servers of the contract say where they are.

    Raises:
        UsageError: WFT-CLI-001, it is not clear which file is to be verified against what.
    """
    paths = dict(part for entry in data or _servers(contract) for part in _tables(entry, contract))
    if not paths:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"`{contract.document.file}` names no local file to verify",
                why="neither `--data` nor a server of type `local` in the contract says where the data is",
                fix="name the data: `weft verify CONTRACT --data FILE`",
            )
        )
    judged = [o for o in contract.objects if o.name in paths]
    if not judged:
        what = f"none of the files is for a table of `{contract.document.file}`"
        raise UsageError(error("WFT-CLI-001", what, fix=f"name one: {_named(contract)}=PATH"))
    try:
        with engine.session() as session:
            tables = {t: _read(files, path, session) for t, path in paths.items()}
            others = {t: _as_promised(contract, t, table, session) for t, table in tables.items()}
            checks = tuple(
                check
                for one in judged
                for check in _checked(contract, one, tables[one.name], others, session, now, samples, len(judged) > 1)
            )
            rows = sum(session.rows(f"SELECT count(*) FROM {tables[o.name].relation}")[0][0] for o in judged)
    except (SourceError, UserCodeError) as e:
        return Verification(name, contract.version_text, "error", None, (), tuple(e.diagnostics))
    return Verification(name, contract.version_text, verdict(checks), rows, checks)


class _Table(Struct, frozen=True):
    """A file as a FROM item; `text` tells that its types are those of a text format.

    Attributes:
        inferred: the same with guessed types, for a table that no contract describes.
    """

    relation: str
    inferred: str
    text: bool


def _read(files: Files, path: str, session: Session) -> _Table:
    found = files(Source(str(Path(path).absolute())))
    if found.format in ("csv", "parquet"):
        return _Table(found.relation, found.inferred, found.format == "csv")
    # JSON has no dates: what looks like one is a text, which the contract may want to be parsed
    columns = session.columns(f"SELECT * FROM {found.relation}")
    types = ", ".join(f"{literal(c.name)}: {literal(_untimed(c.type))}" for c in columns)
    relation = f"{found.relation[:-1]}, auto_detect = false, columns = {{{types}}})"
    return _Table(relation, relation, True)


def _untimed(text: str) -> str:
    tree = parse_type(text)
    return str(_texts_for_times(tree)) if tree else text


def _texts_for_times(tree: TypeText) -> TypeText:
    if tree.name in _TEMPORAL:
        return TypeText("VARCHAR")
    return replace(tree, parts=tuple((name, _texts_for_times(part)) for name, part in tree.parts))


def _as_promised(contract: Contract, name: str, table: _Table, session: Session) -> str:
    """A FROM item whose columns have the types of the contract, for the relationships of other tables."""
    described = next((o for o in contract.objects if o.name == name), None)
    if not table.text or described is None:
        return table.inferred
    types = {c.name: c.type for c in session.columns(f"SELECT * FROM {table.relation}")}
    return parsed_relation(described, table.relation, types)[0]


def _checked(
    contract: Contract,
    one: SchemaObject,
    table: _Table,
    others: Mapping[str, str],
    session: Session,
    now: dt.datetime,
    samples: int,
    several: bool,
) -> Iterable[CheckResult]:
    """The checks of one table; where several are verified, their ids begin with the table's name."""
    checks = check_rows(
        session,
        contract,
        table.relation,
        {name: relation for name, relation in others.items() if name != one.name},
        now,
        table=one.name,
        samples=samples,
        built=False,
        text=table.text,
    )
    return (replace(c, id=f"{one.name}.{c.id}") for c in checks) if several else checks


def _tables(entry: str, contract: Contract) -> list[tuple[str, str]]:
    """The files that one `--data` names, each with its table."""
    known = dict.fromkeys([o.name for o in contract.objects])
    known |= dict.fromkeys(name for o in contract.objects for name in referenced_tables(contract, o))
    table, equals, path = entry.partition("=")
    if equals and not Path(entry).exists():
        if table not in known:
            what = f"the contract has no table `{table}`, and no relationship names one"
            raise UsageError(error("WFT-CLI-001", what, fix=did_you_mean(table, known, otherwise=_listed(known))))
        return [(table, path)]
    if Path(entry).is_dir():
        found = [
            (t, str(Path(entry) / f"{t}{e}")) for t in known for e in _ENDINGS if (Path(entry) / f"{t}{e}").is_file()
        ]
        if not found:
            what = f"the folder `{entry}` holds no file of a table"
            raise UsageError(error("WFT-CLI-001", what, why=f"looked for {_listed(known)} with {', '.join(_ENDINGS)}"))
        return found
    if len(contract.objects) == 1:
        return [(contract.objects[0].name, entry)]
    stem = Path(entry).name.partition(".")[0]
    if stem not in known:
        what = f"which table `{entry}` is for cannot be told: the contract describes {len(contract.objects)}"
        raise UsageError(error("WFT-CLI-001", what, fix=f"name it: `--data {_named(contract)}={entry}`"))
    return [(stem, entry)]


def _named(contract: Contract) -> str:
    return contract.objects[0].name if contract.objects else "TABLE"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)


def _servers(contract: Contract) -> list[str]:
    """Paths of the local servers of a contract, which are relative to its folder."""
    folder = Path(contract.document.file).absolute().parent
    found = [s for s in contract.data.get("servers") or () if isinstance(s, dict) and s.get("type") == "local"]
    paths = [str(s["path"]) for s in found if s.get("path") and "{" not in str(s["path"])]
    return [str(folder / path) for path in paths[:1]]
