"""What came of an apply, a verification, a rollback."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from weft.errors import Awaited, Diagnostic, WeftError
from weft.model.address import Address
from weft.model.checks import CheckCounts, CheckResult
from weft.model.publication import Override, Quarantine
from weft.model.records import PortOutcome


class Published(Struct, frozen=True):
    """A port that moved. `owner` is the team of its domain; `built` tells whether its rows are new.

    Attributes:
        quarantine: rows that were left out.
        override: who published it against failed checks.
        reused: the environment in which its rows were built already.
    """

    address: Address
    snapshot_id: str
    rows: int
    checks: CheckCounts
    owner: str
    seconds: float
    built: bool = True
    quarantine: Quarantine | None = None
    override: Override | None = None
    reused: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The shape of `apply.published[]`."""
        return {
            "address": str(self.address),
            "snapshot_id": self.snapshot_id,
            "rows": self.rows,
            "checks": self.checks.as_json(),
            "owner": self.owner,
            "seconds": round(self.seconds, 3),
            "built": self.built,
            "quarantine": self.quarantine.as_json() if self.quarantine is not None else None,
            "override": self.override.as_json() if self.override is not None else None,
            "reused": self.reused,
        }


class Failed(Struct, frozen=True):
    """A port that could not be published, and why.

    Attributes:
        seconds: how long its product was worked on; None where that had not begun.
        ended_at: when it failed.
    """

    address: Address
    error: WeftError
    seconds: float | None = None
    ended_at: datetime | None = None

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What went wrong."""
        return tuple(self.error.diagnostics)

    @property
    def exit_code(self) -> int:
        """The exit code that this failure alone would give."""
        return self.error.exit_code

    def as_json(self) -> dict[str, Any]:
        """The shape of `apply.failed[]`."""
        return {"address": str(self.address), "diagnostics": [d.as_json() for d in self.diagnostics]}


class Waiting(Struct, frozen=True):
    """A port whose publication waits until somebody has agreed."""

    address: Address
    error: Awaited

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What it waits for."""
        return tuple(self.error.diagnostics)

    def as_json(self) -> dict[str, Any]:
        """The shape of `apply.waiting[]`."""
        return {
            "address": str(self.address),
            "approvals": list(self.error.approvals),
            "diagnostics": [d.as_json() for d in self.diagnostics],
        }


class Skipped(Struct, frozen=True):
    """A port that was not tried because something that it needs failed."""

    address: Address
    because: str


class ApplyResult(Struct, frozen=True):
    """What an apply did; `run_id` is None when there was nothing to do.

    Attributes:
        warnings: what the owner should know of what was published.
        waiting: ports that somebody has to agree to before they are published.
    """

    run_id: str | None
    published: tuple[Published, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    failed: tuple[Failed, ...] = ()
    unchanged: tuple[Address, ...] = ()
    retired: tuple[Address, ...] = ()
    seconds: float = 0.0
    warnings: tuple[Diagnostic, ...] = ()
    waiting: tuple[Waiting, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 done; of several failures the first of 5, 4, 3, 2, 1 that occurs. What waits is not done: 1."""
        codes = [f.exit_code for f in self.failed] + [w.error.exit_code for w in self.waiting]
        return max(codes, default=0)

    def with_failed(self, failed: tuple[Failed, ...]) -> ApplyResult:
        """The same with ports that were kept as they are because an objection stands against them."""
        kept = {f.address for f in failed}
        unchanged = tuple(a for a in self.unchanged if a not in kept)
        return replace(self, failed=(*self.failed, *failed), unchanged=unchanged)

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft apply --format json`."""
        return {
            "run_id": self.run_id,
            "published": [p.as_json() for p in self.published],
            "skipped": [str(s.address) for s in self.skipped],
            "failed": [f.as_json() for f in self.failed],
            "waiting": [w.as_json() for w in self.waiting],
            "unchanged": [str(a) for a in self.unchanged],
            "retired": [str(a) for a in self.retired],
            "seconds": round(self.seconds, 3),
            **({"diagnostics": told} if (told := self._told()) else {}),
        }

    def _told(self) -> list[dict[str, Any]]:
        """Warnings, and what failed where any command that ends with 2 or more says it."""
        failed = [d for one in self.failed for d in one.error.diagnostics] if self.exit_code >= 2 else []
        return [d.as_json() for d in dict.fromkeys((*self.warnings, *failed))]


class Verification(Struct, frozen=True):
    """A contract against data. `failed`: a blocking check failed or errored; `error`: the data could not be read."""

    contract: str
    version: str
    result: str
    rows: int | None
    checks: tuple[CheckResult, ...]
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 passed, 1 failed, 2 the data could not be read."""
        return {"passed": 0, "failed": 1, "error": 2}[self.result]

    def strict(self) -> Verification:
        """The same where a check that was not evaluated blocks, as `weft verify --strict` has it."""
        checks = tuple(replace(check, must_evaluate=True) for check in self.checks)
        return replace(self, checks=checks, result=self.result if self.result == "error" else verdict(checks))

    def as_json(self) -> dict[str, Any]:
        """The shape of `weft verify --format json`."""
        return {
            "contract": self.contract,
            "version": self.version,
            "result": self.result,
            "rows": self.rows,
            "checks": [c.as_json() for c in self.checks],
        }


def verdict(checks: tuple[CheckResult, ...]) -> str:
    """`passed` or `failed`, by the checks that block."""
    return "failed" if any(c.blocks for c in checks) else "passed"


class RolledBack(Struct, frozen=True):
    """A port that shows earlier rows again."""

    address: Address
    from_: str
    to: str
    stale: tuple[str, ...] = field(default=())

    def as_json(self) -> Mapping[str, Any]:
        """The shape of `weft rollback --format json`."""
        return {"address": str(self.address), "from": self.from_, "to": self.to, "stale": list(self.stale)}


def outcomes(
    published: Sequence[Published],
    retired: Sequence[Address],
    failed: Sequence[Failed],
    skipped: Sequence[Skipped],
    waiting: Sequence[Waiting] = (),
) -> list[PortOutcome]:
    """What came of each port that a run has reached, as its record keeps it."""
    return [
        *(
            PortOutcome(
                p.address,
                "published" if p.built else "updated",
                p.snapshot_id,
                p.rows,
                p.seconds,
                quarantine=p.quarantine.as_json() if p.quarantine else None,
                override=p.override.as_json() if p.override else None,
            )
            for p in published
        ),
        *(PortOutcome(address, "retired") for address in retired),
        *(_failed(one) for one in failed),
        *(PortOutcome(w.address, "waiting", diagnostics=tuple(d.as_json() for d in w.diagnostics)) for w in waiting),
        *(PortOutcome(s.address, "skipped") for s in skipped),
    ]


def _failed(one: Failed) -> PortOutcome:
    told = tuple(d.as_json() for d in one.diagnostics)
    return PortOutcome(one.address, "failed", seconds=one.seconds, diagnostics=told, ended_at=one.ended_at)
