"""A contract is drafted or completed from what its model gives; and a product from a file."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.connectors.files import FileConnector
from weft.connectors.sniffing import sniff
from weft.contracts.agreement import agree
from weft.contracts.draft import draft
from weft.contracts.profile import ColumnProfile, Profile, profile
from weft.engines.base import Session
from weft.errors import Diagnostic, ProjectError, SourceError, UsageError, did_you_mean, error
from weft.model.address import Address, ProductAddress, slugify
from weft.model.classification import Classification
from weft.model.column import Column
from weft.model.document import Document
from weft.model.materialization import VALID_FROM, Materialization
from weft.model.mesh import Mesh, Model, Product, Source, Status
from weft.model.odcs import Contract, contract
from weft.project import edit
from weft.project.documents import dump, parse
from weft.runs.context import Context
from weft.runs.inputs import source_files
from weft.runs.preview import Preparation
from weft.runs.python_models import select_of
from weft.sql.quoting import ident
from weft.storage.schemas import storable_type

_TABLE = "rows to profile"
_ROWS = ident(_TABLE)


class Sync(Struct, frozen=True):
    """What was written: the contract's path, its text, what was added, and the difference to the text before.

    Attributes:
        disagreements: where contract and model differ all the same: what a person wrote is kept, right or wrong.
    """

    path: Path
    text: str
    notes: tuple[str, ...]
    diff: str
    disagreements: tuple[Diagnostic, ...] = ()


def sync(address: Address, mesh: Mesh, connector: FileConnector, context: Context, *, write: bool) -> Sync:
    """Completes the contract of a port from its model and all of its rows.

    Raises:
        UsageError: WFT-PLN-001 there is no such port or it has no model, WFT-CLI-001 it lives in a database.
        ProjectError: the contract that is there cannot be read.
    """
    product, model, entry = _port(address, mesh)
    folder = Path(mesh.root) / Path(product.descriptor.document.file).parent
    path = folder / "contracts" / f"{model.name}.odcs.yaml"
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    existing = _existing(before, path.name)
    with tempfile.TemporaryDirectory(prefix="weft-sync-") as rows, context.engine.session(None) as session:
        ports = context.registry.ports()
        preparation = Preparation(session, mesh, ports, connector, context, {}, Path(rows), sample_rows=None)
        preparation.models(product, model, into="sync")
        # what the contract says is to be found out: the types are those of the rows
        sql = preparation.kept(model, select_of(session, model, None, context, Path(rows)))
        keys = _versioned(model)
        drafted = _drafted(session, model.name, sql, existing, entry.get("contractId"), _status(product), keys)
        columns = session.columns(f"SELECT * FROM {_ROWS}")
    after, notes = edit.merged(before, drafted)
    if write and notes:
        edit.write_whole(path, after)
    descriptor = Path(mesh.root) / product.descriptor.document.file
    text = descriptor.read_text(encoding="utf-8")
    listed = {"outputPorts": [{"name": address.port, "contractId": drafted["id"], "version": drafted["version"]}]}
    completed, added = edit.merged(text, listed) if not entry.get("contractId") else (text, [])
    if write and added:
        edit.write_whole(descriptor, completed)
    diff = "".join(difflib.unified_diff(before.splitlines(True), after.splitlines(True), "before", str(path.name)))
    promised = _existing(after, path.relative_to(mesh.root).as_posix())
    wrong = agree(promised, columns) if promised is not None and promised.objects else ()
    return Sync(path, after, (*notes, *(f"product.odps.yaml: {a}" for a in added)), diff, wrong)


def product_from_file(file: str, product: ProductAddress, connector: FileConnector, context: Context) -> dict[str, Any]:
    """Input port, output port, model and contracts for a source file, as `scaffold.new_product` takes them.

    The source is read as builds will read it, and the port's contract is drafted from what the model makes of it.

    Raises:
        SourceError: WFT-SRC-001 to 008, the file cannot be read to its end or has no rows.
    """
    name = slugify(Path(file).name.partition(".")[0])
    source_name = f"{name}_source"

    def typed(columns: Sequence[Column]) -> Contract:
        shape = Profile(0, tuple(ColumnProfile(c.name, c.type, 0, 0) for c in columns), ())
        return contract(Document(file, draft(shape, None, name=source_name, status=Status.ACTIVE)))

    with context.engine.session() as session:
        session.reads(source_files(connector.read(Source(file)), source_name, product))
        found = sniff(Source(file), connector, session, typed)
        session.table(source_name, f"SELECT * FROM {found.bound.relation()}")
        if session.rows(f"SELECT count(*) FROM {ident(source_name)}")[0][0] == 0:
            headed = "a header and " if found.kind == "csv" else ""
            what = f"the source `{Path(file).name}` has {headed}no rows"
            why = "a contract is drafted from what rows are like"
            raise SourceError(error("WFT-SRC-003", what, why=why, fix="name a file that has some"))
        model = _select(found.bound.columns, source_name)
        promised = _drafted(session, name, model, None, None, Status.ACTIVE)
    assert found.source.contract is not None, "it was sniffed with one"
    declared = dict(found.source.contract.data)
    return {
        "inputs": [
            {
                "name": source_name,
                "version": "1.0.0",
                "contractId": declared["id"],
                "customProperties": [{"property": "weft.source", "value": {"file": file, **found.dialect}}],
            }
        ],
        "outputs": [{"name": name, "type": "table", "version": "1.0.0", "contractId": promised["id"]}],
        "files": {
            f"contracts/sources/{source_name}.odcs.yaml": dump(declared),
            f"contracts/{name}.odcs.yaml": dump(promised),
            f"models/{name}.sql": model,
        },
    }


def _select(columns: Sequence[Column], source: str) -> str:
    """A model that gives every column of a source, cast where no table can hold its type."""
    listed = []
    for column in columns:
        name, stored = ident(column.name), storable_type(column.type)
        listed.append(name if stored == column.type else f"{name}::{stored} as {name}")
    return "select\n    " + ",\n    ".join(listed) + f"\nfrom {source}\n"


def _drafted(
    session: Session,
    name: str,
    sql: str,
    existing: Contract | None,
    contract_id: str | None,
    status: Status,
    keys: tuple[tuple[str, ...], ...] | None = None,
) -> dict[str, Any]:
    """A draft from all rows of a query. Columns above internal are not looked into.

    Args:
        keys: those that the rows have, where it is known without them.
    """
    closed = []
    if existing is not None and existing.objects:
        closed = [p.name for p in existing.table.properties if p.classification > Classification.INTERNAL]
    session.table(_TABLE, sql)
    seen = profile(session, _ROWS, sensitive=closed)
    if keys is not None:
        seen = replace(seen, keys=keys)
    return draft(seen, existing, name=name.partition("@")[0], contract_id=contract_id, status=status)


def _versioned(model: Model) -> tuple[tuple[str, ...], ...] | None:
    """The key of a table that keeps every version of a row: what is unique in its first rows is not for long."""
    return ((*model.kept.key, VALID_FROM),) if model.kept.kind is Materialization.SCD2 else None


def _status(product: Product) -> Status:
    """The product's own: a draft beside an active product would shut out its readers of other domains."""
    known = [s for s in Status if s == product.descriptor.status]
    return known[0] if known else Status.DRAFT


def _existing(text: str, file: str) -> Contract | None:
    if not text.strip():
        return None
    found = parse(text.encode(), file, "contract")
    if found.document is None:
        raise ProjectError(*found.problems)
    return contract(found.document)


def _port(address: Address, mesh: Mesh) -> tuple[Product, Model, dict[str, Any]]:
    product = mesh.products.get(address.of_product)
    entries = product.descriptor.outputs if product else ()
    entry = next((e for e in entries if e.name == address.port), None)
    if product is None or entry is None:
        known = [f"{p.address}.{e.name}" for p in mesh.products.values() for e in p.descriptor.outputs]
        raise UsageError(
            error(
                "WFT-PLN-001",
                f"no product of this mesh lists an output port `{address.unpinned}`",
                fix=did_you_mean(address.unpinned, known, otherwise="list it under outputPorts in product.odps.yaml"),
            )
        )
    if "weft.source" in entry.custom:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"`{address}` lives in a table of a database, and its contract is not completed from that",
                product.descriptor.where(entry.pointer),
                why="readers see the columns that the contract promises: which of a table these are is for its owner",
                fix="name them there; `weft contract import postgres` drafts all of a table, `weft plan` compares",
            )
        )
    stem = address.port if address.major is None else f"{address.port}@{address.major}"
    model = product.model(stem) or product.model(address.port)
    if model is None:
        raise UsageError(
            error("WFT-PRJ-013", f"`{address}` has no model", fix=f"write the SELECT in `models/{address.port}.sql`")
        )
    return product, model, {"contractId": entry.contract_id}
