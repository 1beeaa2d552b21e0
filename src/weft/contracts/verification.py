"""Verification: every rule of a contract, judged on rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from weft.contracts.checks import Unusable, place_of
from weft.contracts.conditions import RowCount
from weft.contracts.documents import unknown_fields
from weft.contracts.evaluator import Evaluator, Server
from weft.contracts.findings import why_not
from weft.contracts.judging import Judge
from weft.contracts.keys import FEW_KEYS
from weft.contracts.rules import promises, some_row
from weft.contracts.samples import showing
from weft.contracts.scan import Scan
from weft.contracts.sql_rules import Admit
from weft.contracts.subject import Subject, subject_of
from weft.errors import ProjectError, UsageError, WeftError, did_you_mean, error
from weft.model.checks import CheckResult, CheckSeverity, Outcome, Rule
from weft.model.odcs import Contract, SchemaObject
from weft.model.publication import Manifest


def verify(
    contract: Contract,
    relation: str,
    evaluator: Evaluator,
    *,
    others: Mapping[str, str | None],
    now: datetime,
    admit: Admit,
    sample_limit: int = 5,
    extra_columns: str | None = None,
    salt: str | None = None,
    table: str | None = None,
    text: bool = False,
    not_empty: bool = False,
    server: Server | None = None,
    published: Sequence[datetime] | None = None,
    written: Manifest | None = None,
) -> tuple[CheckResult, ...]:
    """The results of every rule that a contract has on a table, in the contract's order.

    Args:
        relation: the rows under judgement, as a FROM item.
        others: FROM items of the tables that relationships and SQL rules name, by the name as written; None where the
            table is not at hand (`references.other_tables` lists the names).
        now: the instant that freshness is compared with, unless the contract has `weft.referenceTime`.
        admit: the allow-list for SQL rules.
        sample_limit: failing rows to show for each check.
        extra_columns: `forbid`, `warn` or `allow` where the contract has no `weft.extraColumns`; None is `warn`.
        salt: for hashes of sensitive keys in samples.
        table: the schema object's name, by default the contract's first.
        not_empty: whether a table without rows fails where the contract says nothing of their count.
        text: the rows come from a text format, so that a column that is still text is checked by parsing it.
        server: the evaluator, where it is a database that runs SQL rules in its own words.
        published: when new rows of the table were published, newest first; None where that is not known. It is not
            asked of a contract of closed data, which measures ages from an instant of its own.
        written: what the relation reads, where weft has written it: it tells columns, and how many rows.

    Raises:
        WeftError: the rows could not be read at all.
    """
    chosen = contract.table if table is None else _chosen(contract, table)
    now = _reference_time(contract, now)
    columns = written.columns if written is not None else None
    subject = subject_of(contract, chosen, relation, evaluator, text=text, server=server is not None, columns=columns)
    judge = Judge(
        contract=contract,
        subject=subject,
        evaluator=evaluator,
        others=others,
        now=now,
        admit=admit,
        sample_limit=sample_limit,
        showing=showing(contract, chosen, salt),
        scan=Scan(subject.relation),
        server=server,
        published=None if contract.custom.get("weft.referenceTime") else published,
        few=written is not None and written.rows <= FEW_KEYS,
    )
    found = promises(contract, chosen)
    if not_empty and not any(isinstance(p.condition, RowCount) for p in found):
        found = (*found, some_row(contract, chosen))
    policy = str(contract.custom.get("weft.extraColumns") or extra_columns or "warn")
    results = judge.results(found)
    if policy == "allow":
        return results
    return (*results, _extra(contract, chosen, subject, evaluator, policy))


def _extra(contract: Contract, table: SchemaObject, subject: Subject, evaluator: Evaluator, policy: str) -> CheckResult:
    names, reason = subject.extra, None
    try:
        names += unknown_fields(subject.documents, subject.relation, evaluator)
    except WeftError as problem:
        reason = why_not(problem)
    unfit = Outcome.FAILED if names else Outcome.ERROR if reason else None
    listed = ", ".join(f"`{name}`" for name in names)
    return CheckResult(
        id="extra_columns",
        rule=Rule.EXTRA_COLUMN,
        column=None,
        dimension="conformity",
        severity=CheckSeverity.ERROR if policy == "forbid" else CheckSeverity.WARNING,
        result=unfit or Outcome.PASSED,
        expected="no column beyond the contract",
        actual=f"{len(names)} more: {listed}" if names else None if reason else "none",
        reason=reason,
        where=contract.where((*table.pointer, "properties")),
    )


def _chosen(contract: Contract, name: str) -> SchemaObject:
    found = next((t for t in contract.objects if t.name == name), None)
    if found is None:
        names = [t.name for t in contract.objects]
        what = f"`{contract.document.file}` has no table `{name}`"
        raise UsageError(error("WFT-CLI-001", what, fix=did_you_mean(name, names, otherwise=f"it has {names}")))
    return found


def _reference_time(contract: Contract, now: datetime) -> datetime:
    """The instant that the contract measures ages from (`weft.referenceTime`), else now; without a zone it is local."""
    stated = contract.custom.get("weft.referenceTime")
    if stated is None:
        return now
    try:
        moment = datetime.fromisoformat(str(stated))
        return (
            moment
            if moment.tzinfo
            else moment.replace(tzinfo=place_of(str(contract.custom.get("weft.timezone", "UTC"))))
        )
    except (ValueError, Unusable) as problem:
        where = contract.where(("customProperties",))
        raise ProjectError(error("WFT-CON-006", f"`weft.referenceTime: {stated}` is no instant", where)) from problem
