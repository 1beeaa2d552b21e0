"""`weft verify`: a contract against published rows, or against whatever data it is held to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from weft.access.opened import Readable
from weft.access.principals import Principal
from weft.connectors.lakes import is_lake
from weft.connectors.stores import is_store
from weft.connectors.targets import Database, Place, database, is_database, named_table, no_table, server_of
from weft.contracts.rules import referenced_tables
from weft.engines.base import Engine, Session
from weft.errors import SourceError, UsageError, UserCodeError, did_you_mean, error
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.odcs import Contract, SchemaObject, published_contract
from weft.model.publication import PortState
from weft.model.remote import Remote
from weft.runs.context import Context
from weft.runs.live import checked
from weft.runs.results import Verification, verdict
from weft.runs.tables import Rows, Several, Table, as_promised, by_table, count, opened, together
from weft.runs.verification import check_rows, names_in_record, other_tables, times_of
from weft.sql.quoting import dotted, literal

if TYPE_CHECKING:
    from weft.connectors.servers import OpenServer
    from weft.runs.tables import Files

    Servers = Callable[[Database], AbstractContextManager[OpenServer]]

_NOT_ENCODED = "WFT-SRC-002"
_ENDINGS = (".parquet", ".csv", ".csv.gz", ".csv.zip", ".tsv", ".json", ".ndjson", ".jsonl")


class Ways(Struct, frozen=True):
    """How data is reached.

    Attributes:
        files: reads what the person at the keyboard names.
        servers: opens a database server.
        listed: the objects of a store below a place, as URLs.
        environ: the environment, for passwords and credentials.
    """

    engine: Engine
    files: Files
    servers: Servers
    listed: Callable[[Place], frozenset[str]]
    environ: Mapping[str, str]


def verify_address(
    address: Address,
    data: object,
    server: str | None,
    ways: Ways,
    samples: int,
    principal: Principal,
    context: Context,
    own: Callable[[str], bool],
) -> Verification:
    """The contract of a published port against its published rows, or against `data`.

    Args:
        own: whether connections of this machine are those of a domain.

    Raises:
        SourceError: WFT-SRC-056, the port lives in a database of another domain.
    """
    opened = context.door.open(principal, address)
    state = context.registry.port(opened.publication.address)
    assert state is not None, "an opened port is registered"
    contract = published_contract(state)
    if server is not None or (data is not None and not (isinstance(data, Sequence) and len(data) == 0)):
        return verify_data(contract, str(state.address), data, server, ways, context.now(), samples)
    if opened.live is not None:
        if not own(state.address.domain):
            raise _of_another(state.address)
        return _in_place(opened, state, contract, context)
    with context.engine.session() as session:
        names = names_in_record(context.registry.products().get(state.address.of_product), context.registry.ports())
        others = other_tables(contract, names, {}, principal, context)
        published = times_of(state.address, contract, context.registry)
        checks = check_rows(
            session, contract, opened.relation, others, context.now(), samples=samples, published=published
        )
    return Verification(str(state.address), state.version, verdict(checks), opened.publication.rows, checks)


def _of_another(address: Address) -> SourceError:
    """That a connection of this repository does not lead to the table, whatever its name is."""
    return SourceError(
        error(
            "WFT-SRC-056",
            f"`{address}` lives in a database of another domain, which this repository has no way to",
            why="where it lives, its contract is checked by the server whenever it is published",
            fix=f"`weft show {address}` tells what came of its checks; `weft query` asks the server for its rows",
        )
    )


def _in_place(opened: Readable, state: PortState, contract: Contract, context: Context) -> Verification:
    """The contract of a port that lives in a table of a database, which judges its rows itself."""
    assert opened.live is not None, "the caller has looked"
    table = opened.live.table
    remote = Remote(table.connection, f"{table.schema}.{table.table}")
    with context.engine.session() as session:
        now, checks = checked(state.address, contract, opened.live.columns, remote, session, context)
    return Verification(str(state.address), state.version, verdict(checks), now.rows, checks)


def verify_data(
    contract: Contract,
    name: str,
    data: object,
    server: str | None,
    ways: Ways,
    now: dt.datetime,
    samples: int,
) -> Verification:
    """A contract against files, a database, or tables that Python holds.

    Args:
        data: the URL of a database; `TABLE=PATH`, a path alone, or a folder that holds a file for each table; rows
            that Python holds, or a mapping from tables to any of these; a sequence of texts. Where it is empty, a
            server of the contract says where the data is.
        server: the name or the environment of that server.

    Raises:
        UsageError: WFT-CLI-001, it is not clear what is to be verified against what.
    """
    found = _data(contract, data, server, ways)
    try:
        if not isinstance(found, Database):
            checks, rows = _of_tables(contract, found, ways, now, samples)
        elif found.kind == "duckdb":
            checks, rows = _of_file(contract, found, ways, now, samples)
        else:
            checks, rows = _of_server(contract, found, ways, now, samples)
    except (SourceError, UserCodeError) as e:
        return Verification(name, contract.version_text, "error", None, (), tuple(e.diagnostics))
    return Verification(name, contract.version_text, verdict(checks), rows, checks)


def _of_tables(
    contract: Contract, data: Mapping[str, Place | Rows | Several], ways: Ways, now: dt.datetime, samples: int
) -> tuple[tuple[CheckResult, ...], int]:
    judged = [o for o in contract.objects if o.name in data]
    if not judged:
        what = f"none of the data is for a table of `{contract.document.file}`"
        raise UsageError(error("WFT-CLI-001", what, fix=f"name one: {_named(contract)}=PATH"))
    try:
        return _of_files(contract, judged, data, ways, now, samples)
    except SourceError as problem:
        if {d.code for d in problem.diagnostics} != {_NOT_ENCODED}:
            raise
        # seldom, so that only then are values read in a way in which each can be told apart
        return _of_files(contract, judged, data, ways, now, samples, as_bytes=True)


def _of_files(
    contract: Contract,
    judged: Sequence[SchemaObject],
    data: Mapping[str, Place | Rows | Several],
    ways: Ways,
    now: dt.datetime,
    samples: int,
    *,
    as_bytes: bool = False,
) -> tuple[tuple[CheckResult, ...], int]:
    described = {o.name: o for o in contract.objects}
    with ways.engine.session() as session:
        tables = {
            t: opened(t, place, session, ways.files, ways.environ, described.get(t), as_bytes=as_bytes)
            for t, place in data.items()
        }
        others: dict[str, str | None] = {t: as_promised(contract, t, table, session) for t, table in tables.items()}
        checks = _each(contract, judged, tables, others, session, now, samples)
        return checks, count((tables[o.name] for o in judged), session)


def _of_file(
    contract: Contract, target: Database, ways: Ways, now: dt.datetime, samples: int
) -> tuple[tuple[CheckResult, ...], int]:
    """The tables of a DuckDB database, which is opened for reading alone."""
    if not Path(target.name).is_file():
        raise SourceError(error("WFT-SRC-010", f"there is no database `{target}`", fix="mend the path"))
    with ways.engine.session() as session:
        catalog = session.attach(str(Path(target.name).absolute()))
        listed = session.rows(
            f"SELECT table_schema, table_name FROM information_schema.tables WHERE table_catalog = {literal(catalog)}"
        )
        available = [(str(schema), str(table)) for schema, table in listed]
        schemas = [target.schema] if target.schema else ["main"]

        def item(one: SchemaObject | str) -> str | None:
            place = named_table(one, available, schemas)
            return dotted((catalog, *place)) if place else None

        tables, others = _found(contract, target, available, item)
        checks = _each(contract, contract.objects, tables, others, session, now, samples)
        return checks, count(tables.values(), session)


def _of_server(
    contract: Contract, target: Database, ways: Ways, now: dt.datetime, samples: int
) -> tuple[tuple[CheckResult, ...], int]:
    """The tables of a server, judged by it: no row leaves it but samples."""
    with ways.servers(target) as server, ways.engine.session() as session:
        tables, others = _found(contract, target, server.available, server.table)
        checks = _each(contract, contract.objects, tables, others, session, now, samples, server)
        rows = sum(int(server.rows(f"SELECT count(*) FROM {t.relation}")[0][0]) for t in tables.values())
        return checks, rows


def _found(
    contract: Contract,
    target: Database,
    available: Sequence[tuple[str, str]],
    item: Callable[[SchemaObject | str], str | None],
) -> tuple[dict[str, Table], dict[str, str | None]]:
    """The tables of a contract in a database, and by name all that its relationships and rules refer to.

    Raises:
        SourceError: WFT-SRC-011, a table is not there; all of them at once.
    """
    items = {o.name: item(o) for o in contract.objects}
    missing = [no_table(o, target, available) for o in contract.objects if items[o.name] is None]
    if missing:
        raise SourceError(*(d for e in missing for d in e.diagnostics))
    tables = {name: Table(found, found) for name, found in items.items() if found is not None}
    referenced = dict.fromkeys(n for o in contract.objects for n in referenced_tables(contract, o) if n not in items)
    return tables, {**items, **{name: item(name) for name in referenced}}


def _each(
    contract: Contract,
    judged: Sequence[SchemaObject],
    tables: Mapping[str, Table],
    others: Mapping[str, str | None],
    session: Session,
    now: dt.datetime,
    samples: int,
    server: OpenServer | None = None,
) -> tuple[CheckResult, ...]:
    """The checks of every table; where several are verified, their ids begin with the table's name."""

    def checks() -> Iterator[CheckResult]:
        for one in judged:
            found = check_rows(
                session,
                contract,
                tables[one.name].relation,
                {name: relation for name, relation in others.items() if name != one.name},
                now,
                table=one.name,
                samples=samples,
                built=False,
                text=tables[one.name].text,
                server=server,
            )
            yield from (replace(c, id=f"{one.name}.{c.id}") for c in found) if len(judged) > 1 else found

    return tuple(checks())


def _data(
    contract: Contract, data: object, server: str | None, ways: Ways
) -> Database | dict[str, Place | Rows | Several]:
    """What is to be verified: a database, or for each table what it is read from."""
    if isinstance(data, str | Path):
        data = [str(data)]
    if isinstance(data, Mapping):
        return by_table({_known_table(contract, str(name)): rows for name, rows in data.items()})
    if data is not None and not _texts(data):
        if len(contract.objects) != 1:
            what = f"which table the rows are for cannot be told: the contract describes {len(contract.objects)}"
            raise UsageError(error("WFT-CLI-001", what, fix=f"name it: {{{_named(contract)!r}: rows}}"))
        return {contract.objects[0].name: Rows(data)}
    entries = [str(entry) for entry in data] if isinstance(data, Sequence) else []
    urls = [entry for entry in entries if is_database(entry)]
    if urls and len(entries) > 1:
        what = "a database holds all tables of a contract, and is named alone"
        raise UsageError(error("WFT-CLI-001", what, fix="give one `--data`"))
    if urls:
        return database(urls[0], ways.environ)
    if entries:
        places = [Place(entry) for entry in entries]
        return _gathered(found for place in places for found in _tables(place, contract, ways))
    described = server_of(contract, server, ways.environ)
    if described is None:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"`{contract.document.file}` names no local file or database to verify",
                why="neither `--data` nor a server of the contract says where the data is",
                fix="name the data: `weft verify CONTRACT --data FILE_OR_URL`",
            )
        )
    if isinstance(described, Database):
        return described
    if described.of_each_table:
        return {o.name: described.of_table(str(o.data.get("physicalName") or o.name)) for o in contract.objects}
    return _gathered(_tables(described, contract, ways))


def _gathered(found: Iterable[tuple[str, Place]]) -> dict[str, Place | Rows | Several]:
    places: dict[str, list[Place]] = {}
    for table, place in found:
        places.setdefault(table, []).append(place)
    return {table: together(table, some) for table, some in places.items()}


def _texts(data: object) -> bool:
    return isinstance(data, Sequence) and all(isinstance(entry, str | Path) for entry in data)


def _tables(place: Place, contract: Contract, ways: Ways) -> list[tuple[str, Place]]:
    """What one `--data` or a server names, each with its table."""
    known, entry = _names(contract), place.path
    table, equals, path = entry.partition("=")
    if equals and not Path(entry).exists() and "/" not in table:
        return [(_known_table(contract, table), replace(place, path=path))]
    if (Path(entry).is_dir() or (is_store(entry) and entry.endswith("/"))) and not is_lake(place, ways.environ):
        found = [(t, replace(place, path=path)) for t, path in _in_folder(place, known, ways)]
        if not found:
            what = f"the folder `{entry}` holds no file of a table"
            raise UsageError(error("WFT-CLI-001", what, why=f"looked for {_listed(known)} with {', '.join(_ENDINGS)}"))
        return found
    if len(contract.objects) == 1:
        return [(contract.objects[0].name, place)]
    stem = Path(entry).name.partition(".")[0]
    if stem not in known:
        what = f"which table `{entry}` is for cannot be told: the contract describes {len(contract.objects)}"
        raise UsageError(error("WFT-CLI-001", what, fix=f"name it: `--data {_named(contract)}={entry}`"))
    return [(stem, place)]


def _in_folder(place: Place, known: Sequence[str], ways: Ways) -> Iterator[tuple[str, str]]:
    """The files of a folder that are named for tables."""
    if is_store(place.path):
        folder, here = place.path, ways.listed(place)
    else:
        folder = f"{place.path.rstrip('/')}/"
        here = frozenset(f"{folder}{p.name}" for p in Path(place.path).iterdir() if p.is_file())
    for table in known:
        for ending in _ENDINGS:
            if f"{folder}{table}{ending}" in here:
                yield table, f"{folder}{table}{ending}"


def _names(contract: Contract) -> list[str]:
    """The tables that a contract describes, and those that its relationships name."""
    names = dict.fromkeys(o.name for o in contract.objects)
    return list(names | dict.fromkeys(n for o in contract.objects for n in referenced_tables(contract, o)))


def _known_table(contract: Contract, named: str) -> str:
    """The table that is meant, by its name or the `physicalName` under which others know it."""
    known = _names(contract)
    if named in known:
        return named
    physical = [o.name for o in contract.objects if o.data.get("physicalName") == named]
    if len(physical) == 1:
        return physical[0]
    what = f"the contract has no table `{named}`, and no relationship names one"
    raise UsageError(error("WFT-CLI-001", what, fix=did_you_mean(named, known, otherwise=_listed(known))))


def _named(contract: Contract) -> str:
    return contract.objects[0].name if contract.objects else "TABLE"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{n}`" for n in names)
