"""The verbs beside publishing, over both ways to them: a registry's own database, and the server that has it."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from tests.conformance.notices.stories import Clock, publish
from tests.meshes import with_model_by_time
from tests.receivers import Receiver, receiving
from weft.access.permissions import Role
from weft.api.database_verbs import DatabaseVerbs
from weft.api.platform import Platform, open_platform
from weft.api.server_verbs import ServerVerbs
from weft.api.verbs import Verbs, is_backfill_over, open_verbs, verbs_of
from weft.catalog.looks import Within
from weft.config import load_settings
from weft.errors import AccessDenied, Conflict, TransientError, UsageError, WeftError
from weft.plan.keeping import window
from weft.registry.job_rows import add_lines
from weft.registry.meters import Meter
from weft.registry.queue import Queue
from weft.server.app import create_app
from weft.wiring import Rooms

SLOW = {
    "id": "orders",
    "slaProperties": [{"property": "latency", "value": 4, "unit": "h"}],
    "schema": [{"name": "orders"}],
}
JANUARY = window(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2026, 1, 4, tzinfo=dt.UTC))
A_DAY = dt.timedelta(days=1)


@dataclass
class Company:
    """A mesh with `sales.orders`, and the verbs on it as they are reached."""

    platform: Platform
    clock: Clock
    verbs: Verbs

    def tells(self, job_id: str, *lines: str, over: bool = True) -> None:
        """Has a worker run a job that tells something."""
        with self.platform.database.writing() as statements:
            queue = Queue(statements)
            claimed = queue.claim("w", self.clock(), dt.timedelta(hours=1))
            assert claimed is not None
            assert claimed.job_id == job_id
            add_lines(statements, job_id, [(self.clock(), line) for line in lines], 10_000)
            if over:
                queue.finish(job_id, claimed.fence, {"published": ["x"], "failed": []}, self.clock())


@contextmanager
def listening(platform: Platform, port: int = 0) -> Iterator[int]:
    """A web server over a platform; gives its port."""
    server = uvicorn.Server(uvicorn.Config(create_app(platform), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


def token(platform: Platform, owner: str) -> str:
    return platform.identity.tokens.create(
        kind="personal",
        owner=owner,
        label="test",
        domain=None,
        actions=None,
        at=platform.rooms.now(),
        expires_at=platform.rooms.now() + dt.timedelta(days=9),
    )[1]


def elsewhere(folder: Path, number: int) -> Path:
    """A repository whose registry is a server's."""
    folder.mkdir(exist_ok=True)
    (folder / "weft.toml").write_text(f'[mesh]\nname = "sales"\nregistry = "http://127.0.0.1:{number}"\n')
    return folder


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[tuple[Platform, Clock]]:
    clock = Clock()
    root = tmp_path / "company"
    root.mkdir()
    (root / "key").write_text("a long random text")
    settings = '[notices]\nallow_hosts = ["127.0.0.1"]\nsigning_key = { file = "key" }\n'
    (root / "weft.toml").write_text(f'[mesh]\nname = "company"\n{settings}')
    with_model_by_time(root, "sales.orders")
    made = open_platform(root, clock)
    publish(made.rooms.production, clock, contract=SLOW)
    yield made, clock
    made.close()


@pytest.fixture(params=["database", "server"])
def company(request, platform, tmp_path, monkeypatch) -> Iterator[Company]:
    made, clock = platform
    with ExitStack() as held:
        folder = tmp_path / "company"
        if request.param == "server":
            made.identity.user_verbs.add("ann", None, [Role.OPERATOR.value], actor="ann")
            monkeypatch.setenv("WEFT_TOKEN", token(made, "ann"))
            folder = elsewhere(tmp_path / "sales", held.enter_context(listening(made)))
        verbs = verbs_of(Rooms(load_settings(folder), clock))
        held.callback(verbs.close)
        assert isinstance(verbs, ServerVerbs if request.param == "server" else DatabaseVerbs)
        yield Company(made, clock, verbs)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


def refused(asked: Callable[[], Any]) -> tuple[type[WeftError], str]:
    """The class and code with which something is refused."""
    with pytest.raises(WeftError) as found:
        asked()
    return type(found.value), found.value.diagnostics[0].code


def test_a_job_is_started_listed_heard_and_ended(company):
    jobs = company.verbs.jobs

    assert jobs.listed() == []
    first, again = jobs.start("sales.orders"), jobs.start("sales.orders")
    company.tells("job-1", "one", "two with a line\u2028and a next\u0085line", "drei ß 🙂")
    second = jobs.start("sales.orders")
    ended = jobs.cancel("job-2")

    assert (first["job_id"], first["state"], first["cause"]) == ("job-1", "queued", "manual")
    assert again["job_id"] == "job-1"
    assert (ended["job_id"], ended["state"]) == ("job-2", "cancelled")
    assert [j["job_id"] for j in jobs.listed()] == ["job-2", "job-1"]
    assert [j["job_id"] for j in jobs.listed(states=["succeeded"])] == ["job-1"]
    assert jobs.listed(product="sales.returns") == []
    assert [j["job_id"] for j in jobs.listed(limit=1)] == ["job-2"]
    assert jobs.one("job-1")["result"] == {"published": ["x"], "failed": []}
    assert jobs.one("job-2").keys() == second.keys()
    told = list(jobs.log("job-1", follow=True))
    assert [(x["number"], x["line"]) for x in told] == [
        (1, "one"),
        (2, "two with a line\u2028and a next\u0085line"),
        (3, "drei ß 🙂"),
    ]
    assert told[0]["at"] == company.clock().isoformat()


def test_a_log_that_is_followed_goes_on_until_the_job_is_over(company):
    company.verbs.jobs.start("sales.orders")
    company.tells("job-1", "begins", over=False)

    def end() -> None:
        with company.platform.database.writing() as statements:
            add_lines(statements, "job-1", [(company.clock(), "ends")], 10_000)
            Queue(statements).finish("job-1", 1, {}, company.clock())

    told = []
    for line in company.verbs.jobs.log("job-1", follow=True):
        told.append(line["line"])
        if told == ["begins"]:
            end()
    assert told == ["begins", "ends"]


def test_what_is_no_job_product_or_backfill_is_refused_with_the_same_words(company):
    jobs = company.verbs.jobs
    jobs.start("sales.orders")
    jobs.cancel("job-1")

    assert refused(lambda: jobs.one("job-9")) == (UsageError, "WFT-RUN-041")
    assert refused(lambda: jobs.one("..")) == (UsageError, "WFT-RUN-041")
    assert refused(lambda: jobs.cancel("job-1")) == (UsageError, "WFT-RUN-043")
    assert refused(lambda: list(jobs.log("job-9"))) == (UsageError, "WFT-RUN-041")
    assert refused(lambda: jobs.start("sales.ordres")) == (UsageError, "WFT-RUN-040")
    assert refused(lambda: jobs.progress("backfill-9")) == (UsageError, "WFT-RUN-041")
    assert refused(lambda: jobs.cancel_backfill("backfill-9")) == (UsageError, "WFT-RUN-041")
    assert refused(lambda: jobs.pause("sales.orders")) == (UsageError, "WFT-RUN-047")
    assert refused(lambda: jobs.backfill("sales.orders", window(None, JANUARY.end), A_DAY)) == (
        UsageError,
        "WFT-RUN-046",
    )


def test_a_backfill_is_begun_watched_ended_and_gone_on_with(company):
    jobs = company.verbs.jobs

    begun = jobs.backfill("sales.orders", JANUARY, dt.timedelta(hours=36))
    company.tells("job-1")
    halfway = jobs.progress(begun["backfill"])
    ended = jobs.cancel_backfill(begun["backfill"])
    again = jobs.backfill("sales.orders", JANUARY, dt.timedelta(hours=36))
    short = jobs.backfill("sales.orders", JANUARY, dt.timedelta(minutes=1440 * 3 // 100))

    assert (begun["product"], begun["states"], begun["resumed"]) == ("sales.orders", {"queued": 2}, 0)
    assert halfway["states"] == {"queued": 1, "succeeded": 1}
    assert ended["states"] == {"cancelled": 1, "succeeded": 1}
    assert [is_backfill_over(one) for one in (begun, halfway, ended, again)] == [False, False, True, False]
    assert (again["backfill"], again["states"], again["resumed"]) == (
        begun["backfill"],
        {"queued": 1, "succeeded": 1},
        1,
    )
    assert short["pieces"] == 101
    assert jobs.listed(limit=1)[0]["backfill"] == short["backfill"]
    assert [one["backfill"] for one in jobs.backfills(product="sales.orders")] == [
        short["backfill"],
        begun["backfill"],
    ]
    assert jobs.backfills(domain="other") == []


def test_more_jobs_than_a_page_holds_are_listed(company):
    jobs = company.verbs.jobs
    jobs.backfill("sales.orders", window(JANUARY.start, JANUARY.start + dt.timedelta(seconds=1200)), A_DAY / 86400)

    found = [job["job_id"] for job in jobs.listed(limit=1150)]

    assert found == [f"job-{n}" for n in range(1200, 50, -1)]


def test_schedules_are_listed_paused_and_resumed(company):
    company.verbs.jobs.schedules()  # from now on schedules count
    level = {"property": "frequency", "value": 1, "unit": "d", "schedule": "0 9 * * *"}
    publish(company.platform.rooms.production, company.clock, contract={**SLOW, "slaProperties": [level]})

    (before,) = company.verbs.jobs.schedules()
    paused = company.verbs.jobs.pause("sales.orders")
    resumed = company.verbs.jobs.resume("sales.orders")

    assert (before["product"], before["schedule"]) == ("sales.orders", "0 9 * * * (UTC)")
    assert before["next_due"] == "2026-03-02T09:00:00+00:00"
    assert (paused["paused_by"] is not None, paused["next_due"]) == (True, None)
    assert resumed == before


def test_somebody_subscribes_is_told_and_unsubscribes(company, receiver):
    notices = company.verbs.notices

    made = notices.subscribe("sales.orders", receiver.url, kinds=["published"])
    mail = refused(lambda: notices.subscribe("sales.orders", "ada@example.com"))
    publish(company.platform.rooms.production, company.clock, contract=SLOW)
    assert company.platform.notices_step()["sent"] == 1
    (listed,) = notices.subscriptions()
    (delivery,) = notices.deliveries(state="sent", limit=5)

    assert receiver.requests[0].signed_with(made["secret"])
    assert mail == (AccessDenied, "WFT-OBS-009")
    assert listed == {k: v for k, v in made.items() if k != "secret"} | {"created_at": listed["created_at"]}
    assert (delivery["recipient"], delivery["state"]) == (made["subscription_id"], "sent")
    assert refused(lambda: notices.resend(delivery["delivery_id"])) == (UsageError, "WFT-OBS-008")
    assert len(notices.subscriptions(everybody=True)) == 1
    notices.unsubscribe(made["subscription_id"])
    assert notices.subscriptions() == []
    assert refused(lambda: notices.unsubscribe(made["subscription_id"])) == (UsageError, "WFT-OBS-008")


def test_a_wrong_subscription_is_refused_with_the_same_words(company):
    subscribe = company.verbs.notices.subscribe

    assert refused(lambda: subscribe("sales.orders", "https://169.254.169.254/")) == (UsageError, "WFT-OBS-004")
    assert refused(lambda: subscribe("sale", "https://example.com/x")) == (UsageError, "WFT-OBS-001")
    assert refused(lambda: subscribe("sales", "https://example.com/x", kinds=["x"])) == (UsageError, "WFT-OBS-001")
    assert refused(lambda: subscribe("sales", "https://example.com/x", digest="x")) == (UsageError, "WFT-OBS-003")


def test_what_was_given_up_is_sent_again(company, receiver):
    company.verbs.notices.subscribe("sales.orders", receiver.url, kinds=["published"])
    receiver.answer = lambda request: (410, {})
    publish(company.platform.rooms.production, company.clock, contract=SLOW)
    company.platform.notices_step()
    (dead,) = company.verbs.notices.deliveries(state="dead")
    receiver.answer = lambda request: (204, {})

    company.verbs.notices.resend(dead["delivery_id"])
    company.platform.notices_step()

    assert [d["state"] for d in company.verbs.notices.deliveries()] == ["sent"]
    assert receiver.ids == [dead["delivery_id"]] * 2


def test_owners_are_spared_and_told_again(company):
    notices = company.verbs.notices

    notices.mute("sales", "*")
    notices.mute("sales", "sales.orders")
    muted = notices.mutes()
    notices.mute("sales", "*", off=True)

    assert muted == [{"domain": "sales", "subject": "*"}, {"domain": "sales", "subject": "sales.orders"}]
    assert notices.mutes() == [{"domain": "sales", "subject": "sales.orders"}]
    assert refused(lambda: notices.mute("sales", "nowhere")) == (UsageError, "WFT-OBS-001")


def test_somebody_looks_after_an_incident(company):
    incidents = company.verbs.incidents
    assert incidents.listed() == []
    company.clock.move(hours=5)
    company.platform.notices_step()

    (found,) = incidents.listed(domain="sales")
    incidents.acknowledge(found["incident_id"])
    incidents.comment(found["incident_id"], "the source moved")
    acknowledged = incidents.one(found["incident_id"])
    incidents.close(found["incident_id"], "no harm")

    assert found["subject"] == "sales.orders.orders@1"
    assert acknowledged["state"] == "acknowledged"
    assert [line["kind"] for line in acknowledged["timeline"]] == ["opened", "acknowledged", "comment"]
    assert (incidents.listed(), incidents.listed(domain="sales")) == ([], [])
    assert [one["state"] for one in incidents.listed(closed=True)] == ["closed"]
    assert refused(lambda: incidents.comment(found["incident_id"], "late")) == (Conflict, "WFT-OBS-010")
    assert refused(lambda: incidents.one("i-0")) == (UsageError, "WFT-OBS-008")
    assert refused(lambda: incidents.listed(domain="slaes")) == (UsageError, "WFT-OBS-001")


def test_usage_is_told_apart_as_one_asks(company):
    at = company.clock()
    company.platform.usage.store.add([Meter(at, "cpu_seconds", 1.5, "sales.orders", "sales.orders", "build")])
    day = at.date().isoformat()

    found = company.verbs.usage(domain="sales", by=["product", "purpose"], first=day, last=day)

    assert found["usage"] == [{"product": "sales.orders", "purpose": "build", "kind": "cpu_seconds", "amount": 1.5}]
    assert (found["first"], found["last"], "cpu_seconds" in found["meanings"]) == (day, day, True)
    assert company.verbs.usage(by=["kind"], first=day, last=day)["usage"] == [{"kind": "cpu_seconds", "amount": 1.5}]
    assert refused(lambda: company.verbs.usage(by=["colour"])) == (UsageError, "WFT-OBS-001")
    assert refused(lambda: company.verbs.usage(first="yesterday")) == (UsageError, "WFT-OBS-011")


def test_a_domain_is_given_other_bounds(company):
    unbound = company.verbs.quota("sales")

    first = company.verbs.bound("sales", most_bytes=5_000, most_products=None)
    second = company.verbs.bound("sales", most_bytes=None, most_products=7)

    assert (unbound["most_bytes"], unbound["most_products"], unbound["products"]) == (None, None, 1)
    assert (first["most_bytes"], first["most_products"]) == (5_000, 1_000), "the settings say the rest"
    assert (second["most_bytes"], second["most_products"]) == (5_000, 7)
    assert company.verbs.quota("sales") == second
    told = [e for e in company.platform.rooms.production.events() if e.kind == "domain.bounded"]
    assert [e.body["before"] for e in told] == [None, [5_000, 1_000]]
    assert refused(lambda: company.verbs.quota("nowhere")) == (UsageError, "WFT-SRV-043")
    assert refused(lambda: company.verbs.bound("nowhere", most_bytes=1, most_products=1)) == (UsageError, "WFT-SRV-043")


def test_a_search_finds_the_same(company):
    found = company.verbs.search("orders", Within(kind="port"), limit=5)

    assert [(hit.address, hit.kind) for hit in found.results] == [("sales.orders.orders@1", "port")]
    assert (found.total, found.complete, found.facets["domain"]) == (1, True, {"sales": 1})
    assert company.verbs.search("").facets["kind"]["product"] == 1
    assert refused(lambda: company.verbs.search("x", Within(kind="colour"))) == (UsageError, "WFT-CLI-001")
    assert refused(lambda: company.verbs.search("x", Within(domain="nowhere"))) == (UsageError, "WFT-CAT-001")


def test_whoever_may_not_is_told_so_by_the_server(platform, tmp_path, monkeypatch):
    made, _ = platform
    with listening(made) as number:
        verbs = open_verbs(elsewhere(tmp_path / "sales", number))
        assert refused(verbs.jobs.schedules) == (AccessDenied, "WFT-REG-021")
        monkeypatch.setenv("WEFT_TOKEN", token(made, "eve"))

        assert refused(lambda: verbs.jobs.start("sales.orders")) == (AccessDenied, "WFT-ACC-010")
        assert refused(lambda: verbs.notices.mute("sales", "*")) == (AccessDenied, "WFT-ACC-010")
        assert refused(lambda: verbs.usage(domain="sales")) == (AccessDenied, "WFT-ACC-010")
        assert refused(lambda: verbs.quota("sales")) == (AccessDenied, "WFT-ACC-010")
        assert refused(lambda: verbs.bound("sales", most_bytes=1, most_products=1)) == (AccessDenied, "WFT-ACC-010")
        verbs.close()
    assert made.jobs.listed() == []


def test_a_log_that_breaks_off_is_heard_on_when_the_server_is_there_again(platform, tmp_path, monkeypatch):
    made, clock = platform
    made.identity.user_verbs.add("ann", None, [Role.OPERATOR.value], actor="ann")
    monkeypatch.setenv("WEFT_TOKEN", token(made, "ann"))
    company = Company(made, clock, open_verbs(tmp_path / "company"))
    made.jobs.start("sales.orders", "ann")
    company.tells("job-1", *(f"line {n}" for n in range(2500)), over=False)
    told = []
    with listening(made) as number:
        verbs = open_verbs(elsewhere(tmp_path / "sales", number))
        log = verbs.jobs.log("job-1", follow=True)
        told += [next(log)["line"] for _ in range(2500)]
    with made.database.writing() as statements:
        add_lines(statements, "job-1", [(clock(), "the last line")], 10_000)
        Queue(statements).finish("job-1", 1, {}, clock())
    with listening(made, number):
        told += [line["line"] for line in log]
        verbs.close()

    assert told == [*(f"line {n}" for n in range(2500)), "the last line"]


def test_a_server_that_is_away_is_told_by_its_address(tmp_path, monkeypatch):
    monkeypatch.setenv("WEFT_TOKEN", "x")
    verbs = open_verbs(elsewhere(tmp_path / "sales", 9))

    with pytest.raises(TransientError, match=r"http://127\.0\.0\.1:9"):
        verbs.jobs.start("sales.orders")
    verbs.close()
