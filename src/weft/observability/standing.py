"""How every served port stands, kept from one look to the next: only what was published since is read again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from itertools import groupby

from msgspec import Struct

from weft.model.address import parse_address
from weft.model.checks import CheckResult
from weft.model.document import Document
from weft.model.lifecycle import end_of_life
from weft.model.odcs import contract
from weft.observability.freshness import late_from
from weft.observability.incidents import Standing
from weft.observability.quality import checked_run
from weft.registry import codec
from weft.registry.sql import SqlRegistry


class Ending(Struct, frozen=True):
    """The last day of a deprecated port."""

    port: str
    day: date
    successor: str | None


class Standings:
    """Served ports of one registry."""

    def __init__(self, registry: SqlRegistry) -> None:
        self._registry = registry
        self._known: dict[str, tuple[int, Standing, bool]] = {}
        self._endings: tuple[tuple[int, Sequence[str]], list[Ending]] | None = None

    def now(self) -> Mapping[str, Standing]:
        """Every port that is served, by its pinned address."""
        with self._registry.database.reading() as statements:
            served = statements.rows("SELECT port, revision FROM ports WHERE retired = 0")
        current = {str(port): int(revision) for port, revision in served}
        for port in [p for p in self._known if p not in current]:
            del self._known[port]
        for port, revision in current.items():
            if port not in self._known or self._known[port][0] != revision:
                found = self._read(port, revision)
                if found is not None:
                    self._known[port] = (revision, *found)
        return {port: standing for port, (_, standing, _) in self._known.items()}

    def endings(self) -> list[Ending]:
        """Ports that are deprecated and whose last day is named; of those that `now` has found."""
        deprecated = sorted(port for port, (_, _, ends) in self._known.items() if ends)
        if not deprecated:
            return []
        read = self._registry.last_event(), deprecated
        if self._endings is None or self._endings[0] != read:
            self._endings = read, self._ending(deprecated)
        return self._endings[1]

    def _ending(self, deprecated: Sequence[str]) -> list[Ending]:
        """Reads the products of deprecated ports and no others: a registry holds thousands of them."""
        found = []
        for name, ports in groupby(map(parse_address, deprecated), lambda address: address.of_product):
            product, states = self._registry.product(name), {s.address: s for s in self._registry.ports_of(name)}
            majors = {a: "retired" if s.retired else s.status for a, s in states.items()}
            for address in ports:
                state = states.get(address)
                end = end_of_life(address, state.contract if state else {}, product.document if product else {}, majors)
                if end.day is not None:
                    found.append(Ending(str(address), end.day, str(end.successor) if end.successor else None))
        return found

    def _read(self, port: str, revision: int) -> tuple[Standing, bool] | None:
        with self._registry.database.reading() as statements:
            row = statements.row(
                "SELECT published_at, header, contract, run_id FROM publications WHERE port = ? AND revision = ?",
                (port, revision),
            )
        if row is None:
            return None
        head = json.loads(row[1])
        promised = contract(Document(file="", data=codec.unpacked(row[2])))
        at = datetime.fromisoformat(row[0])
        late, promise = late_from(promised, at, self._checks(port, row[3]) if promised.slas else ())
        upstream = tuple(name for name in head["upstream"] if not name.startswith("source:"))
        product = str(parse_address(port).of_product)
        return Standing(port, product, upstream, at, late, promise), head["status"] == "deprecated"

    def _checks(self, port: str, run_id: str) -> Sequence[CheckResult]:
        """The results of the run that checked the rows, without samples."""
        with self._registry.database.reading() as statements:
            row = statements.row("SELECT results FROM checks WHERE run_id = ? AND port = ?", (run_id, port))
        if row is not None:
            return codec.check_results(row[0], {})
        address = parse_address(port)
        state = self._registry.port(address)
        run = checked_run(self._registry, state) if state is not None else ""
        return self._registry.checks(run, address).get(address, ())
