"""Reports of compliance as pages show them: of now out of what is followed, of a day that is over out of the log, once.

They say what the whole report says of domains, policies and regulations, without the thousands of lines of products.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

from weft.api.governance.compliance import compliance, moment_of, not_written, rendered
from weft.api.governance.standing_compliance import StandingCompliance
from weft.registry.compliance import ComplianceLog
from weft.registry.database import Database

Document = dict[str, Any]
_KEPT = 64
"""How many reports of days that are over are kept: with the same anchor the same one would be made again."""
_SHOWN = ("since", "anchor", "total", "domains", "policies", "regulations", "trend")
_Asked = tuple[datetime, str, str | None, frozenset[str] | None]


class CompliancePages:
    """The reports of one server. Used from several threads."""

    def __init__(
        self, database: Database, standing: StandingCompliance, mesh: str, now: Callable[[], datetime]
    ) -> None:
        """Takes what follows the log, and the name of the mesh."""
        self._database = database
        self._standing = standing
        self._mesh = mesh
        self._now = now
        self._lock = threading.Lock()
        self._past: dict[_Asked, Document] = {}

    def report(self, at: str | None, regulation: str | None, domains: frozenset[str] | None) -> Document:
        """The report of a time: `at` is a day or a moment, None is now.

        Raises:
            UsageError: what `compliance` raises.
        """
        now = self._now()
        moment = moment_of(at, now)
        if moment == now:
            found = self._standing.report(regulation, domains)
            if found is None:
                raise not_written(moment)
        else:
            found = self._of_the_past(moment, regulation, domains)
        return {"mesh": self._mesh, "at": moment.isoformat(), "regulation": regulation, "final": moment != now, **found}

    def _of_the_past(self, moment: datetime, regulation: str | None, domains: frozenset[str] | None) -> Document:
        asked = (moment, str(ComplianceLog(self._database).end(moment)), regulation, domains)
        found = self._past.get(asked)
        if found is None:
            made = compliance(
                self._database,
                self._mesh,
                self._now(),
                at=moment.isoformat(),
                regulation=regulation,
                domains=domains,
                products=False,
            )
            document = rendered(made, "json")
            assert isinstance(document, dict), "it was asked for as a document"
            found = {name: document[name] for name in _SHOWN}
            with self._lock:
                while len(self._past) >= _KEPT:
                    del self._past[next(iter(self._past))]
                self._past[asked] = found
        return found
