"""Judging what a product has staged: rows that may go to quarantine go there, what then still blocks is an error."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from msgspec import Struct

from weft.access.principals import product_principal
from weft.contracts.quarantine import allowance
from weft.contracts.rules import referenced_tables
from weft.engines.base import Session
from weft.errors import ContractBroken, Diagnostic
from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.mesh import Product
from weft.model.odcs import Contract
from weft.model.publication import Override
from weft.runs import live as in_place
from weft.runs.build import Building, Staged
from weft.runs.context import Context
from weft.runs.overriding import overridden
from weft.runs.quarantine import split
from weft.runs.verification import broken, check_rows, names_in, other_tables, times_of
from weft.storage import reading


class Judged(Struct, frozen=True):
    """What came of judging a product's ports.

    Attributes:
        staged: as they are to be committed: without the rows that went to quarantine.
        checks: results on the rows that are to be published, by port.
        overrides: ports that are published although checks failed, each with the decision.
        error: why the product must not be published; None when nothing blocks.
        live: ports that live in tables, which were checked there.
    """

    staged: tuple[Staged, ...]
    checks: Mapping[Address, tuple[CheckResult, ...]]
    overrides: Mapping[Address, Override]
    error: ContractBroken | None = None
    live: tuple[in_place.Judged, ...] = ()

    def beside(self, live: Sequence[in_place.Judged], wrong: ContractBroken | None) -> Judged:
        """The same, with ports that live in tables."""
        problems = [*(self.error.diagnostics if self.error else ()), *(wrong.diagnostics if wrong else ())]
        return Judged(
            self.staged,
            {**self.checks, **{one.wanted.port.address: one.checks for one in live}},
            {**self.overrides, **{one.wanted.port.address: one.override for one in live if one.override is not None}},
            ContractBroken(*problems) if problems else None,
            tuple(live),
        )


class Judging:
    """Judges the ports of one product, round by round: rows that leave one port may be missed by another."""

    def __init__(
        self,
        session: Session,
        product: Product,
        contracts: Mapping[Address, Contract],
        building: Building | None,
        context: Context,
    ) -> None:
        """`contracts` are those of every port that may be judged; `building` has staged those whose rows are new."""
        self._session = session
        self._product = product
        self._contracts = contracts
        self._building = building
        self._context = context
        self._principal = product_principal(product.address)
        self._staged: dict[Address, Staged] = {}
        self._beside: frozenset[Address] = frozenset()
        self._relations: dict[Address, str] = {}
        self._checks: dict[Address, tuple[CheckResult, ...]] = {}
        self._too_many: dict[Address, Diagnostic] = {}

    def judge(
        self,
        staged: Sequence[Staged],
        published: Mapping[Address, str],
        decisions: Mapping[Address, Override],
        beside: Collection[Address] = (),
    ) -> Judged:
        """Checks every port, and again what lost rows, is made from them or refers to them, until nothing moves.

        Args:
            published: relations of ports whose rows stay and whose rules are new.
            decisions: to publish against failed checks, by port.
            beside: staged ports that will not be published: they lose their bad rows for the sake of what is made from
                them, and nothing else is said of them.
        """
        self._staged = {one.wanted.port.address: one for one in staged}
        self._beside = frozenset(beside)
        root = self._context.storage.root
        self._relations = {a: reading.relation(one.manifest, root) for a, one in self._staged.items()}
        self._relations |= published
        pending = list(self._relations)
        while pending:
            for address in pending:
                self._context.progress.stage(str(address), "verify")
                self._checks[address] = check_rows(
                    self._session,
                    self._contracts[address],
                    self._relations[address],
                    self._others(address),
                    self._context.now(),
                    published=self._published(address),
                    written=self._staged[address].manifest if address in self._staged else None,
                )
            moved = [address for address in pending if self._parted(address)]
            if moved:
                moved += self._made_anew(moved)
            pending = [a for a in self._relations if a in moved or self._refers_to(a, moved)]
        for address in beside:
            del self._checks[address], self._staged[address]
        overrides: dict[Address, Override] = {}
        for address, checks in self._checks.items():
            decision = overridden(checks, decisions.get(address))
            if decision is not None:
                overrides[address] = decision
        return Judged(tuple(self._staged.values()), self._checks, overrides, self._error(overrides))

    def _parted(self, address: Address) -> bool:
        """Sends bad rows of a port to quarantine; whether it did."""
        staged = self._staged.get(address)
        checks = self._checks[address]
        if staged is None or not any(c.blocks for c in checks):
            return False
        allowed = allowance(self._contracts[address])
        if allowed is None or not allowed.covers(checks):
            return False
        found = split(self._session, staged, checks, allowed, self._others(address), self._context)
        if isinstance(found, Diagnostic):
            self._too_many[address] = found
            return False
        self._staged[address] = found
        self._relations[address] = reading.relation(found.manifest, self._context.storage.root)
        return True

    def _made_anew(self, parted: Collection[Address]) -> list[Address]:
        """Ports that the product makes from those that have lost rows: they are built again from what is left."""
        assert self._building is not None, "only rows that were built can be parted"
        found = self._building.again({a: self._staged[a] for a in parted}, self._staged)
        for address, staged in found.items():
            self._staged[address] = staged
            self._relations[address] = reading.relation(staged.manifest, self._context.storage.root)
            self._too_many.pop(address, None)
        return list(found)

    def _published(self, address: Address) -> tuple[dt.datetime, ...]:
        """When new rows of a port were published; of one that is about to be, also now."""
        found = times_of(address, self._contracts[address], self._context.registry)
        return (self._context.now(), *found) if address in self._staged else found

    def _others(self, address: Address) -> dict[str, str | None]:
        fresh = sorted(self._staged.keys() - self._beside)
        names = names_in(self._product)
        unseen = {name: self._relations[a] for name, a in names.items() if a in fresh}
        return other_tables(self._contracts[address], names, unseen, self._principal, self._context)

    def _refers_to(self, address: Address, moved: Collection[Address]) -> bool:
        if not moved:
            return False
        names = {a.port for a in moved} | {str(a) for a in moved}
        return bool(names.intersection(referenced_tables(self._contracts[address])))

    def _error(self, overridden: Collection[Address]) -> ContractBroken | None:
        diagnostics: list[Diagnostic] = []
        for address, checks in self._checks.items():
            wrong = broken(address, checks) if address not in overridden else None
            if wrong is not None:
                diagnostics += wrong.diagnostics
                diagnostics += [self._too_many[address]] if address in self._too_many else []
        return ContractBroken(*diagnostics) if diagnostics else None
