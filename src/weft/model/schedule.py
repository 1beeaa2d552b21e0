"""Schedules: when rules and service levels of a contract are to be looked at, in the words of cron."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from weft.model.document import Pointer, entries, text
from weft.model.odcs import Contract, every_property

_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")),
    ("day of the week", 0, 7, ("sun", "mon", "tue", "wed", "thu", "fri", "sat")),
)
"""Each with its least and greatest number, and names for them from the least on."""
_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>[0-9]+))?")
_LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class Schedule(Struct, frozen=True):
    """When one rule or service level is to be looked at (Source: ODCS, `schedule` and `scheduler`).

    Attributes:
        of: the rule's id, name or kind, or what the service level promises.
        text: the schedule in the words of its scheduler.
        scheduler: the tool; None where the contract names none, which is read as cron.
    """

    of: str
    text: str
    scheduler: str | None
    pointer: Pointer

    @property
    def is_cron(self) -> bool:
        """Whether the words are cron's."""
        return self.scheduler is None or self.scheduler.strip().lower() in ("cron", "crontab")

    def as_json(self) -> dict[str, Any]:
        """The schedule as pages show it."""
        return {"of": self.of, "schedule": self.text, "scheduler": self.scheduler}


def schedules(contract: Contract) -> tuple[Schedule, ...]:
    """Every schedule of a contract: of rules on tables, columns and what is in them, and of service levels."""
    return tuple(_found(contract))


def cron_problem(expression: str) -> str | None:
    """Why a text is no cron expression of five fields, or one that never comes; None where it is one.

    >>> cron_problem("0 20 * * mon-fri"), cron_problem("@daily"), cron_problem("0 25 * * *")
    (None, None, 'its hour `25` is not 0 to 23')
    >>> cron_problem("0 0 30 2 *"), cron_problem("daily")
    ('there is no such day in any year', 'it has 1 of five fields')
    """
    stated = expression.strip().lower()
    if stated.startswith("@"):
        return None if stated in _WORDS else f"`{stated}` is none of {', '.join(sorted(_WORDS))}"
    fields = stated.split()
    if len(fields) != len(_FIELDS):
        return f"it has {len(fields)} of five fields"
    numbers: list[frozenset[int]] = []
    for field, (name, least, greatest, names) in zip(fields, _FIELDS, strict=True):
        found = _numbers(field, least, greatest, names)
        if found is None:
            return f"its {name} `{field}` is not {least} to {greatest}"
        numbers.append(found)
    days, months = numbers[2], numbers[3]
    # a day of the week beside a day of the month is another way to come
    if fields[4] == "*" and all(min(days) > _LONGEST_MONTHS[month - 1] for month in months):
        return "there is no such day in any year"
    return None


def cron_fields(expression: str) -> tuple[str, str, str, str, str]:
    """Minute, hour, day, month and day of the week of an expression that `cron_problem` finds nothing wrong with.

    Each is `*`, `*/N` or the numbers that it means; days of the week are names, which all calendars read alike.

    >>> cron_fields("*/15 8-10 * * 5-7"), cron_fields("@monthly")
    (('*/15', '8,9,10', '*', '*', 'fri,sat,sun'), ('0', '0', '1', '*', '*'))
    """
    stated = expression.strip().lower()
    found = []
    fields = _WORDS.get(stated, stated).split()
    for field, (_, least, greatest, names) in zip(fields, _FIELDS, strict=True):
        step = field.removeprefix("*/")
        if field == "*" or (
            field[:2] == "*/" and step.isdigit() and greatest != 7 and 1 <= int(step) <= greatest - least
        ):
            found.append(field)
            continue
        numbers = _numbers(field, least, greatest, names)
        assert numbers, "the expression was looked at"
        if greatest == 7:  # both 0 and 7 are Sunday
            days = sorted({(n - 1) % 7 for n in numbers})
            found.append(",".join((*names[1:], names[0])[day] for day in days))
        else:
            found.append(",".join(map(str, sorted(numbers))))
    minute, hour, day, month, weekday = found
    return minute, hour, day, month, weekday


def _found(contract: Contract) -> Iterator[Schedule]:
    for table in contract.objects:
        yield from _of_rules(table.data, table.pointer)
        for prop in every_property(table.properties):
            yield from _of_rules(prop.data, prop.pointer)
    for i, level in entries(contract.data, "slaProperties"):
        yield from _one(level, str(level.get("id") or level.get("property") or ""), ("slaProperties", i))


def _of_rules(data: Mapping[str, Any], pointer: Pointer) -> Iterator[Schedule]:
    for i, rule in entries(data, "quality"):
        kind = rule.get("id") or rule.get("name") or rule.get("metric") or rule.get("rule") or rule.get("type")
        yield from _one(rule, str(kind or "rule"), (*pointer, "quality", i))


def _one(entry: Mapping[str, Any], of: str, pointer: Pointer) -> Iterator[Schedule]:
    stated = text(entry, "schedule")
    if stated is not None:
        yield Schedule(of, stated, text(entry, "scheduler"), (*pointer, "schedule"))


def _numbers(field: str, least: int, greatest: int, names: tuple[str, ...]) -> frozenset[int] | None:
    """The numbers that a field of cron means; None where it means none."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None or (match["first"] == "*" and match["last"]):
            return None
        first = least if match["first"] == "*" else _number(match["first"], least, names)
        end = match["last"] or ("" if match["first"] == "*" or match["step"] else match["first"])
        last = _number(end, least, names) if end else greatest
        step = int(match["step"]) if match["step"] else 1
        if first is None or last is None or not least <= first <= last <= greatest or step < 1:
            return None
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(word: str, least: int, names: tuple[str, ...]) -> int | None:
    if word in names:
        return names.index(word) + least
    return int(word) if word.isascii() and word.isdigit() else None
