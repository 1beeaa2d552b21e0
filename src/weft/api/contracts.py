"""The verbs on contract files, which need no mesh."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from weft.config import Settings, find_root, load_settings
from weft.errors import Diagnostic, ProjectError, SourceError, UsageError, Where, error, has_errors
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.contracts.comparing.compatibility import Comparison
    from weft.contracts.exchange.exchange import Made
    from weft.contracts.exchange.kinds import Kind, Read, Written
    from weft.model.odcs import Contract
    from weft.runs.results import Verification


def is_file(target: str) -> bool:
    """Whether the target of `verify` names a contract file, and no address."""
    return target.endswith((".yaml", ".yml", ".json"))


def verify(
    contract: str | Path | Contract, data: object = None, *, server: str | None = None, sample_limit: int = 5
) -> Verification:
    """A contract against data, in a mesh or anywhere else.

    Args:
        contract: an ODCS document, or the path of one.
        data: the URL of a database (`postgresql://…`, `mysql://…`, `duckdb:///…`); `TABLE=PATH`, a path alone, or a
            folder that holds a file for each table; an Arrow table, dataset or reader, a pandas or Polars data frame;
            a sequence of texts, or a mapping from tables to any of these. Without it, a server of the contract says
            where the data is.
        server: the name or the environment of that server, where it has several.
        sample_limit: failing rows to show for each check.

    Raises:
        UsageError: WFT-PRJ-001, there is no such contract; WFT-CLI-001, it is not clear what to verify.
        ProjectError: the contract is wrong; all problems at once.
    """
    from weft.model.odcs import Contract
    from weft.runs.verify import verify_data

    described = contract if isinstance(contract, Contract) else contract_file(contract)
    with _rooms() as rooms:
        name = described.name or described.document.file
        return verify_data(described, name, data, server, rooms.ways(os.environ), rooms.now(), sample_limit)


class Bumped(Struct, frozen=True):
    """What became of a contract's version."""

    path: Path
    published: str
    before: str
    after: str
    comparison: Comparison

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft contract bump --format json`."""
        return {
            "path": str(self.path),
            "published": self.published,
            "from": self.before,
            "to": self.after,
            "verdict": self.comparison.verdict,
        }


def contract_file(target: str | Path) -> Contract:
    """The contract that a file holds.

    Raises:
        UsageError: WFT-PRJ-001, there is no such file.
        ProjectError: it holds no contract, or one that violates its schema; all problems at once.
    """
    found, described = _read(Path(target), str(target))
    if described is None or has_errors(found):
        raise ProjectError(*found)
    return described


def _read(path: Path, name: str) -> tuple[tuple[Diagnostic, ...], Contract | None]:
    from weft.model.odcs import contract
    from weft.project.documents import parse

    if not path.is_file():
        raise UsageError(error("WFT-PRJ-001", f"`{name}` is missing", fix="name a contract file or an address"))
    read = parse(path.read_bytes(), name, "contract")
    return read.problems, contract(read.document) if read.document is not None else None


def contract_lint(files: Sequence[str | Path]) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with contracts by themselves: schema, types, rules that cannot be kept, SQL.

    Raises:
        UsageError: WFT-PRJ-001, a file is missing.
    """
    from weft.contracts.lint import lint
    from weft.runs.verification import admitted_by

    found: dict[Diagnostic, None] = {}
    with _rooms() as rooms:
        for file in files:
            problems, described = _read(Path(file), str(file))
            found |= dict.fromkeys(problems)
            if described is not None:
                found |= dict.fromkeys(
                    lint(described, lambda sql: admitted_by(rooms.parser, sql), lambda sql: rooms.parser.columns(sql))
                )
    return tuple(found)


def contract_diff(old: str | Path | Contract, new: str | Path | Contract, *, view: str = "consumer") -> Comparison:
    """Every difference between two contracts, with its verdict and the version that it requires.

    Args:
        old: a contract, a contract file, or the address of a port, whose published contract is meant.
        view: `consumer`, who reads the data, or `producer`, who has to keep the promises.

    Raises:
        UsageError: WFT-PRJ-001 or WFT-ACC-001, there is no such file or published port.
        ProjectError: a file holds no contract.
    """
    from weft.contracts.comparing.compatibility import changes, for_producers

    before, after = _named(old), _named(new)
    return changes(before, after) if view == "consumer" else for_producers(before, after)


def contract_bump(file: str | Path, old: str | Path | None = None, *, write: bool = True) -> Bumped:
    """Writes the version that a contract's changes require into its file, and at its port in the product's descriptor.

    Everything else in both stays as it is.

    Args:
        old: what it is compared with: a file or an address; by default the published contract of the same id.

    Raises:
        UsageError: WFT-PRJ-001 or WFT-ACC-001, there is nothing to compare with.
    """
    from weft.project.edit import write_whole, written_field, written_port_version

    described = contract_file(file)
    before = _named(old) if old is not None else _published(described)
    comparison = contract_diff(before, described)
    version = str(comparison.required_version)
    if (
        described.version is not None
        and before.version is not None
        and described.version >= comparison.required_version
    ):
        version = described.version_text
    path = Path(file)
    if write and version != described.version_text:
        write_whole(path, written_field(path.read_text(encoding="utf-8"), "version", version))
        descriptor = path.absolute().parent.parent / "product.odps.yaml"
        if descriptor.is_file():
            text = descriptor.read_text(encoding="utf-8")
            write_whole(descriptor, written_port_version(text, described.id, version))
    return Bumped(path, before.version_text, described.version_text, version, comparison)


def contract_import(
    kind: str,
    source: str | Path | object,
    *,
    dialect: str | None = None,
    model: str | None = None,
    name: str | None = None,
) -> Made:
    """The contract that a document of another kind, or a sample of rows, describes.

    Args:
        kind: sql, jsonschema, avro, arrow, dbt, duckdb, postgres, mysql, parquet, csv or json.
        source: a path; `FILE:TABLE` for duckdb; `URL:TABLE` for postgres and mysql (MariaDB too); for arrow also a
            `pyarrow.Schema`.
        dialect: the system of SQL: duckdb, postgres, mysql, spark, snowflake, bigquery.
        model: the model of a dbt manifest.
        name: of the contract; by default that of the file.

    Returns:
        The ODCS document, its text in YAML, and notes on what the source says and a contract cannot.

    Raises:
        UsageError: WFT-IMP-001 or 002, no such kind or option; WFT-PRJ-001, there is no such file.
        SourceError: WFT-IMP-003 to 005, the source cannot be understood; WFT-SRC, the rows cannot be read.
    """
    from weft.contracts.exchange.kinds import kind_of

    found = kind_of(kind, "import", dialect=dialect, model=model)
    return _yaml(_imported(found, source, dialect, model, name))


def _yaml(made: Made) -> Made:
    """What was made, with its text."""
    from weft.project.documents import dump

    return replace(made, text=dump(made.document))


def _imported(
    found: Kind, source: str | Path | object, dialect: str | None, model: str | None, name: str | None
) -> Made:
    import uuid

    from weft.contracts.exchange.exchange import contract_of
    from weft.contracts.exchange.kinds import module_of

    given = {k: v for k, v in (("dialect", dialect), ("model", model)) if v is not None}
    contract_id = str(uuid.uuid4())
    if found.module == "servers":
        read = _from_server(found, str(source))
        return contract_of(read, name=name or read.tables[0].name, contract_id=contract_id)
    if found.rows or found.name == "duckdb":
        return _from_engine(found, str(source), name, contract_id)
    if not isinstance(source, str | Path):
        if found.name != "arrow":
            what = f"the kind `{found.name}` is read from a file, not from {type(source).__name__}"
            raise UsageError(error("WFT-IMP-002", what, fix="give the path of a file"))
        called = name or "schema"
        return contract_of(module_of(found).imported(source, called), name=called, contract_id=contract_id)
    path = Path(source)
    called = name or path.name.partition(".")[0] or "contract"
    content = _content(path, str(source), found)
    try:
        read = module_of(found).imported(content, called, **given)
    except SourceError as problem:
        raise SourceError(*(_in_file(d, called, str(source)) for d in problem.diagnostics)) from problem
    named = name or model or (read.tables[0].name if len(read.tables) == 1 else called)
    return contract_of(read, name=named, contract_id=contract_id)


def contract_export(kind: str, contract: str | Path | Contract, *, dialect: str | None = None) -> Written:
    """A contract as another kind of document.

    Args:
        kind: sql, jsonschema, avro, arrow, dbt, pydantic, spark, markdown or html.
        contract: a contract, a contract file, or the address of a port, whose published contract is meant.
        dialect: the system of SQL, by default duckdb.

    Returns:
        The text; `value` is the object in Python where there is one (arrow: a `pyarrow.Schema`); `notes` name what
        the kind cannot say.

    Raises:
        UsageError: WFT-IMP-001, 002 or 006; WFT-PRJ-001 or WFT-ACC-001, there is no such contract.
        ProjectError: the file holds no contract.
    """
    from weft.contracts.exchange.exchange import document_from
    from weft.contracts.exchange.kinds import kind_of

    found = kind_of(kind, "export", dialect=dialect)
    return document_from(_named(contract), found, dialect=dialect)


def write_text(path: str | Path, text: str) -> None:
    """Writes a file so that nobody ever sees half of it."""
    from weft.project.edit import write_whole

    write_whole(Path(path), text)


def write_export(path: str | Path, written: Written) -> None:
    """Writes what was exported; an Arrow schema becomes an IPC file where the name ends with .arrow or .feather.

    Raises:
        UsageError: WFT-IMP-006, such a file cannot hold the schemas of several tables.
    """
    import sys

    target = Path(path)
    if target.suffix in (".arrow", ".feather") and "pyarrow" in sys.modules:
        import pyarrow as pa

        if isinstance(written.value, pa.Schema):
            from weft.contracts.exchange.arrow import ipc

            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(ipc(written.value))
            return
        if isinstance(written.value, dict):
            from weft.contracts.exchange.documents import unwritable

            why = f"it holds one schema, and the contract has the tables {', '.join(written.value)}"
            raise unwritable(str(target), "written as one Arrow file", why)
    write_text(target, written.text)


def _in_file(told: Diagnostic, called: str, file: str) -> Diagnostic:
    """A problem of a document with the file that it stands in; the readers know the name of the table alone."""
    if told.where is None or told.where.file != called:
        return told
    return replace(told, where=replace(told.where, file=file))


def _from_engine(kind: Kind, source: str, name: str | None, contract_id: str) -> Made:
    """A contract of rows, or of a table of a database file."""
    from weft.contracts.exchange.exchange import contract_of
    from weft.contracts.exchange.kinds import module_of
    from weft.model.mesh import Source

    module = module_of(kind)
    with _rooms() as rooms:
        if kind.rows:
            file = str(Path(source).absolute())
            called = name or Path(source).name.partition(".")[0].strip("*") or "contract"
            form = None if kind.name == "json" and file.endswith((".ndjson", ".jsonl")) else kind.name
            found = rooms.connector.foreign(Source(file, format=form))
            with rooms.engine.session() as session:
                made: Made = module.drafted(session, found.inferred, name=called, contract_id=contract_id)
                return made
        path, table = module.parted(source)
        if not Path(path).is_file():
            raise UsageError(error("WFT-PRJ-001", f"`{path}` is missing", fix="name a database file: `FILE:TABLE`"))
        with rooms.engine.session() as session:
            read = module.imported(session, str(Path(path).absolute()), table, path)
        return contract_of(read, name=name or read.tables[0].name, contract_id=contract_id)


def _from_server(kind: Kind, source: str) -> Read:
    """A table of a database server, connected for as long as its catalog is read."""
    from weft.connectors.targets import database, is_database
    from weft.contracts.exchange.kinds import module_of

    module = module_of(kind)
    url, table = module.parted(source)
    target = database(url, os.environ) if is_database(url) else None
    if target is None or not target.kind.startswith(kind.name):
        what = f"the source of the kind `{kind.name}` is no URL of such a database"
        raise UsageError(error("WFT-IMP-002", what, fix=f"write `{kind.name}://user:env:NAME@host/db:TABLE`"))
    with _rooms() as rooms, rooms.ways(os.environ).servers(target) as server:
        known = tuple(name for _, name in server.available)
        read: Read = module.imported(server.script(table), table, str(target), kind.name, known)
        return read


def _content(path: Path, name: str, kind: Kind) -> str | bytes:
    if not path.is_file():
        raise UsageError(error("WFT-PRJ-001", f"`{name}` is missing", fix="name a file"))
    content = path.read_bytes()
    if kind.binary:
        return content
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = content[: e.start].count(b"\n") + 1
        raise ProjectError(
            error("WFT-PRJ-021", f"`{name}` is not UTF-8 text", Where(name, line), fix="save it as UTF-8")
        ) from e


def _named(target: str | Path | Contract) -> Contract:
    from weft.model.odcs import Contract

    if isinstance(target, Contract):
        return target
    if is_file(str(target)):
        return contract_file(target)
    from weft.model.odcs import published_contract

    with closing(Rooms(load_settings(Path.cwd()))) as rooms:
        return published_contract(rooms.published(str(target)))


def _published(described: Contract) -> Contract:
    """The newest published contract of the same id.

    Raises:
        UsageError: WFT-ACC-001, there is none.
    """
    from weft.model.odcs import published_contract

    with closing(Rooms(load_settings(Path.cwd()))) as rooms:
        found = [s for s in rooms.registry.ports().values() if s.contract.get("id") == described.id]
    if not found:
        what = f"no published port has the contract `{described.id}`"
        raise UsageError(error("WFT-ACC-001", what, fix="say what to compare with: `--against FILE_OR_ADDRESS`"))
    return published_contract(max(found, key=lambda s: s.address.major or 0))


@contextmanager
def _rooms() -> Iterator[Rooms]:
    """Rooms that leave nothing behind, with the settings of the mesh around, if there is one."""
    import tempfile

    root = find_root(Path.cwd())
    with tempfile.TemporaryDirectory(prefix="weft-") as scratch:
        settings = load_settings(root) if root else Settings(root=Path(scratch))
        with closing(Rooms(replace(settings, root=Path(scratch)))) as rooms:
            yield rooms
