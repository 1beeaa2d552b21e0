"""The life of requests and grants, in an SQLite file and in a PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator

import pytest

from tests.conformance.notices.stories import ORDERS, Clock, publish
from tests.servers import registry_database
from weft.access.permissions import Action, Caller, Role
from weft.api.access.verbs import Access
from weft.api.platform import Platform, open_platform
from weft.errors import AccessDenied, Conflict, UsageError
from weft.model.address import parse_address
from weft.model.handover import ScanAsked
from weft.observability.telling import tell
from weft.registry.base import read_all_events

OPEN = parse_address("sales.dates.calendar@1")
PEOPLE = {
    "name": "sales",
    "deputies": ["dora"],
    "members": [
        {"user": "olga", "roles": ["owner"]},
        {"user": "pete", "roles": ["product owner"]},
        {"user": "ann", "roles": ["analyst"]},
    ],
}
ROLES = [
    {"role": "clerk", "access": "read", "firstLevelApprovers": "bert, Steward", "secondLevelApprovers": "olga"},
    {"role": "loader", "access": "write"},
]


def contract(level: str, roles=()) -> dict:
    properties = [{"name": "id", "classification": level, "logicalType": "integer"}]
    return {"id": "x", "schema": [{"name": "t", "properties": properties}], "roles": list(roles)}


def caller(name: str, *roles: Role, mesh: tuple[Role, ...] = (), actions=None) -> Caller:
    return Caller(name, "user", frozenset(mesh), {"sales": frozenset(roles)} if roles else {}, actions)


EVE, OLGA, PETE = caller("eve"), caller("olga", Role.DOMAIN_OWNER), caller("pete", Role.PRODUCT_OWNER)
BERT, DORA, LEAD = caller("bert"), caller("dora"), caller("lena", mesh=(Role.GOVERNANCE_LEAD,))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def platform(request, tmp_path, clock) -> Iterator[Platform]:
    if request.param == "sqlite":
        yield from opened(tmp_path, ".weft/registry.db", clock)
    else:
        with registry_database(request.getfixturevalue("postgres")) as url:
            yield from opened(tmp_path, url, clock)


def opened(folder, registry: str, clock: Clock) -> Iterator[Platform]:
    (folder / "weft.toml").write_text(f'[mesh]\nname = "company"\nregistry = "{registry}"\n')
    made = open_platform(folder, clock)
    publish(made.rooms.production, clock, ORDERS, domain_document=PEOPLE, contract=contract("confidential", ROLES))
    publish(made.rooms.production, clock, OPEN, domain_document=PEOPLE, contract=contract("public"))
    made.identity.user_verbs.add("bert", None, [], actor="root")
    yield made
    made.close()


@pytest.fixture
def access(platform) -> Access:
    return platform.access


def policy(platform: Platform, text: str) -> None:
    folder = platform.rooms.settings.root / "governance"
    folder.mkdir(exist_ok=True)
    (folder / "access.yaml").write_text(text)


def in_team(platform: Platform, name: str, team: str) -> None:
    """As when the company's provider says so while they sign in."""
    with platform.database.writing() as statements:
        assert statements.run("UPDATE users SET teams = ? WHERE name = ?", (json.dumps([team]), name))


def states(request: dict) -> dict[str, str]:
    return {port["address"]: port["state"] for port in request["ports"]}


def reads(platform: Platform, name: str = "eve", purpose: str | None = None) -> bool:
    who = platform.rooms.principal_named(name)
    return platform.rooms.door.decision(who, ORDERS, (), purpose)[1].allowed


def kinds(platform: Platform) -> list[str]:
    return [e.kind for e in read_all_events(platform.rooms.production) if e.kind.startswith("access.")]


def test_what_is_public_is_granted_at_once_and_the_rest_waits_for_its_owners(platform, access):
    made = access.ask(EVE, [str(ORDERS), "sales.dates.calendar"], "churn model", until="2026-03-31")

    assert states(made) == {str(ORDERS): "waiting", str(OPEN): "approved"}
    (waiting,) = [p for p in made["ports"] if p["state"] == "waiting"]
    assert waiting["waits_for"] == ["dora", "domain owner", "product owner", "steward"]
    (grant,) = access.granted(EVE)
    assert (grant["address"], grant["ends_at"], grant["purpose"]) == (
        str(OPEN),
        "2026-04-01T00:00:00+00:00",
        "churn model",
    )
    assert "salt" not in grant
    assert kinds(platform) == ["access.asked", "access.asked", "access.granted", "access.decided"]


def test_an_owner_approves_and_revokes_and_both_hold_at_once(platform, access):
    made = access.ask(EVE, [str(ORDERS)], "churn model")
    assert not reads(platform)

    done = access.approve(PETE, made["request_id"], reason="agreed", until="2026-03-31")

    (port,) = done["ports"]
    assert (port["state"], port["decided_by"], port["reason"]) == ("approved", "pete", "agreed")
    assert reads(platform)
    assert reads(platform, purpose="Churn Model")
    assert not reads(platform, purpose="fun")
    assert not reads(platform, "mallory")
    access.revoke(OLGA, port["grant_id"], reason=" the project is over ")
    assert not reads(platform)
    assert kinds(platform)[-1] == "access.ended"


def test_why_a_grant_was_revoked_is_read_by_who_had_it_and_can_be_erased(platform, access):
    made = access.ask(EVE, [str(ORDERS)], "churn model")
    (port,) = access.approve(PETE, made["request_id"])["ports"]
    access.revoke(OLGA, port["grant_id"], reason=" the project of Ms Wong is over ")

    (seen,) = access.granted(EVE)
    event = [e for e in read_all_events(platform.rooms.production) if e.kind == "access.ended"][-1]
    erased = access.requests.erase([event.body["reason"]["text"]])
    (after,) = access.granted(EVE)

    assert (seen["holds"], seen["ended_by"], seen["ended_reason"]) == (False, "olga", "the project of Ms Wong is over")
    assert "Wong" not in json.dumps(event.body)
    assert (erased, after["ended_by"], after["ended_reason"]) == (1, "olga", None)


def test_a_grant_ends_by_itself_and_its_end_is_told_once(platform, access, clock):
    made = access.ask(EVE, [str(ORDERS)], "churn", until="2026-03-03")
    access.approve(OLGA, made["request_id"])
    assert reads(platform)

    clock.move(days=2)

    assert not reads(platform)
    assert access.step()["expired"] == 1
    assert access.step()["expired"] == 0
    assert kinds(platform)[-1] == "access.expired"


def test_a_request_is_declined_with_a_reason_or_withdrawn_and_then_decided_no_more(platform, access):
    first, second = (access.ask(who, [str(ORDERS)], "fun") for who in (EVE, caller("fred")))

    with pytest.raises(UsageError):
        access.decline(OLGA, first["request_id"], reason=" ")
    declined = access.decline(OLGA, first["request_id"], reason="take the totals")
    withdrawn = access.withdraw(caller("fred"), second["request_id"])

    assert (states(declined), states(withdrawn)) == ({str(ORDERS): "declined"}, {str(ORDERS): "withdrawn"})
    assert access.one(EVE, first["request_id"])["ports"][0]["reason"] == "take the totals"
    for request in (first, second):
        with pytest.raises(Conflict) as caught:
            access.approve(OLGA, request["request_id"])
        assert caught.value.diagnostics[0].code == "WFT-ACC-038"
    assert not reads(platform)
    assert not reads(platform, "fred")


@pytest.mark.parametrize(
    "who",
    [EVE, BERT, caller("ann", Role.ANALYST), caller("dev", Role.DEVELOPER), LEAD, caller("op", mesh=(Role.OPERATOR,))],
    ids=lambda who: who.name,
)
def test_whoever_may_not_decide_is_refused_and_told_who_does(access, who):
    made = access.ask(EVE, [str(ORDERS)], "fun")

    with pytest.raises((AccessDenied, UsageError)) as caught:
        access.approve(who, made["request_id"])

    found = caught.value.diagnostics[0]
    assert found.code == ("WFT-ACC-034" if who.name in ("bert", "ann", "dev") else "WFT-ACC-035")
    assert found.code == "WFT-ACC-034" or "domain owner" in found.why


def test_nobody_decides_for_themselves_and_no_token_decides_that_may_not(access):
    own = access.ask(OLGA, [str(ORDERS)], "own use")
    limited = caller("pete", Role.PRODUCT_OWNER, actions=frozenset({Action.ASK_ACCESS}))

    with pytest.raises(AccessDenied) as caught:
        access.approve(OLGA, own["request_id"])
    assert caught.value.diagnostics[0].code == "WFT-ACC-035"
    with pytest.raises(UsageError):
        access.approve(limited, own["request_id"])
    assert states(access.approve(PETE, own["request_id"])) == {str(ORDERS): "approved"}


def test_nobody_decides_for_a_team_of_theirs(platform, access):
    platform.identity.user_verbs.add("dora", None, [], actor="root")
    in_team(platform, "dora", "crm")
    for_team = access.ask(EVE, [str(ORDERS)], "churn", reader="team:crm")

    with pytest.raises(AccessDenied) as caught:
        access.approve(DORA, for_team["request_id"])

    assert caught.value.diagnostics[0].code == "WFT-ACC-035"
    assert access.listed(DORA, mine=True) == []
    assert states(access.approve(OLGA, for_team["request_id"])) == {str(ORDERS): "approved"}


def test_the_first_level_cannot_set_an_end_that_the_second_would_not_see(access):
    made = access.ask(EVE, [str(ORDERS)], "audit", roles=["clerk"])

    with pytest.raises(UsageError) as caught:
        access.approve(BERT, made["request_id"], until="2026-03-31")

    assert caught.value.diagnostics[0].code == "WFT-ACC-039"
    assert access.one(EVE, made["request_id"])["ports"][0]["stage"] == 1
    access.approve(BERT, made["request_id"])
    access.approve(OLGA, made["request_id"], until="2026-03-31")
    assert [g["ends_at"] for g in access.granted(EVE)] == ["2026-04-01T00:00:00+00:00"]


def test_what_was_asked_for_until_a_day_that_is_over_is_approved_with_another_end_alone(platform, access, clock):
    made = access.ask(EVE, [str(ORDERS)], "fun", until="2026-03-05")
    clock.move(days=10)

    with pytest.raises(UsageError, match="WFT-ACC-039") as caught:
        access.approve(OLGA, made["request_id"])
    assert "until 2026-03-05" in caught.value.diagnostics[0].what
    assert "access.granted" not in kinds(platform)
    access.approve(OLGA, made["request_id"], until="2026-03-31")
    assert reads(platform)


def test_a_deputy_decides_in_place_of_the_owners(access):
    made = access.ask(EVE, [str(ORDERS)], "fun")

    assert [r["request_id"] for r in access.listed(DORA, mine=True)] == [made["request_id"]]
    assert states(access.approve(DORA, made["request_id"])) == {str(ORDERS): "approved"}
    assert access.listed(DORA, mine=True) == []


def test_the_contract_names_who_approves_a_role_at_its_first_and_at_its_second_level(platform, access):
    made = access.ask(EVE, [str(ORDERS)], "audit", roles=["clerk"])
    assert made["ports"][0]["waits_for"] == ["bert", "dora", "steward"]

    first = access.approve(BERT, made["request_id"])

    assert (first["ports"][0]["state"], first["ports"][0]["stage"]) == ("waiting", 2)
    assert first["ports"][0]["waits_for"] == ["dora", "olga"]
    assert not reads(platform)
    with pytest.raises((AccessDenied, UsageError)):
        access.approve(BERT, made["request_id"])
    second = access.approve(OLGA, made["request_id"])
    assert (second["ports"][0]["state"], second["ports"][0]["approvals"]) == ("approved", ["bert", "olga"])
    assert reads(platform)


TWO_ROLES = [
    {"role": "clerk", "access": "read", "firstLevelApprovers": "bert"},
    {"role": "auditor", "access": "read", "firstLevelApprovers": "olga, dan"},
]


def test_who_decides_on_one_role_has_no_say_on_another_that_is_asked_for_with_it(platform, access, clock):
    def published(*roles: dict) -> None:
        document = contract("confidential", roles)
        publish(platform.rooms.production, clock, ORDERS, domain_document=PEOPLE, contract=document)

    clerk, auditor = TWO_ROLES
    published(*TWO_ROLES)
    with pytest.raises(UsageError) as caught:
        access.ask(EVE, [str(ORDERS)], "audit", roles=["clerk", "auditor"])
    assert caught.value.diagnostics[0].code == "WFT-ACC-039"

    published(clerk, auditor | {"firstLevelApprovers": "bert"})  # the contract says another thing while it waits
    made = access.ask(EVE, [str(ORDERS)], "audit", roles=["clerk", "auditor"])
    published(*TWO_ROLES)
    for one in (BERT, OLGA):
        with pytest.raises((AccessDenied, UsageError)):
            access.approve(one, made["request_id"])
    assert not reads(platform)
    clock.move(days=2)
    access.step()
    assert states(access.approve(OLGA, made["request_id"])) == {str(ORDERS): "approved"}


def test_each_role_that_names_a_second_level_is_decided_there_by_its_own(platform, access, clock):
    roles = [
        {"role": "clerk", "access": "read", "firstLevelApprovers": "bert", "secondLevelApprovers": "dan"},
        {"role": "auditor", "access": "read", "firstLevelApprovers": "bert", "secondLevelApprovers": "olga"},
        {"role": "guest", "access": "read", "firstLevelApprovers": "bert"},
    ]
    platform.identity.user_verbs.add("dan", None, [], actor="root")
    publish(platform.rooms.production, clock, ORDERS, domain_document=PEOPLE, contract=contract("confidential", roles))

    with pytest.raises(UsageError, match="WFT-ACC-039"):
        access.ask(EVE, [str(ORDERS)], "audit", roles=["clerk", "auditor"])
    made = access.ask(EVE, [str(ORDERS)], "audit", roles=["guest", "auditor"])

    assert access.approve(BERT, made["request_id"])["ports"][0]["waits_for"] == ["dora", "olga"]


def test_a_grant_for_a_role_that_only_writes_shows_nothing(platform, access):
    made = access.ask(EVE, [str(ORDERS)], "load", roles=["loader"])
    access.approve(OLGA, made["request_id"])

    assert not reads(platform)


def test_a_request_that_nobody_decides_is_reminded_of_and_goes_on_to_the_next_levels(platform, access, clock):
    made = access.ask(EVE, [str(ORDERS)], "audit", roles=["clerk"])
    assert access.step() == {"reminded": 0, "raised": 0, "expired": 0, "review": 0}

    clock.move(days=1)
    assert access.step()["reminded"] == 1
    assert access.step()["reminded"] == 0
    clock.move(days=1)
    assert access.step() == {"reminded": 0, "raised": 1, "expired": 0, "review": 0}
    assert "domain owner" in access.one(EVE, made["request_id"])["ports"][0]["waits_for"]
    clock.move(days=2)
    access.step()
    assert "governance lead" in access.one(EVE, made["request_id"])["ports"][0]["waits_for"]
    clock.move(days=9)
    assert access.step()["raised"] == 0
    assert access.approve(LEAD, made["request_id"])["ports"][0]["stage"] == 2
    assert kinds(platform)[:4] == ["access.asked", "access.reminded", "access.raised", "access.raised"]


def test_a_grant_that_nobody_reviews_ends_and_one_that_is_kept_goes_on(platform, access, clock):
    grants = []
    for name in ("eve", "fred"):
        made = access.ask(caller(name), [str(ORDERS)], "churn")
        grants.append(access.approve(OLGA, made["request_id"])["ports"][0]["grant_id"])
    assert access.review(OLGA) == []

    clock.move(days=180)

    assert access.step()["review"] == 2
    assert access.step()["review"] == 0
    assert [(g["consumer"], g["review"][:18]) for g in access.review(OLGA)] == [
        ("eve", "its review was due"),
        ("fred", "its review was due"),
    ]
    assert access.review(EVE) == []
    with pytest.raises(AccessDenied):
        access.keep(EVE, grants[0])
    access.keep(OLGA, grants[0])
    clock.move(days=30)
    assert access.step()["expired"] == 1
    assert (reads(platform), reads(platform, "fred")) == (True, False)


def test_a_review_that_was_due_while_nothing_looked_is_asked_for_before_the_grant_ends(platform, access, clock):
    access.approve(OLGA, access.ask(EVE, [str(ORDERS)], "churn")["request_id"])
    clock.move(days=215)

    asked = access.step()
    clock.move(days=29)
    waited = access.step()
    clock.move(days=2)
    ended = access.step()

    assert [(one["review"], one["expired"]) for one in (asked, waited, ended)] == [(1, 0), (0, 0), (0, 1)]


def test_a_grant_that_nobody_uses_is_listed_for_review(platform, access, clock):
    for name in ("eve", "fred"):
        made = access.ask(caller(name), [str(ORDERS)], "churn", until="2027-01-31")
        grant = access.approve(OLGA, made["request_id"])["ports"][0]["grant_id"]
    clock.move(days=80)
    access.grants.used([grant], clock())
    access.grants.used([grant], clock())
    clock.move(days=11)

    assert [(g["consumer"], g["review"]) for g in access.review(OLGA)] == [
        ("eve", "it was never used since 2026-03-02")
    ]


def test_requests_and_grants_are_seen_by_whom_they_concern_alone(access):
    made = access.ask(EVE, [str(ORDERS)], "churn")
    access.approve(OLGA, made["request_id"])

    for who, seen in ((EVE, 1), (OLGA, 1), (LEAD, 1), (BERT, 0), (caller("mallory"), 0)):
        assert len(access.listed(who)) == seen, who.name
        assert len([g for g in access.granted(who) if g["basis"] == "request"]) == seen, who.name
    grant = access.granted(EVE)[0]["grant_id"]
    for verb in (access.revoke, access.keep):
        with pytest.raises(UsageError) as caught:
            verb(caller("mallory"), grant)
        assert caught.value.diagnostics[0].code == "WFT-ACC-034"
    access.revoke(EVE, grant)
    assert not access.granted(EVE)[0]["holds"]


def test_one_request_waits_for_a_port_and_reader_at_a_time(access):
    first = access.ask(EVE, [str(ORDERS)], "churn")

    with pytest.raises(Conflict) as caught:
        access.ask(caller("fred"), [str(ORDERS)], "other", reader="eve")

    assert first["request_id"] in caught.value.diagnostics[0].what


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"purpose": " "}, "WFT-ACC-039"),
        ({"until": "2026-03-01"}, "WFT-ACC-039"),
        ({"until": "soon"}, "WFT-ACC-039"),
        ({"columns": ["nope"]}, "WFT-ACC-039"),
        ({"columns": []}, "WFT-ACC-039"),
        ({"roles": ["nope"]}, "WFT-ACC-039"),
        ({"reader": "robot:x"}, "WFT-ACC-005"),
        ({"addresses": []}, "WFT-ACC-039"),
        ({"addresses": ["sales.orders.nope"]}, "WFT-ACC-001"),
    ],
    ids=str,
)
def test_what_cannot_be_asked_for_is_refused_and_leaves_nothing(platform, access, asked, code):
    fields = {"addresses": [str(ORDERS)], "purpose": "churn"} | asked

    with pytest.raises(UsageError) as caught:
        access.ask(EVE, fields.pop("addresses"), fields.pop("purpose"), **fields)

    assert caught.value.diagnostics[0].code == code
    assert kinds(platform) == []


def test_the_terms_of_the_mesh_hold(platform, access):
    policy(platform, "requests:\n  grantAtOnce: nothing\n  longest: 30 days\n")
    assert states(access.ask(EVE, [str(OPEN)], "x")) == {str(OPEN): "waiting"}
    with pytest.raises(UsageError) as caught:
        access.ask(EVE, [str(ORDERS)], "x", until="2026-12-31")
    assert "30 days at most" in caught.value.diagnostics[0].what

    made = access.ask(EVE, [str(ORDERS)], "x")
    access.approve(OLGA, made["request_id"])

    (grant,) = [g for g in access.granted(EVE) if g["address"] == str(ORDERS)]
    assert grant["ends_at"][:10] == "2026-04-01"


def test_by_policy_what_is_internal_is_granted_at_once_and_with_a_mistake_in_it_nothing_is(platform, access, clock):
    publish(platform.rooms.production, clock, ORDERS, domain_document=PEOPLE, contract=contract("internal"))
    policy(platform, "requests: {grantAtOnce: internal}\n")
    assert states(access.ask(EVE, [str(ORDERS)], "x")) == {str(ORDERS): "approved"}

    policy(platform, "requests: {grantAtOnce: internal}\nrules: [{id: a}]\n")

    assert states(access.ask(caller("fred"), [str(ORDERS)], "x")) == {str(ORDERS): "waiting"}
    assert not reads(platform)


def test_the_log_holds_no_purpose_and_no_reason_and_both_can_be_erased(platform, access):
    made = access.ask(EVE, [str(ORDERS)], "a very private purpose")
    access.approve(OLGA, made["request_id"], reason="a very private reason")

    events = [json.dumps(e.body) for e in read_all_events(platform.rooms.production)]
    assert not [e for e in events if "private" in e]
    refs = {e.body[k]["text"] for e in read_all_events(platform.rooms.production) for k in ("purpose", "reason")
            if isinstance(e.body.get(k), dict)}  # fmt: skip
    assert access.requests.erase(sorted(refs)) == 2
    erased = access.one(EVE, made["request_id"])
    assert (erased["purpose"], erased["ports"][0]["reason"]) == (None, None)
    assert (access.granted(EVE)[0]["purpose"], reads(platform)) == (None, True)
    assert platform.rooms.production.verify_log() > 0


def test_the_ports_of_one_request_share_their_salt_and_no_others_do(platform, access):
    one = access.ask(EVE, [str(ORDERS), str(OPEN)], "x")
    access.approve(OLGA, one["request_id"])
    other = access.ask(caller("fred"), [str(OPEN)], "x")

    salts = {g.request_id: set() for g in access.grants.listed()}
    for grant in access.grants.listed():
        salts[grant.request_id].add(grant.salt)

    assert [len(found) for found in salts.values()] == [1, 1]
    assert salts[one["request_id"]] != salts[other["request_id"]]


def test_a_product_asks_through_whoever_publishes_it(platform, access):
    with pytest.raises(AccessDenied):
        access.ask(EVE, [str(ORDERS)], "x", reader="product:finance.totals")

    maker = Caller("max", "user", domains={"finance": frozenset({Role.DEVELOPER})})
    made = access.ask(maker, [str(ORDERS)], "x", reader="product:finance.totals", columns=["id"])

    assert (made["kind"], made["reader"]) == ("product", "finance.totals")
    access.approve(OLGA, made["request_id"])
    assert access.granted(maker)[0]["columns"] == ["id"]


def test_somebody_is_shown_what_they_see_themselves_and_who_decides_what_others_see(platform, access):
    policy(
        platform,
        "rules:\n  - {id: few, description: Few rows, filter: id > 5}\n  - {id: h, columns: id, mask: null}\n",
    )
    access.approve(OLGA, access.ask(EVE, [str(ORDERS)], "x")["request_id"])

    mine, theirs = access.explain(EVE, "eve", str(ORDERS)), access.explain(OLGA, "eve", str(ORDERS))

    assert mine["columns"][0] | {"why": ()} == {
        "name": "id",
        "type": "BIGINT",
        "shown": "masked",
        "mask": {"kind": "null"},
        "why": (),
    }
    assert mine["columns"][0]["why"][0]["file"] == "governance/access.yaml:3"
    assert (mine["filtered"], mine["filter"], theirs["filter"]) == (True, None, "((id > 5))")
    assert mine["rules"][0]["sentence"] == "Few rows"
    with pytest.raises(AccessDenied):
        access.explain(EVE, "olga", str(ORDERS))
    assert access.explain(OLGA, "nobody", str(ORDERS))["allowed"] is False
    assert dt.datetime.fromisoformat(access.granted(EVE)[0]["since"]).tzinfo is not None


def mailed(platform: Platform, clock: Clock) -> dict[str, set[str]]:
    """The titles that wait for each address of mail; they are taken away."""
    tell(platform.database, clock, mails=True)
    found: dict[str, set[str]] = {}
    with platform.database.writing() as statements:
        rows = "SELECT d.target, n.notice FROM deliveries d JOIN delivery_notices n ON n.delivery_id = d.delivery_id"
        for target, notice in statements.rows(rows, ()):
            found.setdefault(str(target), set()).add(json.loads(notice)["title"])
        statements.run("DELETE FROM delivery_notices", ())
        statements.run("DELETE FROM deliveries", ())
    return found


def test_who_decides_and_who_asks_are_told_without_a_subscription(platform, access, clock):
    eve, lena = "eve@example.com", "lena@example.com"
    platform.identity.user_verbs.add(lena, None, ["governance_lead"], actor="root")
    platform.identity.user_verbs.add("carl@example.com", None, [], actor="root")
    in_team(platform, "carl@example.com", "audit")
    roles = [{"role": "clerk", "access": "read", "firstLevelApprovers": "team:audit"}]
    publish(platform.rooms.production, clock, ORDERS, domain_document=PEOPLE, contract=contract("confidential", roles))
    mailed(platform, clock)

    made = access.ask(caller(eve), [str(ORDERS)], "audit", roles=["clerk"])
    asked = mailed(platform, clock)
    clock.move(days=2)
    access.step()
    clock.move(days=2)
    access.step()
    raised = mailed(platform, clock)
    done = access.approve(OLGA, made["request_id"], reason="agreed")
    decided = mailed(platform, clock)
    access.revoke(OLGA, done["ports"][0]["grant_id"])
    ended = mailed(platform, clock)

    assert ("carl@example.com" in asked, lena in asked, eve in asked) == (True, False, False)
    assert [title for title in raised[lena] if "goes on" in title]
    assert decided[eve] == {f"Access to {ORDERS} is approved"}
    assert ended[eve] == {f"Access to {ORDERS} has ended for a reader"}


def test_the_files_of_a_port_are_for_members_of_a_team_and_for_services_as_long_as_their_grant_holds(platform, access):
    platform.identity.user_verbs.add("dora", None, [], actor="root")
    in_team(platform, "dora", "crm")
    policy(platform, "defaults:\n  confidential: {show: true}\n")
    dora, robot, eve = caller("dora"), Caller("service:loader", "service", frozenset(), {}, None), EVE
    asked = ScanAsked(str(ORDERS))
    for who in (dora, robot):
        with pytest.raises(AccessDenied):
            platform.scanning.scan(who, asked)

    grants = [
        access.approve(OLGA, access.ask(EVE, [str(ORDERS)], "churn", reader=reader)["request_id"])["ports"][0]
        for reader in ("team:crm", "service:loader")
    ]
    scans = [platform.scanning.scan(who, asked) for who in (dora, robot)]

    held = [platform.scanning.grants.held(s.scan_id, s.token, platform.rooms.now()) for s in scans]
    assert [one.consumer for one in held] == ["user:dora", "service:loader"]
    with pytest.raises(AccessDenied):
        platform.scanning.scan(eve, asked)
    for grant in grants:
        access.revoke(OLGA, grant["grant_id"])
    for who, scan in zip((dora, robot), scans, strict=True):
        with pytest.raises(AccessDenied) as caught:
            platform.scanning.file(who, scan.scan_id, scan.token, 0)
        assert caught.value.diagnostics[0].code == "WFT-SRV-041"
        with pytest.raises(AccessDenied):
            platform.scanning.scan(who, asked)


def test_what_is_being_read_ends_with_the_team_the_role_and_the_account_by_which_it_is_read(platform, access):
    platform.identity.user_verbs.add("dora", None, [], actor="root")
    in_team(platform, "dora", "crm")
    made = access.ask(EVE, [str(ORDERS)], "churn", reader="team:crm")
    access.approve(OLGA, made["request_id"])
    platform.identity.user_verbs.add("ann", None, [], actor="root")
    reading = {}
    for name in ("dora", "ann"):
        who = platform.identity.of_user(platform.identity.users.user(name))
        door = platform.querying.door(who)
        reading[name] = door, door.opened(door.reader, ["sales.orders.orders"])

    def still(name: str) -> bool:
        door, opened = reading[name]
        return door.still(door.reader, opened)

    assert (still("dora"), still("ann")) == (True, True)
    in_team(platform, "dora", "pricing")
    assert not still("dora")
    in_team(platform, "dora", "crm")
    assert still("dora")
    platform.identity.user_verbs.disable("ann", actor="root")
    assert not still("ann")
    platform.identity.user_verbs.disable("ann", actor="root", undo=True)
    nobody = PEOPLE | {"members": [m for m in PEOPLE["members"] if m["user"] != "ann"]}
    publish(platform.rooms.production, Clock(), OPEN, domain_document=nobody, contract=contract("public"))
    assert not still("ann")
