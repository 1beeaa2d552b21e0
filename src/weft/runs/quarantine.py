"""Quarantine: a port's staged rows are parted into good ones and bad ones, which go to the port's side table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from weft.contracts.conditions import Promise
from weft.contracts.quarantine import Allowance
from weft.contracts.row_conditions import marked_rows
from weft.contracts.rules import promises
from weft.contracts.subject import subject_of
from weft.engines.base import Session
from weft.errors import Diagnostic, PlatformError, error
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.odcs import Contract
from weft.model.publication import REASON_COLUMN, RULE_COLUMN, DataFile, Manifest, Quarantine
from weft.runs.build import Staged
from weft.runs.context import Context
from weft.sql.quoting import ident, literal
from weft.storage import reading
from weft.storage.base import Target
from weft.storage.side import side_target

_FILE = "weft file"


def split(
    session: Session,
    staged: Staged,
    checks: Sequence[CheckResult],
    allowed: Allowance,
    others: Mapping[str, str | None],
    context: Context,
) -> Staged | Diagnostic:
    """The port without the rows that break a blocking check, which are added to its quarantine.

    Args:
        checks: results on the staged rows; nothing blocks but what is allowed to go.

    Returns:
        A diagnostic, WFT-CHK-005, when more rows are bad than are allowed to go; nothing is written then.

    Raises:
        PlatformError: WFT-ENG-004, rows were lost on the way.
    """
    contract, target = staged.wanted.port.contract, staged.target
    root = context.storage.root
    blocking = {c.id for c in checks if c.blocks}
    broken = [p for p in promises(contract) if p.id in blocking]
    rows = reading.relation(staged.manifest, root, file_column=_FILE)
    marked, flags = marked_rows(
        contract, subject_of(contract, contract.table, rows, session, text=False), broken, others
    )
    bad = " OR ".join(flags)
    counted = ", ".join(["count(*)", *(f"count_if({flag})" for flag in flags)])
    (found,) = session.rows(f"SELECT {counted} FROM {marked} WHERE {bad}")
    before = staged.quarantine
    if not found[0]:
        raise _lost(staged, f"no row breaks {', '.join(sorted(blocking))}, which the check says is broken")
    gone = (before.rows if before else 0) + int(found[0])
    total = before.total if before else staged.manifest.rows
    if not allowed.admits(gone, total):
        return _too_many(staged.wanted.port.address, gone, total, allowed, contract)
    names = ", ".join(ident(c.name) for c in target.columns)
    hit = {name for (name,) in session.rows(f"SELECT DISTINCT {ident(_FILE)} FROM {marked} WHERE {bad}")}
    whole = [f for f in staged.manifest.files if reading.full_path(f.path, root) not in hit]
    good = f"SELECT {names} FROM {marked} WHERE NOT ({bad}) AND {ident(_FILE)} IN ({', '.join(map(literal, hit))})"
    good_files = (*whole, *_written(session, good, target, root))
    side = side_target(target)
    told = _told(broken, flags)
    bad_files = _written(session, f"SELECT {names}, {told} FROM {marked} WHERE {bad}", side, root)
    known = before.manifest.files if before else ()
    counts = dict(before.checks) if before else {}
    for promise, count in zip(broken, found[1:], strict=True):
        counts[promise.id] = counts.get(promise.id, 0) + int(count)
    files = (*known, *(replace(f, statistics={}) for f in bad_files))
    parted = Quarantine(Manifest(side.columns, files), total, counts)
    rest = Manifest(target.columns, good_files)
    if rest.rows + parted.rows != total:
        raise _lost(staged, f"{total} rows became {rest.rows} and {parted.rows} in quarantine")
    context.storage.remove([f for f in staged.fresh if f not in whole])
    return replace(staged, manifest=rest, quarantine=parted)


def _written(session: Session, sql: str, target: Target, root: str) -> tuple[DataFile, ...]:
    return session.copy_out(
        sql,
        folder=target.folder,
        root=root,
        field_ids=target.field_ids,
        columns=target.columns,
        layout=target.layout,
    )


def _told(broken: Sequence[Promise], flags: Sequence[str]) -> str:
    """The two columns that a side table adds, as SQL: which checks a row breaks, and what each expects."""
    ids = [f"CASE WHEN {flag} THEN {literal(p.id)} END" for p, flag in zip(broken, flags, strict=True)]
    reasons = [f"CASE WHEN {flag} THEN {literal(_reason(p))} END" for p, flag in zip(broken, flags, strict=True)]
    return ", ".join(
        f"list_filter([{', '.join(parts)}], lambda told: told IS NOT NULL) AS {ident(name)}"
        for name, parts in ((RULE_COLUMN, ids), (REASON_COLUMN, reasons))
    )


def _reason(promise: Promise) -> str:
    column = promise.column
    subject = ", ".join(column) if isinstance(column, tuple) else column
    return f"{subject}: expected {promise.expected}" if subject else f"expected {promise.expected}"


def _too_many(address: Address, gone: int, total: int, allowed: Allowance, contract: Contract) -> Diagnostic:
    return error(
        "WFT-CHK-005",
        f"`{address}`: {gone:,} of {total:,} rows ({gone / total:.2%}) would go to quarantine, "
        f"more than the {float(100 * allowed.max_share):g} % that the contract allows",
        contract.where(("customProperties",)),
        why="above `maxShare` of `weft.quarantine` nothing is published",
        fix="mend the rows at their source or in the model",
    )


def _lost(staged: Staged, why: str) -> PlatformError:
    what = f"the engine failed: the rows of `{staged.wanted.port.address}` cannot be parted"
    return PlatformError(error("WFT-ENG-004", what, why=why, fix="report this as a bug"))
