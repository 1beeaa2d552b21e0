"""Lenses: one thing that is known of each product, port and column, as the lineage explorer colours it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.access.permissions import Action, Caller, may
from weft.catalog.documents import contract_of, registered_contract
from weft.catalog.exploring import Around
from weft.model.classification import Classification
from weft.model.odcs import Contract
from weft.model.publication import PortState
from weft.observability.freshness import FreshnessState, freshness
from weft.registry.lifecycle import registered_end

if TYPE_CHECKING:
    from weft.api.platform import Platform

LENSES = ("freshness", "quality", "classification", "owner", "usage", "deprecation")
"""What can be looked at."""

_LEVELS = {"public": "good", "internal": "", "confidential": "warn", "restricted": "bad"}


class Seen(Struct, frozen=True):
    """What a lens shows of one thing.

    Attributes:
        tone: how it is coloured: good, warn, bad, accent or not at all.
        rank: of several ports, the one of the highest rank speaks for their product.
    """

    text: str
    tone: str = ""
    rank: int = 0

    def as_json(self) -> dict[str, Any]:
        """As pages show it."""
        return {"text": self.text, "tone": self.tone}


class Lens:
    """A lens over what lies around somewhere."""

    def __init__(self, name: str, platform: Platform, caller: Caller, around: Around) -> None:
        self._port: Callable[[PortState], Seen] = getattr(self, f"_{name}")
        self._name, self._platform, self._caller, self._around = name, platform, caller, around
        self._now: datetime = platform.rooms.now()
        self._contracts: dict[str, Contract] = {}
        self._owners: dict[str, Seen] = {}

    def product(self, name: str) -> Seen | None:
        """What it shows of a product: what is worst of its ports."""
        if self._name == "owner":
            return self._owner_of(name.partition(".")[0])
        if self._name == "usage":
            return self._use(name)
        found = [self._port(state) for state in self._around.ports(name)]
        return max(found, key=lambda one: one.rank) if found else None

    def port(self, state: PortState) -> Seen | None:
        """What it shows of a port."""
        return self._port(state)

    def column(self, state: PortState, name: str) -> Seen | None:
        """What it shows of a column: most lenses show something of a whole port only."""
        if self._name != "classification":
            return None
        contract = self._contract(state)
        found = next((p for p in contract.table.properties if p.name == name), None) if contract.objects else None
        return _level(found.classification) if found is not None else None

    def _freshness(self, state: PortState) -> Seen:
        checks = self._around.reader.checks(state.run_id, state.address).get(state.address, ())
        found = freshness(self._contract(state), state.published_at, checks, self._now)
        match found.state:
            case FreshnessState.LATE:
                return Seen("late", "bad", 2)
            case FreshnessState.FRESH:
                return Seen("fresh", "good", 1)
            case _:
                return Seen("nothing promised")

    def _quality(self, state: PortState) -> Seen:
        counts = state.checks
        wrong = counts.failed + counts.error
        if wrong:
            return Seen(f"{wrong} of {counts.total} checks failed", "bad", 3)
        if counts.warned:
            return Seen(f"{counts.warned} of {counts.total} checks warn", "warn", 2)
        return Seen(f"{counts.passed} checks passed", "good", 1) if counts.passed else Seen("no checks")

    def _classification(self, state: PortState) -> Seen:
        contract = self._contract(state)
        levels = [p.classification for p in contract.table.properties] if contract.objects else []
        return _level(max(levels, default=Classification.INTERNAL))

    def _owner(self, state: PortState) -> Seen:
        return self._owner_of(state.address.domain)

    def _owner_of(self, domain: str) -> Seen:
        if domain not in self._owners:
            record = self._around.reader.domain(domain)
            self._owners[domain] = Seen(record.owner_team) if record is not None else Seen("nobody", "warn")
        return self._owners[domain]

    def _usage(self, state: PortState) -> Seen:
        own = str(state.address.of_product)
        readers = [p for p in map(str, self._around.reader.consumers(state.address)) if p != own]
        return _readers(sum(self._around.product(p) is not None for p in readers))

    def _use(self, product: str) -> Seen:
        """Readers, which everybody sees, and rows that were read, which those see who may."""
        seen = _readers(len(self._around.neighbours(product).down))
        if not may(self._caller, Action.READ_USAGE, product.partition(".")[0]):
            return seen
        rows = self._platform.usage.of(self._caller, product=product, by=("product",))["usage"]
        served = sum(float(row["amount"]) for row in rows if row["kind"] == "rows_served")
        rows_served = f"{served:,.0f}".replace(",", "\u202f")
        return Seen(f"{seen.text}, {rows_served} rows in 30 days", seen.tone)

    def _deprecation(self, state: PortState) -> Seen:
        end = registered_end(self._around.reader, state)
        if state.retired or state.status == "retired":
            return Seen("retired", "bad", 3)
        if end is not None:
            left = end.days_left(self._now.date())
            return Seen("deprecated" if left is None else f"ends {end.day}", "bad" if (left or 1) < 0 else "warn", 2)
        return Seen(state.status, "good" if state.status == "active" else "", 1)

    def _contract(self, state: PortState) -> Contract:
        name = str(state.address)
        if name not in self._contracts:
            self._contracts[name] = contract_of(registered_contract(self._around.reader, state))
        return self._contracts[name]


def _level(level: Classification) -> Seen:
    return Seen(str(level), _LEVELS[str(level)], int(level))


def _readers(count: int) -> Seen:
    text = f"{count} reader{'' if count == 1 else 's'}" if count else "no readers"
    return Seen(text, "accent" if count else "", count)
