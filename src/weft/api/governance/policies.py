"""`weft policy`: the policies of a mesh listed, tested, explained and tried."""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.api.client.documents import API
from weft.api.governance.governing import desired_book, policies_in_force
from weft.config import load_settings
from weft.errors import ProjectError, UsageError, did_you_mean, error, has_errors
from weft.governance.judging import Objection, in_scope, judge, refusal
from weft.governance.policies import Applied, Layer, Policy, PolicySet
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.model.mesh import Mesh


_PATIENCE_S = 10
"""For how long a server is waited for before somebody is told that it is at it."""


@contextlib.contextmanager
def policies_at_hand() -> Iterator[Policies]:
    """The policies of the mesh around the working folder."""
    rooms = Rooms(load_settings(Path.cwd()))
    try:
        yield Policies(rooms)
    finally:
        rooms.close()


class Policies:
    """The policies of a repository, and the products that they are about."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._mesh: Mesh = rooms.declared()
        self._policies: PolicySet = policies_in_force(rooms, self._mesh)

    def listed(self, kind: str | None = None, regulation: str | None = None) -> list[dict[str, Any]]:
        """Every policy as a document, by id."""
        self._sound()
        return [
            document(p)
            for _, p in sorted(self._policies.policies.items())
            if (kind is None or p.kind == kind) and (regulation is None or serves(p, regulation))
        ]

    def test(self, names: Sequence[str] = ()) -> dict[str, Any]:
        """What came of the tests of some policies, or of all; of one that has none, whether it can be asked at all.

        Raises:
            UsageError: WFT-GOV-007, there is no such policy.
            ProjectError: a file of a policy is wrong.
        """
        from weft.governance.policy_tests import run_test

        self._sound()
        wanted = [self._named(name) for name in names] or [p for _, p in sorted(self._policies.policies.items())]
        now = self._rooms.now()
        found = []
        for policy in wanted:
            for one in policy.tests:
                result = run_test(policy, one, now)
                found.append(
                    {
                        "policy": policy.id,
                        "test": result.test,
                        "file": policy.place.file,
                        "line": result.line,
                        "passed": result.passed,
                        "missing": list(result.missing),
                        "unexpected": list(result.unexpected),
                        "refused": result.refused,
                    }
                )
        untested = [p for p in wanted if not p.tests]
        refused = [
            {"policy": p.id, "file": p.place.file, "line": p.place.line, "why": why}
            for p in untested
            if (why := refusal(p, now)) is not None
        ]
        return {
            "passed": not refused and all(one["passed"] for one in found),
            "tests": found,
            "untested": [p.id for p in untested],
            "refused": refused,
        }

    def explained(self, address: str) -> dict[str, Any]:
        """Which policies hold for an address, from where, and what of it violates them.

        Raises:
            UsageError: WFT-GOV-008, nothing in the mesh has this address.
        """
        self._sound()
        self._require_known(address)
        book = desired_book(self._rooms, self._mesh)
        judgement = judge(book, self._policies, self._rooms.now(), within=[address_of_product(address)])
        refused = {one.policy.id: one.why for one in judgement.unasked}
        violated: dict[str, list[Objection]] = defaultdict(list)
        for one in judgement.objections:
            if one.subject == address or one.subject.startswith(f"{address}."):
                violated[one.policy].append(one)
        found = [
            document(applied.policy)
            | {
                "tightened_by": _tightened_by(applied),
                "in_scope": in_scope(book, applied.policy, address),
                "violations": [{"subject": v.subject, "detail": v.detail} for v in violated.get(applied.policy.id, ())],
                "refused": refused.get(applied.policy.id),
            }
            for applied in self._policies.of(address)
        ]
        book.close()
        return {"address": address, "policies": found}

    def tried(self, file: Path) -> dict[str, Any]:
        """What the policy of a file would object to over the whole mesh, by domain.

        Raises:
            ProjectError: the file is wrong.
        """
        from weft.governance.policy_files import policies_of
        from weft.project.access import strict
        from weft.project.policies import fresh

        read = fresh(self._rooms.settings.root)(file.resolve())
        problems = strict(read.problems)
        one = policies_of([read.document] if read.document is not None else (), {}, {})
        if has_errors((*problems, *one.problems)) or not one.policies:
            raise ProjectError(*problems, *one.problems)
        (policy,) = one.policies.values()
        book = desired_book(self._rooms, self._mesh)
        judgement = judge(book, one, self._rooms.now())
        domains: dict[str, list[Objection]] = defaultdict(list)
        for objection in judgement.objections:
            domains[objection.subject.partition(".")[0]].append(objection)
        counted = dict(book.ours("SELECT domain, count(*) FROM products GROUP BY domain"))
        book.close()
        return {
            "policy": policy.id,
            "severity": policy.severity.value,
            "total": len(judgement.objections),
            "refused": judgement.unasked[0].why if judgement.unasked else None,
            "domains": [
                {
                    "domain": name,
                    "products": counted.get(name, 0),
                    "products_violating": len({address_of_product(o.subject) for o in domains.get(name, ())}),
                    "violations": [{"subject": o.subject, "detail": o.detail} for o in domains.get(name, ())],
                }
                for name in sorted({*counted, *domains})
            ],
        }

    def scanned(
        self,
        select: Sequence[str] = (),
        *,
        samples: bool = False,
        waiting: Callable[[float], None] = lambda _: None,
    ) -> dict[str, Any]:
        """Asks every policy of what is published, everywhere or within domains and products; keeps what violates it.

        Args:
            samples: whether data about people are looked for in samples of rows first.
            waiting: told now and then for how many seconds a server has been at it.

        Raises:
            ProjectError: a file of a policy is wrong; one of which nothing can be asked is a finding of the scan.
            UsageError: WFT-GOV-008, there is no such domain or product.
            AccessDenied: WFT-ACC-010, the registry is a server's, and this is not the caller's there.
        """
        from weft.api.governance.governing import database_of
        from weft.api.governance.scans import scan
        from weft.registry.http import HttpRegistry

        registry = self._rooms.production
        if isinstance(registry, HttpRegistry):  # its policies and its mesh count, not what lies here
            wanted, began = {"select": list(select), "samples": samples, "patience_s": _PATIENCE_S}, time.monotonic()
            told = partial(_since, began, waiting)
            return dict(registry.server.wait_for(f"{API}/policies/scan", wanted, dict[str, Any], told))

        self._sound(but_broken=True)
        for address in select:
            self._require_known(address)
        within = [address_of_product(address).partition("@")[0] for address in select] or None
        database_of(self._rooms)
        return scan(self._rooms, self._policies, within, samples=samples).as_json()

    def _named(self, name: str) -> Policy:
        found = self._policies.policies.get(name)
        if found is None:
            raise UsageError(no_such_policy(name, self._policies))
        return found

    def _sound(self, *, but_broken: bool = False) -> None:
        """Raises ProjectError where a file of a policy is wrong.

        Args:
            but_broken: whether those of which nothing can be asked are left to the scan, which finds each of them.
        """
        places = {d.file for d in self._mesh.policies}
        places |= {d.file for domain in self._mesh.domains.values() for d in domain.policies}
        places |= {d.file for product in self._mesh.products.values() for d in product.policies}
        wrong = [d for d in self._mesh.diagnostics if d.where is not None and d.where.file in places]
        told = list(dict.fromkeys((*wrong, *self._policies.problems)))
        if has_errors(self._policies.besides_broken(told) if but_broken else told):
            raise ProjectError(*told)

    def _require_known(self, address: str) -> None:
        parts = address.split(".")
        known = {str(a) for a in self._mesh.products} | set(self._mesh.domains)
        known |= {str(port.address) for port in self._mesh.ports()}
        if ".".join(parts[:3]) not in known and address not in known:
            fix = did_you_mean(address, sorted(known), otherwise="name a domain, product or port of this repository")
            raise UsageError(error("WFT-GOV-008", f"nothing in this repository has the address `{address}`", fix=fix))


def _since(began: float, waiting: Callable[[float], None]) -> None:
    waiting(time.monotonic() - began)


def no_such_policy(name: str, policies: PolicySet) -> Any:
    """The diagnostic for a policy that is not there."""
    fix = did_you_mean(name, sorted(policies.policies), otherwise="`weft policy list` has them all")
    return error("WFT-GOV-007", f"there is no policy `{name}`", fix=fix)


def serves(policy: Policy, regulation: str) -> bool:
    """Whether a policy serves a regulation, or the article of it that is named."""
    return any(r == regulation or r.startswith(f"{regulation}:") for r in policy.regulations)


def address_of_product(subject: str) -> str:
    """The product of a port or column; a domain is its own."""
    return ".".join(subject.split(".", 2)[:2])


def document(policy: Policy) -> dict[str, Any]:
    """A policy as lists, the API and `--format json` show it."""
    scope, waivers = policy.scope, policy.waivers
    return {
        "id": policy.id,
        "title": policy.title,
        "kind": policy.kind.value,
        "severity": policy.severity.value,
        "asks": policy.asks,
        "why": policy.why,
        "remediation": policy.remediation,
        "owner": policy.owner,
        "due_days": policy.due_days,
        "when": [w.value for w in policy.when],
        "regulations": list(policy.regulations),
        "scope": {
            "domains": list(scope.domains),
            "products": list(scope.products),
            "tags": list(scope.tags),
            "status": list(scope.status),
            "classification": list(scope.classification),
        },
        "parameters": dict(policy.parameters),
        "overridable": {name: str(bounds) for name, bounds in policy.overridable.items()},
        "waivers": {"allowed": waivers.allowed, "max_days": waivers.max_days, "roles": list(waivers.roles)},
        "approval": {"roles": list(policy.approval.roles), "why": policy.approval.why} if policy.approval else None,
        "check": policy.check,
        "place": str(policy.place) if policy.place.layer is not Layer.PLATFORM else "platform",
        "file": policy.place.file,
        "line": policy.place.line,
        "tests": [test.name for test in policy.tests],
        "broken": policy.broken,
    }


def _tightened_by(applied: Applied) -> list[dict[str, Any]]:
    found = []
    for one in applied.by:
        what = [f"severity {one.severity}"] if one.severity is not None else []
        what += [f"due in {one.due_days} days"] if one.due_days is not None else []
        what += [f"{name} = {value}" for name, value in one.parameters.items()]
        found.append({"place": str(one.place), "file": one.place.file, "what": ", ".join(what)})
    return found
