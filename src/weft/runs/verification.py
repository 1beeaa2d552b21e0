"""A contract is checked on rows: staged ones before anybody sees them, published ones when asked."""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from weft.access.principals import Principal
from weft.contracts.evaluator import Server
from weft.contracts.rules import promises, referenced_tables
from weft.contracts.verification import verify
from weft.engines.base import Session
from weft.errors import ContractBroken, Diagnostic, WeftError, error
from weft.model.address import Address, parse_address
from weft.model.checks import FIRST_ROWS, CheckResult, Outcome, Rule
from weft.model.document import Document
from weft.model.mesh import Product
from weft.model.odcs import Contract
from weft.model.odps import descriptor
from weft.model.publication import Manifest, PortState, Publication
from weft.model.records import ProductRecord
from weft.registry import processes
from weft.registry.base import RegistryReader
from weft.runs.context import Context
from weft.sql.allowlist import walk


def check_rows(
    session: Session,
    contract: Contract,
    relation: str,
    others: Mapping[str, str | None],
    now: dt.datetime,
    *,
    table: str | None = None,
    samples: int = 5,
    built: bool = True,
    text: bool = False,
    server: Server | None = None,
    published: Sequence[dt.datetime] | None = None,
    written: Manifest | None = None,
) -> tuple[CheckResult, ...]:
    """Every rule of a contract about one table (by default its first), evaluated on a relation.

    Args:
        built: whether weft built the rows: a column that the contract does not know is then forbidden by default,
            in foreign data it only warns; and that there are none breaks a contract that says nothing of their count.
        text: the rows come from a text format: their types are checked by parsing.
        server: who has the relation, where it is not the session; the session then only parses.
        published: when new rows of a port were published, newest first; None where it is no port.
        written: what the relation reads, where this run has written it.
    """
    own = contract.table if table is None else next(o for o in contract.objects if o.name == table)
    known = {own.name, str(own.data.get("physicalName") or own.name), *(n for n, item in others.items() if item)}
    return verify(
        contract,
        relation,
        server or session,
        others=others,
        now=now,
        sample_limit=samples,
        extra_columns="forbid" if built else "warn",
        not_empty=built,
        admit=lambda sql: admitted_by(session, sql, server.dialect if server else None, known),
        salt=secrets.token_hex(8),
        table=table,
        text=text,
        server=server,
        published=published,
        written=written,
    )


def times_of(address: Address, contract: Contract, registry: RegistryReader) -> tuple[dt.datetime, ...]:
    """When new rows of a port were published, newest first; empty where the contract promises nothing about it.

    A publication of other texts or rules for the same rows is none of new ones.
    """
    if not contract.slas or not any(p.rule is Rule.FREQUENCY for p in promises(contract)):
        return ()
    first = {p.snapshot_id: p.published_at for p in sorted(registry.history(address), key=_when, reverse=True)}
    return tuple(sorted(first.values(), reverse=True))


def _when(publication: Publication) -> dt.datetime:
    return publication.published_at


def admitted_by(
    session: Session, sql: str, dialect: str | None = None, tables: Collection[str] | None = None
) -> tuple[Diagnostic, ...]:
    """What the allow-list has against the SQL of a rule.

    Args:
        dialect: the words of a server in which it is written, where they are not DuckDB's.
        tables: all that a rule of a server may read; None for any. A session has no others.
    """
    if dialect is None:
        problems = walk(sql, session.parse(sql), qualified=False).problems
    else:
        from weft.sql.dialects import walk_of, words_of  # sqlglot is slow to import, and only servers need it

        # where DuckDB can read it too, both have to admit it: one text may say different things to the two
        problems = walk(sql, session.parse(sql), qualified=False, also=words_of(dialect)).problems
        problems = tuple(p for p in problems if p.code != "WFT-SQL-001") + walk_of(sql, dialect, tables)
    return tuple(Diagnostic(p.code, p.severity, p.what, None, p.why, p.fix) for p in problems)


def names_in(product: Product) -> dict[str, Address]:
    """The ports that a product's contracts may name in relationships: its own and its inputs."""
    names = _names_of(p.address for p in product.outputs)
    return names | {i.name: i.binding for i in product.inputs if isinstance(i.binding, Address)}


def _names_of(ports: Iterable[Address]) -> dict[str, Address]:
    """A product's own ports by name; a name means the newest major."""
    return {address.port: address for address in sorted(ports)}


def names_in_record(record: ProductRecord | None, ports: Mapping[Address, PortState]) -> dict[str, Address]:
    """The same of a registered product."""
    if record is None:
        return {}
    names = _names_of(a for a, state in ports.items() if a.of_product == record.address and not state.retired)
    described = descriptor(Document(f"{record.address} (published)", record.document))
    bound = {e.name: str(e.custom["weft.port"]) for e in described.inputs if "weft.port" in e.custom}
    return names | {name: parse_address(text) for name, text in bound.items()}


def other_tables(
    contract: Contract,
    names: Mapping[str, Address],
    staged: Mapping[str, str],
    principal: Principal,
    context: Context,
    may_read: Callable[[Address], bool] = lambda address: True,
) -> dict[str, str | None]:
    """The relations that a contract's relationships point to; None for a table that cannot be read here.

    A relationship names a port of the same product, an input port, or a full address.

    Args:
        may_read: whether the principal may read a port beside what the door knows of it.
    """
    found: dict[str, str | None] = {}
    for name in referenced_tables(contract):
        if name in staged:
            found[name] = staged[name]
            continue
        address = parse_address(name) if name.count(".") == 2 else names.get(name)
        known = address is not None and may_read(address)
        found[name] = _opened(address, principal, context) if address is not None and known else None
    return found


def broken(address: Address, checks: tuple[CheckResult, ...]) -> ContractBroken | None:
    """The error that keeps a port from being published; None when no check blocks."""
    blocking = [c for c in checks if c.blocks]
    if not blocking:
        return None
    return ContractBroken(*(_diagnostic(address, c) for c in blocking))


def _diagnostic(address: Address, check: CheckResult) -> Diagnostic:
    column = ", ".join(check.column) if isinstance(check.column, tuple) else check.column
    subject = f"`{address}`" + (f" column `{column}`" if column else "")
    if check.result is Outcome.ERROR:
        return error("WFT-CHK-002", f"{subject}: `{check.rule}` could not be evaluated", check.where, why=check.reason)
    if check.result is Outcome.NOT_EVALUATED:
        return error("WFT-CHK-003", f"{subject}: `{check.rule}` was not evaluated", check.where, why=check.reason)
    what = f"{subject} breaks `{check.rule}`"
    if check.failed_rows is not None:
        share = f" ({check.share:.2%})" if check.share is not None else ""
        what += f" in {check.failed_rows:,} of {check.total_rows or 0:,} rows{share}"
    why = f"expected {check.expected}" + (f", found {check.actual}" if check.actual else "")
    if check.samples:
        shown = "; ".join(", ".join(f"{k}={_written(v)}" for k, v in s.items()) for s in check.samples[:3])
        why += f"{FIRST_ROWS}{shown}"
    fix = "mend the rows at their source or in the model; nothing was published, the former snapshot is still served"
    return error("WFT-CHK-001", what, check.where, why=why, fix=fix)


def _written(value: object) -> str:
    """A value of a sample as SQL and JSON write it."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, default=str)


def _opened(address: Address, principal: Principal, context: Context) -> str | None:
    try:
        one = context.door.open(principal, address, reads=[address])
        return context.door.fetching.brought(principal, one, context.temp_folder(processes.identity())).relation
    except WeftError:
        return None  # not published, or not readable: the check says that it was not evaluated
