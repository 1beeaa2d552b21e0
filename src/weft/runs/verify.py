"""`weft verify`: a contract against published rows or against files."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from weft.access.principals import Principal
from weft.errors import SourceError, UsageError, UserCodeError, WeftError, error
from weft.model.address import Address
from weft.model.mesh import Source
from weft.model.odcs import Contract, published_contract
from weft.runs.context import Context
from weft.runs.results import Verification, verdict
from weft.runs.verification import check_rows, names_in_record, other_tables

if TYPE_CHECKING:
    from weft.connectors.files import FileConnector


def verify_address(
    address: Address,
    data: Sequence[str],
    samples: int,
    connector: Callable[[], FileConnector],
    principal: Principal,
    context: Context,
) -> Verification:
    """The contract of a published port against its published rows, or against `data`."""
    opened = context.door.open(principal, address)
    state = context.registry.port(opened.publication.address)
    assert state is not None, "an opened port is registered"
    contract = published_contract(state)
    if data:
        return _against_files(contract, str(state.address), data, samples, connector, context)
    with context.engine.session() as session:
        names = names_in_record(context.registry.products().get(state.address.of_product), context.registry.ports())
        others = other_tables(contract, names, {}, principal, context)
        checks = check_rows(session, contract, opened.relation, others, context.now(), samples=samples)
    return Verification(str(state.address), state.version, verdict(checks), opened.publication.rows, checks)


def verify_file(
    contract: Contract, data: Sequence[str], samples: int, connector: Callable[[], FileConnector], context: Context
) -> Verification:
    """A contract file against data files.

    Raises:
        UsageError: WFT-CLI-001, there is nothing to verify it against.
    """
    found = list(data) or _servers(contract, context)
    if not found:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"`{contract.document.file}` names no local file to verify",
                why="neither `--data` nor a server of type `local` in the contract says where the data is",
                fix="name the data: `weft verify CONTRACT --data FILE`",
            )
        )
    return _against_files(contract, contract.name or contract.document.file, found, samples, connector, context)


def _against_files(
    contract: Contract,
    name: str,
    data: Sequence[str],
    samples: int,
    connector: Callable[[], FileConnector],
    context: Context,
) -> Verification:
    tables = dict(_table(entry, contract) for entry in data)
    missing = [t for t in tables if t not in {o.name for o in contract.objects}]
    if missing:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"the contract has no table `{missing[0]}`",
                fix=f"it has: {', '.join(o.name for o in contract.objects)}",
            )
        )
    try:
        relations = {
            table: connector().bind(_source(path, contract), trusted=True).relation() for table, path in tables.items()
        }
        with context.engine.session() as session:
            checks = tuple(
                check
                for one in contract.objects
                if one.name in relations
                for check in check_rows(
                    session,
                    dataclasses.replace(contract, objects=(one,)),
                    relations[one.name],
                    relations,
                    context.now(),
                    samples=samples,
                    built=False,
                )
            )
            rows = sum(session.rows(f"SELECT count(*) FROM {r}")[0][0] for r in relations.values())
    except (SourceError, UserCodeError) as e:
        return _unreadable(contract, name, e)
    return Verification(name, contract.version_text, verdict(checks), rows, checks)


def _unreadable(contract: Contract, name: str, e: WeftError) -> Verification:
    return Verification(name, contract.version_text, "error", None, (), tuple(e.diagnostics))


def _table(entry: str, contract: Contract) -> tuple[str, str]:
    """`TABLE=PATH`, or a path alone for a contract of one table."""
    table, equals, path = entry.partition("=")
    return (table, path) if equals else (contract.objects[0].name, entry)


def _source(path: str, contract: Contract) -> Source:
    typed = Path(path).suffix in {".csv", ".gz", ".zip"}
    return Source(str(Path(path).absolute()), contract=contract if typed else None)


def _servers(contract: Contract, context: Context) -> list[str]:
    folder = context.settings.root / Path(contract.document.file).parent
    return [
        str(folder / str(s["path"]))
        for s in contract.data.get("servers") or ()
        if s.get("type") == "local" and "{" not in str(s.get("path"))
    ][:1]
