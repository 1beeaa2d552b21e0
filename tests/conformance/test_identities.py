"""What is kept of people, sessions, sign-ins and tokens, in an SQLite file and in a PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from weft.model.address import parse_address
from weft.model.records import DomainRecord
from weft.registry.access_requests import RequestStore, Wanted
from weft.registry.base import read_all_events
from weft.registry.database import Database
from weft.registry.grants import GrantStore
from weft.registry.members import Members
from weft.registry.publishing import append
from weft.registry.saved_queries import SavedQuery, SavedQueryStore
from weft.registry.sessions import SessionStore, csrf_of
from weft.registry.sign_ins import SignInStore
from weft.registry.sql_tables import SqlTables
from weft.registry.tokens import TokenStore
from weft.registry.users import User, UserStore
from weft.registry.workspaces import WorkspaceStore, WorkspaceTable

START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
ISSUER = "https://login.example.com"
PORT = parse_address("fleet.aircraft.planes@1")


@pytest.fixture
def database(registry) -> Database:
    return registry.database


def after(**passed) -> dt.datetime:
    return START + dt.timedelta(**passed)


def kinds(registry) -> list[str]:
    return [event.kind for event in read_all_events(registry)]


def sent(name="ada@example.com", subject="1", **fields) -> User:
    given = {"mesh": (), "domains": {}, "teams": (), **fields}
    return User(name, "oidc", None, created_at=START, issuer=ISSUER, subject=subject, **given)


def put_domain(database: Database, name: str, members: list[dict], *, subject: str) -> None:
    document = {"name": name, "members": members}
    with database.writing() as statements:
        tables = SqlTables(statements)
        tables.put_domain(DomainRecord(name, name, "aggregate", None, "team", None, document))
        append(tables, START, "product.published", "ada", subject, {})


def test_only_one_of_many_servers_that_start_at_once_makes_the_first_user(database, registry):
    users = UserStore(database)
    made = []

    def start() -> None:
        made.append(users.add("admin", "hash", ["operator"], actor="weft", at=START, only_first=True))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(made) == [False] * 7 + [True]
    assert not users.add("other", "hash", [], actor="weft", at=START, only_first=True)
    assert [user.name for user in users.listed()] == ["admin"]
    assert kinds(registry).count("user.created") == 1


def test_no_event_holds_a_password_or_its_hash(database, registry):
    users = UserStore(database)
    users.add("ada", "hash-one", ["operator"], actor="root", at=START)
    users.set_password("ada", "hash-two", actor="root", at=START)

    bodies = [str(event.body) for event in read_all_events(registry)]

    assert kinds(registry) == ["user.created", "user.password"]
    assert not any("hash-" in body for body in bodies)


def test_a_disabled_user_loses_password_session_and_personal_tokens_at_once_and_gets_them_back(database):
    users, tokens = UserStore(database), TokenStore(database)
    sessions = SessionStore(database, dt.timedelta(hours=1), dt.timedelta(hours=12))
    users.add("ada", "hash", [], actor="root", at=START)
    secret = sessions.begin("ada", START)
    fields = {"owner": "ada", "label": "x", "actions": None, "at": START, "expires_at": after(days=9)}
    mine = tokens.create(kind="personal", domain=None, **fields)[1]
    of_sales = tokens.create(kind="domain", domain="sales", **fields)[1]
    assert sessions.holder(secret, START) is not None

    users.disable("ada", actor="root", at=after(minutes=1))

    assert users.password_of("ada") is None
    assert sessions.holder(secret, after(minutes=1)) is None
    assert tokens.holder(mine, after(minutes=1)) is None
    assert tokens.holder(of_sales, after(minutes=1)) is not None, "a domain's token is not a person's"
    users.disable("ada", actor="root", at=after(minutes=2), undo=True)
    assert tokens.holder(mine, after(minutes=3)) is not None
    assert sessions.holder(secret, after(minutes=3)) is None, "who comes back signs in again"


def test_another_password_ends_every_session_of_the_user(database):
    users = UserStore(database)
    sessions = SessionStore(database, dt.timedelta(hours=1), dt.timedelta(hours=12))
    users.add("ada", "hash", [], actor="root", at=START)
    users.add("bob", "hash", [], actor="root", at=START)
    of_ada, of_bob = sessions.begin("ada", START), sessions.begin("bob", START)

    assert users.set_password("ada", "other", actor="root", at=START)

    assert sessions.holder(of_ada, START) is None
    assert sessions.holder(of_bob, START) is not None


def test_another_password_ends_the_personal_tokens_where_that_is_asked_for_and_counts_them(database, registry):
    users, tokens = UserStore(database), TokenStore(database)
    users.add("ada", "hash", [], actor="root", at=START)

    def made(kind, owner="ada", **end):
        domain = "sales" if kind == "domain" else None
        fields = {"label": "x", "actions": None, "at": START, "expires_at": after(**(end or {"days": 9}))}
        return tokens.create(kind=kind, owner=owner, domain=domain, **fields)

    (mine, key), (_, of_sales), (_, of_bob) = made("personal"), made("domain"), made("personal", "bob")
    made("personal", minutes=1)  # has ended by itself when the password changes
    at = after(minutes=2)

    kept = users.set_password("ada", "other", actor="root", at=at)
    assert kept is not None and (kept.ended, kept.holding) == (0, 1)
    assert tokens.holder(key, at) is not None
    ended = users.set_password("ada", "another", actor="root", at=at, end_tokens=True)

    assert ended is not None and (ended.ended, ended.holding) == (1, 0)
    assert tokens.holder(key, at) is None
    assert tokens.holder(of_sales, at) is not None and tokens.holder(of_bob, at) is not None
    revoked = [(e.actor, e.subject) for e in read_all_events(registry) if e.kind == "token.revoked"]
    assert revoked == [("root", f"token:{mine.token_id}")]
    assert users.set_password("nobody", "other", actor="root", at=at, end_tokens=True) is None


def test_a_session_ends_when_it_is_left_alone_and_after_its_longest_time_however_it_is_used(database):
    UserStore(database).add("ada", "hash", [], actor="root", at=START)
    sessions = SessionStore(database, dt.timedelta(minutes=30), dt.timedelta(hours=2))
    used, alone = sessions.begin("ada", START), sessions.begin("ada", START)

    for minutes in range(20, 120, 20):
        assert sessions.holder(used, after(minutes=minutes)) is not None, minutes
    assert sessions.holder(used, after(minutes=120)) is None
    assert sessions.holder(alone, after(minutes=29)) is not None
    assert sessions.holder(alone, after(minutes=29 + 30)) is None


def test_signing_in_again_takes_the_place_of_the_session_that_the_browser_had(database):
    UserStore(database).add("ada", "hash", [], actor="root", at=START)
    sessions = SessionStore(database, dt.timedelta(hours=1), dt.timedelta(hours=12))
    first = sessions.begin("ada", START)

    second = sessions.begin("ada", START, instead_of=first)

    assert first != second
    assert sessions.holder(first, START) is None
    found = sessions.holder(second, START)
    assert found is not None
    assert found.csrf == csrf_of(second) != csrf_of(first)
    assert sessions.end(second)
    assert sessions.holder(second, START) is None


def test_no_table_holds_the_secret_of_a_session_or_of_a_sign_in(database):
    UserStore(database).add("ada", "hash", [], actor="root", at=START)
    secret = SessionStore(database, dt.timedelta(hours=1), dt.timedelta(hours=12)).begin("ada", START)
    code = SignInStore(database).remember("code", {"user": "ada"}, START, dt.timedelta(minutes=5))

    with database.reading() as statements:
        kept = str(statements.rows("SELECT * FROM sessions")) + str(statements.rows("SELECT * FROM sign_ins"))

    assert "ada" in kept
    assert secret not in kept
    assert csrf_of(secret) not in kept
    assert code not in kept


def test_of_sign_ins_that_are_tried_at_once_no_more_than_the_limit_are_tried_at_all(database):
    sign_ins = SignInStore(database)
    tried = []

    def attempt() -> None:
        tried.append(sign_ins.attempt({"user:ada": 5}, START, dt.timedelta(minutes=15)).number)

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(number is not None for number in tried) == 5
    refused = sign_ins.attempt({"user:ada": 5}, after(minutes=5), dt.timedelta(minutes=15))
    assert refused.number is None
    assert refused.wait == dt.timedelta(minutes=10)
    assert sign_ins.attempt({"user:bob": 5}, after(minutes=5), dt.timedelta(minutes=15)).number is not None
    assert sign_ins.attempt({"user:ada": 5}, after(minutes=15), dt.timedelta(minutes=15)).number is not None


def test_a_sign_in_that_was_good_forgives_the_user_and_is_not_counted_against_the_address(database):
    sign_ins = SignInStore(database)
    limits = {"user:ada": 2, "address:10.0.0.7": 3}
    within = dt.timedelta(minutes=15)

    sign_ins.attempt(limits, START, within)
    good = sign_ins.attempt(limits, START, within)
    assert sign_ins.attempt(limits, START, within).number is None
    sign_ins.succeeded(good, "user:ada")

    assert sign_ins.attempt(limits, START, within).number is not None
    assert sign_ins.attempt(limits, START, within).number is not None
    assert sign_ins.attempt({"user:bob": 2, "address:10.0.0.7": 3}, START, within).number is None


def test_what_a_sign_in_remembers_is_taken_once_in_time_and_for_its_own_purpose(database):
    sign_ins = SignInStore(database)
    secret = sign_ins.remember("provider", {"then": "/x"}, START, dt.timedelta(minutes=10))
    late = sign_ins.remember("provider", {"then": "/y"}, START, dt.timedelta(minutes=10))

    assert sign_ins.take("command line", secret, START) is None
    assert sign_ins.take("provider", secret, START) == {"then": "/x"}
    assert sign_ins.take("provider", secret, START) is None
    assert sign_ins.take("provider", late, after(minutes=10)) is None
    assert sign_ins.take("provider", "made up", START) is None


def test_sign_ins_that_somebody_begins_and_never_ends_fill_no_table(database, monkeypatch):
    monkeypatch.setattr("weft.registry.sign_ins._UNDER_WAY", 50)
    sign_ins = SignInStore(database)

    begun = [sign_ins.remember("provider", {}, after(seconds=n), dt.timedelta(minutes=10)) for n in range(120)]

    with database.reading() as statements:
        assert statements.rows("SELECT count(*) FROM sign_ins")[0][0] <= 50
    assert sign_ins.take("provider", begun[0], after(minutes=3)) is None
    assert sign_ins.take("provider", begun[-1], after(minutes=3)) == {}


def test_whom_a_provider_sends_is_kept_with_the_roles_of_todays_groups(database, registry):
    users = UserStore(database)
    users.arrived(sent(mesh=("operator",), teams=("pricing",)), START)
    users.arrived(sent(mesh=("operator",), teams=("pricing",)), after(days=1))

    last = users.arrived(sent(domains={"sales": ("steward",)}), after(days=2))

    assert last is not None
    assert (last.mesh, last.domains, last.teams) == ((), {"sales": ("steward",)}, ())
    assert last.created_at == START
    assert kinds(registry) == ["user.created", "user.roles"]


def test_nobody_takes_over_the_name_of_somebody_else(database):
    users = UserStore(database)
    users.add("root@example.com", "hash", ["operator"], actor="root", at=START)
    users.arrived(sent("ada@example.com", "1", mesh=("operator",)), START)

    assert users.arrived(sent("root@example.com", "2"), START) is None
    assert users.arrived(sent("ada@example.com", "2"), START) is None
    assert users.arrived(sent("root@example.com", "1"), START) is None, "nor by being renamed"
    kept = users.user("ada@example.com")
    assert kept is not None
    assert (kept.subject, kept.mesh) == ("1", ("operator",))


def test_who_is_renamed_at_the_provider_leaves_sessions_and_tokens_behind(database):
    users, tokens = UserStore(database), TokenStore(database)
    sessions = SessionStore(database, dt.timedelta(hours=1), dt.timedelta(hours=12))
    users.arrived(sent("ada@example.com"), START)
    secret = sessions.begin("ada@example.com", START)
    token = tokens.create(
        kind="personal",
        owner="ada@example.com",
        label="x",
        domain=None,
        actions=None,
        at=START,
        expires_at=after(days=9),
    )[1]

    users.arrived(sent("ada.lovelace@example.com"), START)

    assert [user.name for user in users.listed()] == ["ada.lovelace@example.com"]
    assert sessions.holder(secret, START) is None
    assert tokens.holder(token, START) is None


def test_a_name_that_was_freed_is_a_new_account_without_anything_of_the_former_one(database, registry):
    users, tokens = UserStore(database), TokenStore(database)
    sessions = SessionStore(database, dt.timedelta(hours=1), dt.timedelta(hours=12))
    users.arrived(sent("ada@example.com", "1", mesh=("operator",)), START)
    session = sessions.begin("ada@example.com", START)
    secret = tokens.create(
        kind="personal", owner="ada@example.com", label="x", domain=None, actions=None, at=START,
        expires_at=after(days=9),
    )[1]  # fmt: skip
    assert users.arrived(sent("ada@example.com", "2"), START) is None

    assert users.remove("ada@example.com", actor="root", at=after(days=1))
    new = users.arrived(sent("ada@example.com", "2"), after(days=1))

    assert new is not None and (new.subject, new.mesh) == ("2", ())
    assert sessions.holder(session, START) is None
    assert tokens.holder(secret, after(days=1)) is None
    assert kinds(registry)[-2:] == ["user.removed", "user.created"]
    assert not users.remove("nobody", actor="root", at=START)


@pytest.mark.parametrize("how", ["removed", "renamed"])
def test_a_name_that_was_freed_reads_nothing_of_what_the_former_account_was_granted(how, database, registry):
    users, grants = UserStore(database), GrantStore(database)
    requests, tables = RequestStore(database), WorkspaceStore(database)
    users.arrived(sent(), START)
    held = grants.grant(PORT, "user", "ada@example.com", basis="x", actor="root", at=START, ends_at=None)
    kept = grants.grant(PORT, "service", "ada@example.com", basis="x", actor="root", at=START, ends_at=None)
    asked = requests.create(Wanted("ada@example.com", "user", "ada@example.com", (PORT,), "delays"), START, {})
    own = WorkspaceTable(
        "ada@example.com", "mine", "upload", None, (("a", "BIGINT"),), (), 1, 10, "mine-1.parquet", START, after(days=9)
    )
    tables.put(own, 100)
    queries = SavedQueryStore(database)
    queries.put(SavedQuery("ada@example.com", "late", "", "select 'Noor'", (), None, START, START), 100)
    queries.put(SavedQuery("eve", "late", "", "select 1", (), None, START, START), 100)

    if how == "removed":
        users.remove("ada@example.com", actor="root", at=after(days=1))
    else:
        users.arrived(sent("eve@example.com"), after(days=1))
    users.arrived(sent("ada@example.com", "2"), after(days=1))

    ended, other, request = grants.get(held.grant_id), grants.get(kept.grant_id), requests.get(asked.request_id)
    assert ended is not None and other is not None and request is not None
    by = "root" if how == "removed" else "eve@example.com"
    assert (ended.holds(after(days=1)), ended.ended_by, other.holds(after(days=1))) == (False, by, True)
    assert [item.state for item in request.items] == ["withdrawn"]
    assert requests.waiting_for(PORT, "user", "ada@example.com") is None
    assert list(tables.of("ada@example.com", after(days=1))) == []
    assert [query.address for query in queries.listed()] == ["eve/late"]
    assert [one.file for one in tables.drop_ended(after(days=1))] == ["mine-1.parquet"]
    assert {"access.ended", "access.withdrawn"} <= set(kinds(registry))


def test_a_user_who_was_shut_out_stays_so_when_the_provider_sends_them_again(database):
    users = UserStore(database)
    users.arrived(sent(), START)
    users.disable("ada@example.com", actor="root", at=START)

    again = users.arrived(sent(mesh=("operator",)), after(days=1))

    assert again is not None
    assert again.disabled_at == START


def test_when_a_token_was_used_is_written_once_an_hour(database):
    tokens = TokenStore(database)
    made, secret = tokens.create(
        kind="personal", owner="ada", label="x", domain=None, actions=None, at=START, expires_at=after(days=9)
    )
    seen = []

    for minutes in (0, 30, 59, 61):
        tokens.holder(secret, after(minutes=minutes))
        found = tokens.token(made.token_id)
        assert found is not None
        seen.append(found.used_at)

    assert seen == [START, START, START, after(minutes=61)]


def test_members_are_those_of_the_registered_domains_as_soon_as_these_change(database):
    members = Members(database)
    assert members.roles(["ada"]) == {}

    put_domain(database, "sales", [{"user": "ada", "roles": ["Product Owner", "steward"]}], subject="sales.orders")
    assert members.roles(["ada"]) == {"sales": {"product_owner", "steward"}}
    put_domain(database, "crew", [{"user": "ada", "roles": ["owner"]}, {"user": "bob"}], subject="domain:crew")
    assert members.roles(["ada"]) == {"sales": {"product_owner", "steward"}, "crew": {"owner"}}
    put_domain(database, "sales", [{"user": "team:pricing", "roles": ["developer"]}], subject="sales")
    assert members.roles(["ada"]) == {"crew": {"owner"}}
    assert members.roles(["ada", "team:pricing"]) == {"crew": {"owner"}, "sales": {"developer"}}
    assert Members(database).roles(["ada", "team:pricing"]) == {"crew": {"owner"}, "sales": {"developer"}}


def test_members_keep_their_roles_while_another_thread_follows_the_log(database):
    mine = [{"user": user, "roles": ["owner"]} for user in ("ada", *(f"user{n}" for n in range(1000)))]
    put_domain(database, "sales", mine, subject="sales")
    members, others = Members(database), list[threading.Thread]()
    members.roles(["ada"])

    def asked() -> Iterator[str]:
        put_domain(database, "sales", mine, subject="sales")
        other = threading.Thread(target=members.roles, args=[["bob"]])
        other.start()
        until = time.monotonic() + 0.5
        while other.is_alive() and "ada" in members._by_member and time.monotonic() < until:
            pass
        yield "ada"
        others.append(other)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        found = members.roles(asked())
        others[0].join()
    finally:
        sys.setswitchinterval(before)

    assert found == {"sales": {"owner"}}


def test_domains_are_not_read_again_when_nothing_of_theirs_has_moved(database):
    put_domain(database, "sales", [{"user": "ada", "roles": ["owner"]}], subject="sales.orders")
    members = Members(database)
    members.roles(["ada"])

    with database.writing() as statements:  # without an event, which no code of ours does
        statements.run("DELETE FROM domains")
        append(SqlTables(statements), START, "token.created", "ada", "token:sales", {})

    assert members.roles(["ada"]) == {"sales": {"owner"}}
    put_domain(database, "crew", [{"user": "ada", "roles": ["owner"]}], subject="crew")
    assert members.roles(["ada"]) == {"sales": {"owner"}, "crew": {"owner"}}


def test_many_events_at_once_are_followed_as_well_as_few(database):
    members = Members(database)
    members.roles(["ada"])
    put_domain(database, "sales", [{"user": "ada", "roles": ["owner"]}], subject="sales.orders")
    with database.writing() as statements:
        for _ in range(600):
            append(SqlTables(statements), START, "run.started", "ada", "run-1", {})
    put_domain(database, "crew", [{"user": "ada", "roles": ["owner"]}], subject="crew.roster")

    assert members.roles(["ada"]) == {"sales": {"owner"}, "crew": {"owner"}}
