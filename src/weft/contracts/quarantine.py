"""Quarantine: which rules of a contract may send bad rows to a side table, and how many rows at most."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from msgspec import Struct

from weft.contracts.row_conditions import blocks_by_rows, tells_rows
from weft.contracts.rules import promises
from weft.errors import Diagnostic, did_you_mean, error
from weft.model.checks import CheckResult, CheckSeverity, Outcome
from weft.model.document import Pointer
from weft.model.odcs import Contract
from weft.model.publication import QUARANTINE, REASON_COLUMN, RULE_COLUMN

EVERY = "*"

_PERCENT = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*%")


class Allowance(Struct, frozen=True):
    """What a contract lets go to quarantine.

    Attributes:
        rules: ids of the checks whose bad rows may go there.
        max_share: at most this share of all rows, 0 to 1.
    """

    rules: frozenset[str]
    max_share: Decimal

    def admits(self, bad: int, total: int) -> bool:
        """Whether so many bad rows of so many may go.

        >>> allowed = Allowance(frozenset(), Decimal("0.02"))
        >>> allowed.admits(2, 100), allowed.admits(3, 100)
        (True, False)
        """
        return Decimal(bad) <= self.max_share * total

    def covers(self, checks: Iterable[CheckResult]) -> bool:
        """Whether something blocks, and nothing does but rows that may go."""
        blocking = [c for c in checks if c.blocks]
        return bool(blocking) and all(
            c.result is Outcome.FAILED and c.failed_rows is not None and c.id in self.rules for c in blocking
        )


def allowance(contract: Contract) -> Allowance | None:
    """What a contract lets go to quarantine; None where it says nothing, or nothing that can be understood."""
    stated = contract.custom.get(QUARANTINE)
    if not isinstance(stated, Mapping):
        return None
    share = _share(stated.get("maxShare"))
    rules = stated.get("rules")
    if share is None or not isinstance(rules, list) or not contract.objects:
        return None
    eligible = {p.id for p in promises(contract) if blocks_by_rows(p)}
    named = eligible if EVERY in rules else eligible & {str(r) for r in rules}
    return Allowance(frozenset(named), share)


def quarantine_problems(contract: Contract) -> tuple[Diagnostic, ...]:
    """What is wrong with `weft.quarantine` of a contract: WFT-CON-006, each with its place."""
    if QUARANTINE not in contract.custom or not contract.objects:
        return ()
    return tuple(_problems(contract, contract.custom[QUARANTINE], _pointer(contract)))


def _problems(contract: Contract, stated: Any, pointer: Pointer) -> Iterator[Diagnostic]:
    where = contract.where(pointer)
    if not isinstance(stated, Mapping):
        yield error("WFT-CON-006", f"`{QUARANTINE}` needs `rules` and `maxShare`", where, fix=_EXAMPLE)
        return
    for unknown in sorted({str(key) for key in stated} - {"rules", "maxShare"}):
        what = f"`{QUARANTINE}` has no `{unknown}`"
        yield error("WFT-CON-006", what, where, fix=did_you_mean(unknown, ("rules", "maxShare"), otherwise=_EXAMPLE))
    if _share(stated.get("maxShare")) is None:
        what = f"`{QUARANTINE}`: `maxShare` is a share of all rows, 0 to 1 or a percentage up to 100%"
        yield error("WFT-CON-006", what, where, fix=_EXAMPLE)
    rules = stated.get("rules")
    if not isinstance(rules, list) or not rules:
        what = f"`{QUARANTINE}`: `rules` lists the ids of checks, or is ['{EVERY}']"
        yield error("WFT-CON-006", what, where, fix=_EXAMPLE)
        rules = []
    found = {p.id: p for table in contract.objects for p in promises(contract, table)}
    for rule in (str(r) for r in rules if r != EVERY):
        promise = found.get(rule)
        what = f"`{QUARANTINE}`: the rows of `{rule}` cannot go to quarantine"
        if promise is None:
            fix = did_you_mean(rule, list(found), otherwise="`weft verify` and `weft run` show the ids of checks")
            yield error("WFT-CON-006", f"`{QUARANTINE}`: there is no rule `{rule}`", where, fix=fix)
        elif not tells_rows(promise):
            why = "it does not tell which rows break it, or tolerates some"
            yield error("WFT-CON-006", what, where, why=why, fix="name rules that no row may break")
        elif promise.severity is not CheckSeverity.ERROR:
            why = f"its severity is {promise.severity}: rows that break it are published, with a warning"
            yield error("WFT-CON-006", what, where, why=why, fix="make it an error, or leave it away here")
    taken = {RULE_COLUMN, REASON_COLUMN}
    for prop in contract.table.properties:
        if prop.name.lower() in taken:
            what = f"`{QUARANTINE}`: the side table has a column `{prop.name.lower()}` of its own"
            yield error("WFT-CON-006", what, contract.where(prop.pointer), fix="rename the column of the contract")


_EXAMPLE = "write `value: {rules: ['*'], maxShare: 2%}`"


def _share(stated: Any) -> Decimal | None:
    """A share of rows, 0 to 1; None for what is none.

    >>> _share("2%"), _share(0.5), _share("150%"), _share(True)
    (Decimal('0.02'), Decimal('0.5'), None, None)
    """
    if isinstance(stated, bool) or not isinstance(stated, int | float | str):
        return None
    percent = _PERCENT.fullmatch(str(stated).strip())
    try:
        share = Decimal(percent[1]) / 100 if percent else Decimal(str(stated).strip())
    except InvalidOperation:
        return None
    return share if share.is_finite() and 0 <= share <= 1 else None


def _pointer(contract: Contract) -> Pointer:
    """Where the setting stands in the document."""
    listed = contract.data.get("customProperties")
    for i, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, Mapping) and entry.get("property") == QUARANTINE:
            return ("customProperties", i)
    return ("customProperties",)
