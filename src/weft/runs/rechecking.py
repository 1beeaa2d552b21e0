"""A contract checked again where it is published: keys, nulls and counts on all rows, the rest too or on a sample."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from weft.engines.base import Session
from weft.errors import ContractBroken, error
from weft.model.address import Address
from weft.model.checks import CheckResult, Outcome, Rule
from weft.model.document import Document
from weft.model.handover import Verified
from weft.model.odcs import Contract, contract

_TIMED = frozenset({Rule.FRESHNESS, Rule.FREQUENCY, Rule.RETENTION})
"""Rules whose result depends on when they are asked: the server's time counts."""

_ON_ALL = frozenset(
    {Rule.COLUMN_EXISTS, Rule.EXTRA_COLUMN, Rule.TYPE, Rule.REQUIRED, Rule.UNIQUE, Rule.PRIMARY_KEY, Rule.ROW_COUNT}
)
"""Rules that are evaluated on all rows however many there are."""

_OF_ROWS = frozenset(
    {Rule.PATTERN, Rule.LENGTH, Rule.RANGE, Rule.ITEMS, Rule.VALID_VALUES, Rule.TEXT, Rule.RELATIONSHIP}
)
"""Rules that each row keeps or breaks for itself, so that a sample can tell that they are broken."""

_SAMPLE_ROWS = 100_000

Check = Callable[[Contract, str], tuple[CheckResult, ...]]
"""Every rule of a contract on a relation."""


def rechecked(
    session: Session,
    address: Address,
    promised: Contract,
    relation: str,
    rows: int,
    told: Sequence[CheckResult],
    check: Check,
    whole_up_to: int,
) -> tuple[tuple[CheckResult, ...], Verified]:
    """The results under which a port is published, and who has found them.

    Args:
        told: what the runner says has come of its checks.
        whole_up_to: rows up to which every rule is evaluated on all of them.

    Raises:
        ContractBroken: WFT-SRV-034, what the runner says has come of a check has not.
    """
    if rows <= whole_up_to:
        results = check(promised, relation)
        _require_told(address, results, told, _TIMED)
        return results, Verified(address, rows, None, tuple(r.id for r in results))
    whole = {r.id: r for r in check(_reduced(promised), relation) if r.rule in _ON_ALL}
    sample = (
        f"(SELECT * FROM {relation} USING SAMPLE reservoir({_SAMPLE_ROWS} ROWS) REPEATABLE ({_seed(address, rows)}))"
    )
    looked = {r.id: r for r in check(promised, sample) if r.rule in _OF_ROWS}
    worse = [r for r in looked.values() if r.result in (Outcome.FAILED, Outcome.ERROR)]
    claimed = {r.id: r for r in told}
    _require_told(address, tuple(whole.values()), told, frozenset(), exact=True, only=True)
    lies = [r for r in worse if r.id not in claimed or claimed[r.id].result is Outcome.PASSED]
    if lies:
        raise ContractBroken(*(_not_so(address, r, claimed.get(r.id)) for r in lies))
    results = tuple(whole.get(r.id, r) for r in told)
    return results, Verified(
        address,
        rows,
        _SAMPLE_ROWS,
        tuple(whole),
        tuple(i for i in looked if i not in whole),
        tuple(r.id for r in told if r.id not in whole and r.id not in looked),
    )


def times_of_publication(now: dt.datetime, before: Sequence[dt.datetime], *, fresh: bool) -> tuple[dt.datetime, ...]:
    """When new rows of a port were published, with those that are about to be."""
    return (now, *before) if fresh else tuple(before)


def _require_told(
    address: Address,
    found: Sequence[CheckResult],
    told: Sequence[CheckResult],
    spared: frozenset[Rule],
    *,
    exact: bool = True,
    only: bool = False,
) -> None:
    """Refuses results that are better than what is found, of other rows, or of rules that are not all.

    Args:
        only: whether `told` may have results of other rules beside.

    Raises:
        ContractBroken: WFT-SRV-034, naming each check.
    """
    claimed = {r.id: r for r in told}
    wrong = []
    for one in found:
        said = claimed.get(one.id)
        if said is None:
            wrong.append(_not_so(address, one, None))
        elif one.rule in spared or said.result is Outcome.NOT_EVALUATED:
            continue
        elif said.result is not one.result or (exact and _rows(said) != _rows(one)):
            wrong.append(_not_so(address, one, said))
    unknown = set() if only else claimed.keys() - {r.id for r in found}
    for name in sorted(unknown):
        what = f"`{address}`: a check `{name}` is told of, which its contract does not have"
        wrong.append(error("WFT-SRV-034", what, fix="publish the results of this contract's checks"))
    if wrong:
        raise ContractBroken(*wrong)


def _rows(result: CheckResult) -> tuple[int | None, int | None]:
    return result.failed_rows, result.total_rows


def _not_so(address: Address, found: CheckResult, said: CheckResult | None) -> Any:
    told = f"`{said.result}` in {_in_words(said)}" if said is not None else "nothing"
    return error(
        "WFT-SRV-034",
        f"`{address}`: what came of the check `{found.id}` is not what the runner says",
        why=f"the server finds `{found.result}` in {_in_words(found)}, the runner says {told}",
        fix="build and publish with the same version of weft as the server",
    )


def _in_words(result: CheckResult) -> str:
    if result.failed_rows is None:  # where rows do not fail
        return f"a table of {result.total_rows:,} rows" if result.total_rows is not None else "the table"
    of = f" of {result.total_rows:,}" if result.total_rows is not None else ""
    return f"{result.failed_rows:,}{of} rows"


def _reduced(promised: Contract) -> Contract:
    """The contract without the rules that need not be evaluated on all rows of a large table."""
    data = dict(promised.data)
    data["schema"] = [_kept(table) for table in data.get("schema") or ()]
    data.pop("slaProperties", None)
    return contract(Document(promised.document.file, data))


def _kept(table: Mapping[str, Any]) -> dict[str, Any]:
    """A table's description with its columns, keys and counts."""
    kept = {k: v for k, v in table.items() if k not in ("quality", "relationships", "properties")}
    quality = [q for q in table.get("quality") or () if str(q.get("metric") or q.get("rule")) == "rowCount"]
    if quality:
        kept["quality"] = quality
    properties = table.get("properties") or ()
    kept["properties"] = [{k: v for k, v in p.items() if k not in ("quality", "relationships")} for p in properties]
    return kept


def _seed(address: Address, rows: int) -> int:
    """A number that stays the same for the same publication, so that what is refused once is refused again."""
    return (sum(str(address).encode()) * 31 + rows) % 1_000_003
