"""The table of permissions and the server say the same: every role on every route."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from fastapi import Depends, FastAPI
from fastapi.testclient import TestClient

from weft.access.claims import MEMBER_ROLE
from weft.access.duties import DUTIES
from weft.access.permissions import MESH_ROLES, PERMISSIONS, STRANGER, Action, Caller, Permission, Role, may
from weft.api.platform import Platform, open_platform
from weft.model.records import DomainRecord
from weft.model.roles import MEMBER_ROLES
from weft.registry.publishing import append
from weft.registry.sql_tables import SqlTables
from weft.server.app import create_app
from weft.server.permitted import Permitted
from weft.server.portal.visiting import Visiting
from weft.server.routing import api_routes

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
PEOPLE = ("stranger", "nobody", "elsewhere", "domain token", *(role.value for role in Role))
EXPECTED = {
    Action.SEE_STATE: {*PEOPLE},
    Action.SIGN_IN: {*PEOPLE},
    Action.READ_METADATA: {*PEOPLE} - {"stranger"},
    Action.QUERY: {*PEOPLE} - {"stranger"},
    Action.FOLLOW_LINK: {*PEOPLE},
    Action.REQUISITION: {*PEOPLE} - {"stranger"},
    Action.SUBSCRIBE: {*PEOPLE} - {"stranger"},
    Action.OWN_TOKENS: {*PEOPLE} - {"stranger"},
    Action.MANAGE_DOMAIN: {"domain_owner", "operator"},
    Action.PUBLISH: {"domain_owner", "product_owner", "developer", "domain token"},
    Action.RUN: {"domain_owner", "product_owner", "developer", "operator", "domain token"},
    Action.ASK_ACCESS: {*PEOPLE} - {"stranger"},
    Action.APPROVE: {"domain_owner", "product_owner", "steward"},
    Action.GIVE_FEEDBACK: {*PEOPLE} - {"stranger"},
    Action.ANSWER: {"domain_owner", "product_owner", "steward", "developer", "domain token"},
    Action.GOVERN: {"governance_lead"},
    Action.DECIDE_POLICY: {"domain_owner", "product_owner", "steward", "compliance_contact", "governance_lead"},
    Action.READ_EVENTS: {"operator", "governance_lead", "compliance_contact"},
    Action.READ_USAGE: {"domain_owner", "product_owner", "operator"},
    Action.READ_AUDIT: {"domain_owner", "product_owner", "steward", "compliance_contact", "governance_lead"},
    Action.OPERATE: {"operator"},
}
"""Who may do what in the domain `shop`, said a second time: whoever changes the table changes it here as well."""


@pytest.fixture
def platform(tmp_path) -> Iterator[Platform]:
    (tmp_path / "weft.toml").write_text("")
    made = open_platform(tmp_path, lambda: NOW)
    for name, members in (
        ("shop", [{"user": role.value, "roles": [role.value]} for role in Role if role not in MESH_ROLES]),
        ("crew", [{"user": "elsewhere", "roles": [r.value for r in Role if r not in MESH_ROLES]}]),
    ):
        with made.database.writing() as statements:
            record = DomainRecord(name, name, "aggregate", None, "team", None, {"name": name, "members": members})
            SqlTables(statements).put_domain(record)
            append(SqlTables(statements), NOW, "domain.requisitioned", "root", name, {})
    for role in MESH_ROLES:
        made.identity.user_verbs.add(role.value, None, [role.value], actor="root")
    yield made
    made.close()


def secret_of(platform: Platform, person: str, actions: list[str] | None = None) -> str:
    of_domain = person == "domain token"
    return platform.identity.tokens.create(
        kind="domain" if of_domain else "personal",
        owner="root" if of_domain else person,
        label="x",
        domain="shop" if of_domain else None,
        actions=actions,
        at=NOW,
        expires_at=NOW + dt.timedelta(days=1),
    )[1]


@pytest.fixture
def portal() -> Iterator[BlockingPortal]:
    """A loop in a thread of its own."""
    with start_blocking_portal() as made:
        yield made


def caller(platform: Platform, person: str) -> Caller:
    if person == "stranger":
        return STRANGER
    found = platform.identity.of_bearer(secret_of(platform, person))
    assert found is not None
    return found


def guarded(app: FastAPI) -> Iterator[tuple[str, str, Permitted]]:
    for route in api_routes(app.routes):
        (guard,) = [d.call for d in route.dependant.dependencies if isinstance(d.call, Permitted)]
        for method in sorted(route.methods):
            yield method, route.path, guard


def filled(path: str) -> str:
    """A route's path for the domain `shop`; what else it names is not there."""
    parts = [("shop" if part == "{domain}" else "nothing") if "{" in part else part for part in path.split("/")]
    return "/".join(parts)


def test_every_action_has_one_line_and_the_line_says_who_as_it_is_meant(platform):
    callers = {person: caller(platform, person) for person in PEOPLE}

    allowed = {action: {p for p, c in callers.items() if may(c, action, "shop")} for action in Action}

    assert allowed == EXPECTED
    assert set(PERMISSIONS) == set(Action)


def test_each_role_gets_through_each_route_exactly_as_the_table_says(platform, portal):
    app = create_app(platform)
    for action in Action:  # also those that no route of this version has
        guard = Depends(Permitted(action, "domain"))
        app.add_api_route(f"/of/{action.value}/{{domain}}", lambda: "through", dependencies=[guard])
    wrong = []
    for person in PEOPLE:
        known = {} if person == "stranger" else {"Authorization": f"Bearer {secret_of(platform, person)}"}
        from_us = {"Origin": "http://testserver"}  # forms of pages are taken from pages of ours alone
        client = TestClient(app, headers=known | from_us, raise_server_exceptions=False, follow_redirects=False)
        client.portal = portal  # one loop for three thousand questions
        who = caller(platform, person)
        for method, path, guard in guarded(app):
            if path in _FORMS or (person, path) in _NO_PERSON:
                continue
            answer = client.request(method, filled(path))
            through = may(who, guard.action, "shop" if guard.domain else None)
            led = answer.status_code == 303 and answer.headers["location"].startswith("/login?then=")
            got = 401 if led and isinstance(guard, Visiting) else answer.status_code
            refused = 401 if person == "stranger" else 403
            if through == (got in (401, 403)) or (not through and got != refused):
                wrong.append(f"{person} {method} {path}: {answer.status_code}, may: {through}")

    assert wrong == [], "\n".join(wrong)


_NO_PERSON = {
    ("domain token", "/administration/domains"): "a token that publishes for a domain makes no other one",
    ("domain token", "/administration/tokens"): "who is no person has no personal tokens",
}
"""Empty forms that say so before they say what they lack."""

_FORMS = {
    "/login/callback": "answers 403 to whoever has begun no sign-in",
    "/login": "what a form sends without an Origin is refused for everybody",
    "/logout": "the same",
    "/login/cli": "the same",
    "/iceberg-files/{name:path}": "answers 403 to whoever signs with no keys that this server has given",
}
"""Routes that refuse for another reason first; their own tests hold them to it."""


def test_the_routes_that_are_left_out_are_for_everybody(platform):
    actions = {path: guard.action for _, path, guard in guarded(create_app(platform)) if path in _FORMS}

    assert set(actions) == set(_FORMS)
    assert set(actions.values()) <= {Action.SIGN_IN, Action.OWN_TOKENS, Action.QUERY}
    assert all(PERMISSIONS[action].everybody for action in actions.values())


def test_a_route_for_a_domain_names_a_parameter_of_its_path(platform):
    for method, path, guard in guarded(create_app(platform)):
        assert guard.domain is None or f"{{{guard.domain}}}" in path, f"{method} {path}"


def test_a_token_that_is_limited_does_what_it_is_limited_to_and_no_more(platform):
    app = create_app(platform)
    secret = secret_of(platform, "domain_owner", [Action.READ_METADATA.value, "an.action.of.tomorrow"])
    client = TestClient(app, headers={"Authorization": f"Bearer {secret}"})

    assert client.get("/api/v1/domains/shop").status_code == 200
    assert client.get("/api/v1/tokens").status_code == 403
    assert client.get("/healthz").status_code == 200
    who = platform.identity.of_bearer(secret)
    assert who is not None
    assert [action for action in Action if may(who, action, "shop")] == [
        Action.SEE_STATE,
        Action.SIGN_IN,
        Action.READ_METADATA,
        Action.FOLLOW_LINK,
    ]


def test_a_token_that_finds_what_there_is_reads_no_rows(platform):
    asked = {"port": "shop.orders.orders@1"}

    for actions, refused in (([Action.READ_METADATA.value], True), ([Action.READ_METADATA.value, "data.query"], False)):
        secret = secret_of(platform, "domain_owner", actions)
        answer = TestClient(create_app(platform), headers={"Authorization": f"Bearer {secret}"}).post(
            "/api/v1/scans", json=asked
        )
        assert (answer.status_code == 403) == refused, answer.text
        assert answer.status_code in (403, 404)


def test_an_action_without_a_line_is_refused_for_everybody(platform, monkeypatch):
    everything = Caller("root", "user", MESH_ROLES, {"shop": frozenset(Role)})
    lines: dict[Action, Permission] = {a: p for a, p in PERMISSIONS.items() if a is not Action.READ_METADATA}
    assert may(everything, Action.READ_METADATA)

    monkeypatch.setattr("weft.access.permissions.PERMISSIONS", lines)

    assert not may(everything, Action.READ_METADATA)


def test_a_role_in_one_domain_is_nothing_in_another(platform):
    who = caller(platform, "elsewhere")

    assert [a for a in Action if PERMISSIONS[a].roles and may(who, a, "shop")] == []
    assert may(who, Action.PUBLISH, "crew")


def test_every_role_has_its_duties_and_every_name_of_a_member_its_role():
    assert set(DUTIES) == set(Role)
    assert all(duty.must for duty in DUTIES.values())
    assert set(MEMBER_ROLES) == set(MEMBER_ROLE)


def test_a_request_costs_two_reads_however_many_domains_there_are(platform):
    secret = secret_of(platform, "domain_owner")
    platform.identity.of_bearer(secret)
    asked: list[str] = []
    reading = platform.database._connection()
    reading.set_trace_callback(asked.append)

    found = platform.identity.of_bearer(secret)

    reading.set_trace_callback(None)
    assert found is not None and found.domains == {"shop": frozenset({Role.DOMAIN_OWNER})}
    assert len(asked) == 2, asked
    for sql in asked:
        plan = platform.database._connection().execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
        assert all("SCAN" not in row[3] for row in plan), plan


def test_a_member_by_a_name_that_no_line_knows_is_nobody(platform):
    members = [{"user": "ida", "roles": ["chief", "operator"]}, {"user": "leo", "roles": ["Product Owner", "x"]}]
    with platform.database.writing() as statements:
        document = {"name": "shop", "members": members}
        SqlTables(statements).put_domain(DomainRecord("shop", "", "aggregate", None, "t", None, document))
        append(SqlTables(statements), NOW, "domain.changed", "root", "shop", {})

    assert platform.identity.roles_of("ida") == {"shop": frozenset()}
    assert platform.identity.roles_of("leo") == {"shop": frozenset({Role.PRODUCT_OWNER})}
    assert platform.identity.roles_of("domain_owner") == {}
