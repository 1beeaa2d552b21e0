"""The verbs on violations, waivers, known debt and approvals, over a registry's own database and over a server."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conformance.notices.stories import Clock, publish
from tests.conformance.test_verbs import SLOW, elsewhere, listening, token
from weft.access.permissions import Role
from weft.api.governance.scanning import scan_policies
from weft.api.platform import Platform, open_platform
from weft.api.verbs import Verbs, verbs_of
from weft.config import load_settings
from weft.errors import AccessDenied, Conflict, UsageError
from weft.governance.book import Book
from weft.governance.rows import domain_rows, product_rows
from weft.model.approvals import Wanted
from weft.plan.verdicts import port_facts
from weft.registry.approvals import ApprovalStore
from weft.wiring import Rooms
from weft.wiring.excusing import excuses

POLICY = """
id: described
title: Everything is described
kind: documentation
severity: high
asks: A product says what it is for.
waivers: {max_days: 30}
check: select product as subject from products where purpose is null
"""


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[tuple[Platform, Clock]]:
    clock, root = Clock(), tmp_path / "company"
    (root / "governance" / "policies").mkdir(parents=True)
    (root / "governance" / "policies" / "described.yaml").write_text(POLICY)
    (root / "weft.toml").write_text('[mesh]\nname = "company"\n')
    made = open_platform(root, clock)
    publish(made.rooms.production, clock, contract=SLOW)
    registry, book = made.rooms.production, Book.in_memory()
    for domain in registry.domains().values():
        book.put(domain.name, domain_rows(domain))
    for address, product in registry.products().items():
        facts = [port_facts(s) for s in registry.ports_of(address)]
        book.put(str(address), product_rows(None, product, facts, ()))
    scan_policies(made.database, book, made.governance.known(), clock())
    book.close()
    yield made, clock
    made.close()


@pytest.fixture(params=["database", "server"])
def rooms(request, platform, tmp_path, monkeypatch) -> Iterator[Rooms]:
    made, clock = platform
    with ExitStack() as held:
        folder = tmp_path / "company"
        if request.param == "server":
            made.identity.user_verbs.add("ann", None, [Role.GOVERNANCE_LEAD.value], actor="ann")
            monkeypatch.setenv("WEFT_TOKEN", token(made, "ann"))
            folder = elsewhere(tmp_path / "sales", held.enter_context(listening(made)))
        yield Rooms(load_settings(folder), clock)


@pytest.fixture
def verbs(rooms: Rooms) -> Iterator[Verbs]:
    made = verbs_of(rooms)
    yield made
    made.close()


def day(rooms: Rooms, days: int) -> str:
    return (rooms.now().date() + dt.timedelta(days=days)).isoformat()


def test_a_violation_is_listed_waived_and_stands_again_once_the_waiver_is_revoked(rooms, verbs):
    (one,) = verbs.governance.violations()["items"]
    waiver = verbs.governance.waive("described", "sales", reason="soon", until=day(rooms, 10))
    waived = verbs.governance.violation(one["violation_id"])
    revoked = verbs.governance.revoke(waiver["waiver_id"])

    assert (one["subject"], one["state"]) == ("sales.orders", "open")
    assert (waived["state"], waived["waiver"]["reason"]) == ("waived", "soon")
    assert revoked["state"] == "revoked"
    assert verbs.governance.violations(states=["open", "overdue"])["items"] == [one]
    assert verbs.governance.violations(policy="described")["items"] == [one]
    with pytest.raises(UsageError, match="there is no policy `other`"):
        verbs.governance.violations(policy="other")
    assert verbs.governance.waivers()["items"] == []
    assert [w["waiver_id"] for w in verbs.governance.waivers(ended=True)["items"]] == [waiver["waiver_id"]]


def test_what_is_refused_is_refused_the_same_way(rooms, verbs):
    refused = []
    for asked in (
        lambda: verbs.governance.waive("none", "sales", reason="x", until=day(rooms, 1)),
        lambda: verbs.governance.waive("described", "sales", reason="x", until=day(rooms, 31)),
        lambda: verbs.governance.waive("described", "sales", reason="x", until=day(rooms, -1)),
        lambda: verbs.governance.waive("described", "sales", reason="x", until="never"),
        lambda: verbs.governance.revoke("w-none"),
        lambda: verbs.governance.violation("v-none"),
        lambda: verbs.governance.decide("p-none", approved=True, reason="x"),
    ):
        with pytest.raises(UsageError) as found:
            asked()
        refused.append(found.value.diagnostics[0].code.removeprefix("WFT-GOV-"))

    assert refused == ["007", "053", "050", "050", "054", "054", "054"]


def test_an_approval_is_listed_and_decided_once_by_its_role(platform, rooms, verbs):
    store, now = ApprovalStore(platform[0].database), rooms.now()
    lead, owner = (Wanted("described", "sales.orders", role, (role,)) for role in ("governance_lead", "domain_owner"))
    (asked, other) = store.asked([lead, owner], actor="ben", at=now)

    done = verbs.governance.decide(asked.approval_id, approved=False, reason="not yet")

    assert (done["state"], done["reason"]) == ("declined", "not yet")
    assert verbs.governance.approval(asked.approval_id) == done
    assert [a["approval_id"] for a in verbs.governance.approvals(state="waiting")["items"]] == [other.approval_id]
    with pytest.raises(Conflict):
        verbs.governance.decide(asked.approval_id, approved=True, reason="yes")
    if rooms.on_a_server:
        with pytest.raises(AccessDenied):
            verbs.governance.decide(other.approval_id, approved=True, reason="yes")
    else:
        assert verbs.governance.decide(other.approval_id, approved=True, reason="yes")["state"] == "approved"


def test_a_plan_excuses_what_is_waived_and_what_is_known_debt(platform, rooms, verbs):
    from weft.governance.judging import Objection
    from weft.governance.policies import Applied

    policy = platform[0].governance.known().policies["described"]
    orders, other = (Objection("described", s, None, Applied(policy)) for s in ("sales.orders", "fleet.aircraft"))
    before = excuses(rooms)(orders)
    platform[0].governance.accept(_root(), domain="sales", owner="gov", plan="soon", until=day(rooms, 9), reset=None)
    verbs.governance.waive("described", "fleet.*", reason="x", until=day(rooms, 3))

    told = excuses(rooms)

    assert (before, told(orders), told(other)) == (False, True, True)
    lines = verbs.governance.debt("sales")["lines"]
    assert [(line["policy"], [p["number"] for p in line["points"]]) for line in lines] == [("described", [1])]


def _root():
    from weft.api.governance.verbs import everyone

    return everyone("root")
