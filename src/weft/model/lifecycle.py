"""What a port's status means for who reads it: whom a draft is for, until when a deprecated port is served."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from weft.errors import UsageError
from weft.model.address import Address, parse_address
from weft.model.document import Pointer, custom_properties, entries, text

END_OF_LIFE = "weft.endOfLife"
SUCCESSOR = "weft.successor"
_DATES_OF_LIFE = frozenset({"generalavailability", "ga", "endofsupport", "es", "endoflife", "el"})
"""Service levels that say when a product begins and ends: facts for readers, on which no check depends."""
_LEVELS = (frozenset({"endoflife", "el"}), frozenset({"endofsupport", "es"}))
_NO_SUCCESSORS = frozenset({"deprecated", "retired", "proposed"})


def date_of_life(level: Mapping[str, Any]) -> bool:
    """Whether a service level is a date of a product's life.

    >>> date_of_life({"property": "endOfLife"}), date_of_life({"property": "retention"})
    (True, False)
    """
    return str(level.get("property", "")).lower() in _DATES_OF_LIFE


def open_to(status: str, port: Address, domain: str) -> bool:
    """Whether products of a domain may read a port of that status: a draft is for its own domain alone.

    >>> open_to("draft", parse_address("fleet.aircraft.planes@1"), "operations")
    False
    """
    return status != "draft" or port.domain == domain


class EndOfLife(Struct, frozen=True):
    """How a deprecated port ends.

    Attributes:
        day: the last day on which it is published and read; None when none is named.
        successor: what takes its place; None when nothing does yet.
    """

    address: Address
    day: dt.date | None
    successor: Address | None

    def days_left(self, today: dt.date) -> int | None:
        """Days until the last one, 0 on it, negative after it."""
        return None if self.day is None else (self.day - today).days

    def passed(self, today: dt.date) -> bool:
        """Whether its last day is over."""
        return self.day is not None and today > self.day

    def in_words(self, today: dt.date) -> str:
        """When it ends, behind the port's name: “whose end of life is 2026-12-31, in 40 days”."""
        left = self.days_left(today)
        if left is None:
            return "without an end of life yet"
        days = f"{abs(left)} day{'' if abs(left) == 1 else 's'}"
        if left < 0:
            return f"whose end of life was {self.day}, {days} ago"
        return f"whose end of life is {self.day}, {'today' if left == 0 else f'in {days}'}"

    def way_out(self, otherwise: str) -> str:
        """What a reader does about it."""
        if self.successor is None:
            return otherwise
        name = self.successor
        in_sql = f'{name.of_product}."{name.port}@{name.major}"'
        return f"read its successor `{name}` instead, in SQL `{in_sql}`"

    def as_json(self, today: dt.date) -> dict[str, Any]:
        """The shape of `end_of_life` on a page."""
        return {
            "date": self.day.isoformat() if self.day else None,
            "days_left": self.days_left(today),
            "passed": self.passed(today),
            "successor": str(self.successor) if self.successor else None,
        }


class Fault(Struct, frozen=True):
    """What is wrong with an end: in which document, where in it, and how to mend it."""

    document: str
    pointer: Pointer
    what: str
    fix: str


def moved_day(name: str, was: Any, now: Any) -> str:
    """In words, how a date of a product's life moved.

    >>> moved_day("endOfLife", "2030-12-31", "2030-06-30")
    '`endOfLife` is brought forward to 2030-06-30, was 2030-12-31'
    """
    if was is None:
        return f"`{name}` is set: {now}"
    if now is None:
        return f"`{name}` is taken away, was {was}"
    before, after = _day(was), _day(now)
    if before is None or after is None or before == after:
        return f"`{name}` is {now}, was {was}"
    return f"`{name}` is {'brought forward' if after < before else 'put off'} to {now}, was {was}"


def end_of_life(
    address: Address, contract: Mapping[str, Any], descriptor: Mapping[str, Any], majors: Mapping[Address, str]
) -> EndOfLife:
    """The end that a deprecated port's contract, or its product's descriptor, names.

    The date is the service level `endOfLife` (`el`) or `endOfSupport` (`es`), else the custom property `weft.endOfLife`
    of the contract, of the output port, or of the product (Source: ODCS, `slaProperties`; ODPS has no field for it).
    The successor is `weft.successor` in the same places, else the next higher major that is not deprecated.

    Args:
        majors: status of every port that is served or will be.
    """
    day = next((d for d in (_day(value) for value, _ in _dates(contract)) if d is not None), None)
    named = text(custom_properties(contract), SUCCESSOR)
    for part in _parts(address, descriptor):
        custom = custom_properties(part)
        day = day or _day(custom.get(END_OF_LIFE))
        named = named or text(custom, SUCCESSOR)
    return EndOfLife(address, day, _named(named) or next_major(address, majors))


def next_major(address: Address, majors: Mapping[Address, str]) -> Address | None:
    """The next higher major of a port that is neither deprecated nor retired nor merely proposed."""
    higher = [
        a.major
        for a, status in majors.items()
        if a.unpinned == address.unpinned and (a.major or 0) > (address.major or 0) and status not in _NO_SUCCESSORS
    ]
    return address.pinned(min(m for m in higher if m is not None)) if higher else None


def faults(contract: Mapping[str, Any], descriptor: Mapping[str, Any], address: Address) -> Iterator[Fault]:
    """What names an end or a successor and cannot be read as one."""
    for value, pointer in _dates(contract):
        if _day(value) is None:
            yield Fault("contract", pointer, f"`{value}` is no date, so nobody knows when `{address}` ends", _A_DATE)
    for where, part in (("contract", contract), *(("descriptor", p) for p in _parts(address, descriptor))):
        custom = custom_properties(part)
        if where == "descriptor" and END_OF_LIFE in custom and _day(custom[END_OF_LIFE]) is None:
            what = f"`{custom[END_OF_LIFE]}` is no date, so nobody knows when `{address}` ends"
            yield Fault(where, (), what, _A_DATE)
        if SUCCESSOR in custom and _named(text(custom, SUCCESSOR)) is None:
            what = f"`{custom[SUCCESSOR]}` is not the pinned address of a successor of `{address}`"
            at = next(
                (("customProperties", i) for i, e in entries(part, "customProperties") if e["property"] == SUCCESSOR),
                (),
            )
            yield Fault(
                where,
                at if where == "contract" else (),
                what,
                f"write an address like `{address.unpinned}@{(address.major or 0) + 1}`",
            )


def date_faults(contract: Mapping[str, Any]) -> Iterator[Fault]:
    """What a contract names as its end and is no date, whatever its status and wherever it is published."""
    for value, pointer in _dates(contract):
        if _day(value) is None:
            yield Fault("contract", pointer, f"`{value}` is no date, so nobody knows when this ends", _A_DATE)


_A_DATE = "write it like 2026-12-31"


def _dates(contract: Mapping[str, Any]) -> Iterator[tuple[Any, Pointer]]:
    """The values of a contract that name its end, the one that counts first."""
    levels = entries(contract, "slaProperties")
    for names in _LEVELS:
        for i, level in levels:
            if str(level.get("property", "")).lower() in names:
                yield level.get("value"), ("slaProperties", i)
    for i, entry in entries(contract, "customProperties"):
        if entry.get("property") == END_OF_LIFE:
            yield entry.get("value"), ("customProperties", i)


def _parts(address: Address, descriptor: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The output port's entry of this major, and the product's whole descriptor."""
    own = (
        entry
        for _, entry in entries(descriptor, "outputPorts")
        if entry.get("name") == address.port
        and str(entry.get("version", "")).lstrip("v").partition(".")[0] == str(address.major)
    )
    return (*own, descriptor)


def _day(value: Any) -> dt.date | None:
    """The calendar day that a date or a time names, as it is written."""
    written = str(value).strip()
    try:
        dt.datetime.fromisoformat(written)
        return dt.date.fromisoformat(written[:10])
    except ValueError:
        return None


def _named(written: str | None) -> Address | None:
    """The pinned address that a text names: without a major it would mean another port one day."""
    if written is None:
        return None
    try:
        address = parse_address(written)
    except UsageError:
        return None
    return address if address.major is not None else None
