"""What every registry keeps; and at the end what the one in an SQLite file keeps beside."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.over_http import over_http
from tests.servers import registry_database
from weft.errors import AccessDenied, Conflict, PlatformError, ProjectError, error
from weft.model.address import Address, ProductAddress, parse_address
from weft.model.checks import CheckCounts, CheckResult, CheckSeverity, Outcome, Rule
from weft.model.column import Column
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.publication import ColumnStatistics, DataFile, Digests, Expired, KeptTable, Manifest, Publication
from weft.model.records import Batch, DomainRecord, PortOutcome, ProductRecord, Publish, Run, RunState
from weft.registry import log, processes
from weft.registry.base import Registry, read_all_events
from weft.registry.memory import MemoryRegistry
from weft.registry.postgres import PostgresRegistry
from weft.registry.sql_tables import SqlTables
from weft.registry.sqlite import SqliteRegistry

A, B = parse_address("sales.orders.orders@1"), parse_address("sales.orders.totals@1")
NEXT = parse_address("sales.orders.orders@2")
PRODUCT = ProductAddress("sales", "orders")
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(params=["memory", "sqlite", "postgresql", "http"])
def opened(request, tmp_path) -> Iterator[Callable[[], Registry]]:
    """Opens the same registry, as often as it is asked: in memory, a file, an empty database, a server."""
    if request.param == "memory":
        made = MemoryRegistry()
        yield lambda: made
    elif request.param == "sqlite":
        yield lambda: SqliteRegistry(tmp_path / "registry.db")
    elif request.param == "http":
        with over_http(tmp_path) as opens:
            yield opens
    else:
        with registry_database(request.getfixturevalue("postgres")) as url:
            yield lambda: PostgresRegistry(url)


@pytest.fixture
def registry(opened) -> Iterator[Registry]:
    made = opened()
    yield made
    made.close()


@pytest.fixture
def another(registry, opened) -> Iterator[Registry]:
    """The same registry for somebody else: another connection, or what there is in memory."""
    made = opened()
    yield made
    made.close()


def at(minutes: int) -> dt.datetime:
    return START + dt.timedelta(minutes=minutes)


ID = {"name": "id", "logicalType": "integer", "physicalType": "BIGINT", "classification": "internal"}


def publication(address: Address, snapshot: str, minutes: int = 0, **changes) -> Publication:
    fields = {
        "address": address,
        "snapshot_id": snapshot,
        "run_id": f"run-{snapshot}",
        "version": f"{address.major}.0.0",
        "status": "active",
        "contract": {"id": str(address), "schema": [{"name": address.port, "properties": [ID]}]},
        "digests": Digests(f"f{snapshot}", "r", "t"),
        "manifest": Manifest(
            (Column("id", "BIGINT", 1, "id", True),),
            (DataFile("a/b.parquet", 3, 99, {1: ColumnStatistics(0, "1", "3", 7)}),),
        ),
        "checks": CheckCounts(passed=2, warned=1),
        "published_at": at(minutes),
        "published_by": "ann",
        "upstream": {"x.y.z@1": "5"},
        "parts": {"sql": snapshot},
    }
    return Publication(**(fields | changes))


def check(identity: str, samples=()) -> CheckResult:
    return CheckResult(
        identity, Rule.RANGE, "id", None, CheckSeverity.ERROR, Outcome.FAILED, 1, 3, "≥ 1", "1 row", None, samples
    )


def publish(registry, *publications: Publication, requires=None, edges=(), owner="mesh", **changes):
    """Publishes in a run of its own, whose id says after which event, unless one is given."""
    fields = {
        "domain": DomainRecord("sales", "Sales", "source-aligned", None, "Sales", None, {"name": "sales"}),
        "product": ProductRecord(PRODUCT, "Orders", "active", "why", ("t",), owner, ("x.y.z@1",), {"id": "1"}),
        "publications": publications,
        "requires": requires or {},
        "checks": {},
        "edges": edges,
        "run_id": f"r{registry.last_event()}",
        "actor": "ann",
        "at": publications[0].published_at if publications else START,
    }
    return registry.publish(Publish(**(fields | changes)))


def test_what_a_product_reads_that_is_open_is_granted_once_with_its_publication(registry):
    upstream = parse_address("fleet.aircraft.planes@1")
    secret = parse_address("fleet.aircraft.crew@1")
    for address, level in ((upstream, "public"), (secret, "confidential")):
        columns = [{"name": "id", "classification": level}]
        publish(
            registry,
            publication(address, "1", contract={"schema": [{"name": "t", "properties": columns}]}),
            domain=DomainRecord("fleet", "Fleet", "source-aligned", None, "Fleet", None, {"name": "fleet"}),
            product=ProductRecord(upstream.of_product, "Aircraft", "active", None, (), "mesh", (), {"id": "2"}),
        )
    reads = (str(secret), str(upstream), "nobody.has.this@1")
    reader = ProductRecord(PRODUCT, "Orders", "active", None, (), "mesh", reads, {"id": "1"})

    publish(registry, publication(A, "1"), product=reader)
    publish(registry, publication(A, "2"), product=reader)

    granted = [(e.subject, e.body["product"]) for e in read_all_events(registry) if e.kind == "access.granted"]
    assert granted == [(str(upstream), str(PRODUCT))]


def test_an_empty_registry_answers_with_nothing(registry):
    assert registry.ports() == {}
    assert registry.port(A) is None
    assert registry.publication(A) is None
    assert registry.last_event() == 0
    assert registry.verify_log() == 0


def test_what_is_published_is_read_back_whole(registry):
    one = publication(A, "1")

    [numbered] = publish(registry, one)

    assert numbered.revision == 1
    assert registry.publication(A) == numbered
    state = registry.port(A)
    assert (state.snapshot_id, state.rows, state.columns) == ("1", 3, one.manifest.columns)
    assert registry.products()[PRODUCT].reads == ("x.y.z@1",)
    assert registry.domains()["sales"].owner_team == "Sales"
    assert registry.consumers(parse_address("x.y.z@1")) == [PRODUCT]


def test_all_ports_move_together_or_none(registry):
    publish(registry, publication(A, "1"), publication(B, "1"))

    with pytest.raises(Conflict) as caught:
        publish(registry, publication(A, "2"), publication(B, "2"), requires={str(A): 1, str(B): 7})

    assert [str(B) in d.what for d in caught.value.diagnostics] == [True]
    assert {registry.port(A).snapshot_id, registry.port(B).snapshot_id} == {"1"}
    assert registry.last_event() == 1


def test_a_failure_in_the_middle_of_a_publication_moves_nothing(registry):
    publish(registry, publication(A, "1"), edges=[edge("s.o.raw.a", f"{A}.a")])
    unwritable = ProductRecord(PRODUCT, "Orders", "active", None, (), "mesh", (), {("no", "JSON"): "key"})

    with pytest.raises(TypeError):
        publish(registry, publication(A, "2"), product=unwritable, edges=[edge("s.o.raw.b", f"{A}.a")])

    assert registry.port(A).snapshot_id == "1"
    assert len(registry.history(A)) == 1
    assert registry.nodes_of("s.o.raw") == ["s.o.raw.a"]
    assert registry.last_event() == registry.verify_log() == 1


def test_an_address_has_one_owner(registry):
    publish(registry, publication(A, "1"))

    with pytest.raises(AccessDenied):
        publish(registry, publication(A, "2"), owner="another mesh")


def test_the_first_major_is_the_default_until_its_owner_moves_it(registry):
    publish(registry, publication(A, "1"))
    publish(registry, publication(NEXT, "2"))
    assert registry.port(Address("sales", "orders", "orders")).address == A

    registry.set_default(NEXT, actor="ann", at=at(1))

    assert registry.port(Address("sales", "orders", "orders")).address == NEXT


def test_majors_that_are_published_together_have_the_default_that_the_product_says(registry):
    publish(registry, publication(A, "1"), publication(NEXT, "2"), defaults=[NEXT])
    assert registry.port(Address("sales", "orders", "orders")).address == NEXT

    publish(registry, publication(A, "3"), defaults=[A])

    assert registry.port(Address("sales", "orders", "orders")).address == NEXT


def test_a_port_that_is_published_after_all_others_were_retired_is_the_default(registry):
    publish(registry, publication(A, "1"))
    registry.retire([A], actor="ann", run_id="r", at=at(1))
    assert registry.port(Address("sales", "orders", "orders")).retired

    publish(registry, publication(NEXT, "2", 2))

    assert registry.port(Address("sales", "orders", "orders")).address == NEXT


def test_a_port_that_is_published_again_is_no_longer_retired(registry):
    publish(registry, publication(A, "1"), publication(B, "1"), retire=[])
    publish(registry, publication(B, "2", 1), retire=[A])
    assert {a: s.retired for a, s in registry.ports().items()} == {A: True, B: False}

    publish(registry, publication(A, "3", 2))

    assert not registry.port(A).retired
    assert registry.port(A).revision == 2


def test_a_retired_port_stays_in_the_registry_and_hands_its_default_on(registry):
    publish(registry, publication(A, "1"))
    publish(registry, publication(NEXT, "2"))

    registry.retire([A], actor="ann", run_id="r", at=at(1))

    assert registry.port(A).retired
    assert registry.port(Address("sales", "orders", "orders")).address == NEXT


def test_a_rollback_pins_and_holds_against_what_was_replaced_until_released(registry):
    publish(registry, publication(A, "1"))
    publish(registry, publication(A, "2", 1))
    back = publication(A, "1", 2, parts={"sql": "1"})

    registry.rollback(back, expected_revision=2, reason="bad rows", actor="ann", at=at(2))

    state = registry.port(A)
    assert (state.snapshot_id, state.pinned, state.held, state.revision) == ("1", "bad rows", {"sql": "2"}, 3)
    registry.release(A, actor="ann", at=at(3))
    assert registry.port(A).pinned is None


def test_a_rollback_of_a_port_that_moved_is_a_conflict(registry):
    publish(registry, publication(A, "1"))

    with pytest.raises(Conflict):
        registry.rollback(publication(A, "1"), expected_revision=7, reason="x", actor="ann", at=at(2))


def test_what_expires_is_marked_with_its_event_and_what_is_current_stays(registry, another):
    for number in "123":
        publish(registry, publication(A, number, int(number)))
    old = Expired(at(9), "kept for 30 days")

    marked = registry.expire(A, ["1", "2", "3"], old, actor="ann")

    assert marked == ("1", "2")
    assert [p.expired for p in another.history(A)] == [None, old, old]
    assert [p.rows for p in another.history(A)] == [publication(A, "1").rows] * 3
    (event,) = [e for e in another.events() if e.kind == "port.expired"]
    assert (event.subject, event.body) == (str(A), {"snapshots": ["1", "2"], "reason": "kept for 30 days"})
    assert registry.expire(A, ["1", "2"], Expired(at(10), "again"), actor="ann") == ()
    assert another.publication(A, "1").expired == old
    registry.verify_log()


def test_what_a_rollback_has_taken_up_again_does_not_expire_and_what_has_expired_is_not_taken_up(registry):
    publish(registry, publication(A, "1"))
    publish(registry, publication(A, "2", 1))
    publish(registry, publication(A, "3", 2))
    registry.rollback(publication(A, "1", 3), expected_revision=3, reason="bad rows", actor="ann", at=at(3))

    assert registry.expire(A, ["1", "2"], Expired(at(9), "old"), actor="ann") == ()

    registry.release(A, actor="ann", at=at(4))
    assert registry.expire(A, ["1", "2"], Expired(at(9), "old"), actor="ann") == ("2",)
    with pytest.raises(Conflict):
        registry.rollback(publication(A, "2", 5), expected_revision=4, reason="x", actor="ann", at=at(5))
    assert registry.port(A).snapshot_id == "1"


def test_a_publication_clears_the_pin(registry):
    publish(registry, publication(A, "1"))
    registry.rollback(publication(A, "1", 1), expected_revision=1, reason="x", actor="ann", at=at(1))

    publish(registry, publication(A, "3", 2))

    assert registry.port(A).pinned is None


def test_a_publication_that_keeps_the_rows_keeps_the_pin(registry):
    publish(registry, publication(A, "1"))
    publish(registry, publication(A, "2", 1, parts={"sql": "2"}))
    registry.rollback(publication(A, "1", 2), expected_revision=2, reason="bad rows", actor="ann", at=at(2))

    publish(registry, publication(A, "1", 3, status="deprecated"), kept=[A])

    state = registry.port(A)
    assert (state.status, state.pinned, state.held, state.revision) == ("deprecated", "bad rows", {"sql": "2"}, 4)


def test_a_time_finds_what_could_be_read_then(registry):
    publish(registry, publication(A, "1", 0))
    publish(registry, publication(A, "2", 10))

    assert registry.publication_at(A, at(5)).snapshot_id == "1"
    assert registry.publication_at(A, at(15)).snapshot_id == "2"
    assert registry.publication_at(A, at(-5)) is None
    assert [p.snapshot_id for p in registry.history(A)] == ["2", "1"]
    assert registry.publication(A, "1").snapshot_id == "1"


def edge(source: str, target: str) -> LineageEdge:
    return LineageEdge(source, target, EdgeKind.DIRECT, Transformation.IDENTITY)


def test_lineage_is_followed_both_ways_by_depth_and_private_models_are_no_hop(registry):
    edges = [
        edge("sales.orders.raw.a", "sales.orders.~clean.a"),
        edge("sales.orders.~clean.a", f"{A}.a"),
        edge(f"{A}.a", f"{B}.a"),
        edge(f"{B}.a", "x.y.z@1.a"),
    ]
    publish(registry, publication(A, "1"), edges=edges)

    one, cut = registry.lineage(["sales.orders.raw.a"], up=False, depth=1)
    assert {e.target for e in one} == {"sales.orders.~clean.a", f"{A}.a"}
    assert not cut
    every, _ = registry.lineage(["sales.orders.raw.a"], up=False, depth=9)
    assert len(every) == 4
    up, _ = registry.lineage(["x.y.z@1.a"], up=True, depth=9)
    assert len(up) == 4
    some, cut = registry.lineage(["sales.orders.raw.a"], up=False, depth=9, limit=2)
    assert cut
    assert len(some) <= 2
    assert registry.nodes_of(str(A)) == [f"{A}.a"]


def test_lineage_within_the_limit_is_whole_when_ways_to_a_node_differ_in_length(registry):
    nodes = [f"x.y.n{i}.a" for i in range(40)]
    edges = [edge(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 : i + 3]]
    publish(registry, publication(A, "1"), edges=edges)

    found, cut = registry.lineage(nodes[:1], up=False, depth=99, limit=len(edges))

    assert sorted(found) == sorted(edges)
    assert not cut
    assert registry.lineage(nodes[:1], up=False, depth=99, limit=len(edges) - 1)[1]
    assert registry.lineage(nodes[:1], up=False, depth=0) == ([], False)


def test_lineage_that_goes_round_has_an_end(registry):
    edges = [edge(f"{A}.a", f"{B}.a"), edge(f"{B}.a", "x.y.~m.a"), edge("x.y.~m.a", f"{A}.a")]
    publish(registry, publication(A, "1"), edges=edges)

    found, cut = registry.lineage([f"{A}.a"], up=True, depth=99)

    assert sorted(found) == sorted(edges)
    assert not cut


def test_lineage_of_a_rebuilt_port_replaces_the_former(registry):
    publish(registry, publication(A, "1"), edges=[edge("s.o.raw.a", f"{A}.a"), edge("s.o.raw.b", f"{A}.b")])

    publish(registry, publication(A, "2"), edges=[edge("s.o.raw.c", f"{A}.a")])

    assert {e.source for e in registry.lineage([f"{A}.a", f"{A}.b"], up=True, depth=3)[0]} == {"s.o.raw.c"}


def test_lineage_of_columns_with_any_name_is_replaced_and_followed(registry):
    odd = f'{A}."x.~y@1"'
    publish(registry, publication(A, "1"), edges=[edge('s.o.raw."a.b"', odd), edge(odd, f"{B}.c")])

    publish(registry, publication(A, "2"), edges=[edge("s.o.raw.c", odd)])

    assert {e.source for e in registry.lineage([odd], up=True, depth=3)[0]} == {"s.o.raw.c"}
    assert registry.lineage(["s.o.raw.c"], up=False, depth=1)[0] == [edge("s.o.raw.c", odd)]


def test_runs_are_found_by_port_newest_first_and_unfinished_ones_by_themselves(registry):
    for i in (1, 2):
        registry.start_run(
            Run(f"r{i}", "apply", "ann", RunState.RUNNING, at(i), ports=(PortOutcome(A, "planned"),), process="h:1:2")
        )
    done = Run(
        "r1", "apply", "ann", RunState.SUCCEEDED, at(1), at(3), ("sales",), (PortOutcome(A, "published", "7", 3, 0.5),)
    )

    registry.finish_run(done)

    assert [r.run_id for r in registry.runs(A)] == ["r2", "r1"]
    assert [r.run_id for r in registry.unfinished()] == ["r2"]
    assert registry.run("r1") == done
    assert registry.run("nothing") is None


def test_checks_that_are_recorded_again_come_without_the_samples_of_before(registry):
    publish(registry, publication(A, "1"), publication(B, "1"))  # rows of what is not there yet are nobody's to read
    registry.record_checks("r", A, [check("c", ({"id": 1},)), check("d")], at(0))
    registry.record_checks("r", B, [check("e", ({"id": 2},))], at(0))

    registry.record_checks("r", A, [check("c")], at(1))

    assert registry.checks("r") == {A: (check("c"),), B: (check("e", ({"id": 2},)),)}
    assert registry.checks("r", B) == {B: (check("e", ({"id": 2},)),)}
    assert registry.checks("nothing") == {}


def test_samples_of_checks_do_not_stand_in_the_log(registry):
    publish(registry, publication(A, "1"), checks={str(A): [check("c", ({"id": "secret-key"},))]}, run_id="r")

    assert registry.checks("r")[A] == (check("c", ({"id": "secret-key"},)),)
    assert "secret-key" not in str(registry.events())


def test_the_log_is_a_chain_that_is_read_page_by_page(registry):
    for i in range(3):
        publish(registry, publication(A, str(i), i))
    registry.release(A, actor="bob", at=at(4))

    events = list(read_all_events(registry, page=2))

    assert [e.seq for e in events] == [1, 2, 3, 4]
    assert [e.previous for e in events] == [log.BEGINNING, *(e.hash for e in events[:-1])]
    assert (events[-1].kind, events[-1].actor, events[-1].at) == ("port.released", "bob", at(4))
    assert registry.verify_log() == registry.last_event() == 4
    assert [e.seq for e in registry.events(1, 2)] == [2, 3]


def kept(model: str, snapshot: str) -> KeptTable:
    manifest = Manifest((Column("id", "BIGINT", 1, "id"),), (DataFile("a/b.parquet", 3, 99),))
    return KeptTable(PRODUCT, model, snapshot, f"run-{snapshot}", manifest, {"sql": snapshot})


def test_what_private_models_keep_moves_with_the_ports(registry):
    publish(registry, publication(A, "1"), tables=[(kept("seen", "7"), None)], models=["seen"])

    assert registry.kept_tables(PRODUCT) == [kept("seen", "7")]
    assert registry.kept_tables() == [kept("seen", "7")]
    assert registry.kept_tables(ProductAddress("other", "product")) == []
    assert list(registry.ports()) == [A]


def test_what_a_private_model_keeps_moves_only_from_the_snapshot_that_was_gone_on_from(registry):
    publish(registry, publication(A, "1"), tables=[(kept("seen", "7"), None)], models=["seen"])

    with pytest.raises(Conflict, match=r"what model `seen` of .* keeps moved"):
        publish(registry, publication(A, "2"), tables=[(kept("seen", "8"), "6")], models=["seen"])

    assert registry.kept_tables(PRODUCT) == [kept("seen", "7")]
    assert registry.port(A).snapshot_id == "1"


def test_what_a_model_kept_is_forgotten_when_it_keeps_nothing_any_more(registry):
    publish(registry, publication(A, "1"), tables=[(kept("seen", "7"), None), (kept("other", "8"), None)])

    publish(registry, publication(A, "2"), models=["other"])

    assert [t.model for t in registry.kept_tables(PRODUCT)] == ["other"]


def test_batches_are_there_until_they_are_dropped(registry, another):
    files = (DataFile("a/c.parquet", 5, 7, {1: ColumnStatistics(0, "1", "3", 7)}),)
    first, second = Batch("build", "2024", at(1), files), Batch("build", "2025", at(2), ())
    for batch in (second, first, Batch("other", "", at(3), ())):
        registry.keep_batch(batch)

    assert another.batches("build") == [first, second]
    assert len(another.batches()) == 3

    registry.drop_batches(["build", "unknown"])
    assert [b.build for b in another.batches()] == ["other"]


def test_what_another_registry_has_published_is_taken_over_as_it_is(registry):
    registry.adopt([publication(A, "9", 4)])

    assert registry.publication(A) == publication(A, "9", 4, revision=1)
    assert registry.port(A).default


def test_a_lock_is_held_by_one(registry, another):
    with (
        registry.lock("p", holder="one", timeout_s=1),
        pytest.raises(Conflict) as caught,
        another.lock("p", holder="two", timeout_s=0.1),
    ):
        pass
    assert caught.value.diagnostics[0].code == "WFT-REG-003"
    with another.lock("p", holder="two", timeout_s=1), registry.lock("q", holder="one", timeout_s=0.1):
        pass


def test_a_lock_is_freed_when_what_it_guards_fails(registry, another):
    with pytest.raises(ZeroDivisionError), registry.lock("p", holder="one", timeout_s=1):
        _ = 1 / 0

    with another.lock("p", holder="two", timeout_s=0):
        pass


def test_who_waits_for_a_lock_gets_it_when_it_is_free(registry, another):
    order = []

    def wait() -> None:
        with another.lock("p", holder="two", timeout_s=5):
            order.append("two")

    waiting = threading.Thread(target=wait)
    with registry.lock("p", holder="one", timeout_s=1):
        waiting.start()
        waiting.join(0.15)
        order.append("one")
    waiting.join(5)

    assert order == ["one", "two"]


def test_of_two_that_planned_on_the_same_revision_one_publishes(registry, another):
    publish(registry, publication(A, "0"))
    barrier, conflicts = threading.Barrier(2), []

    def run(mine: Registry, snapshot: str) -> None:
        barrier.wait()
        try:
            publish(mine, publication(A, snapshot, 1), requires={str(A): 1})
        except Conflict as e:
            conflicts.append(e)

    threads = [threading.Thread(target=run, args=(r, s)) for r, s in ((registry, "1"), (another, "2"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(conflicts) == 1
    assert len(registry.history(A)) == registry.verify_log() == 2


def test_what_is_read_does_not_change_with_what_was_handed_in_or_out(registry):
    contract = {"id": "c", "tags": ["a"]}
    publish(registry, publication(A, "1", contract=contract))

    contract["tags"].append("b")
    registry.publication(A).contract["tags"].append("c")
    registry.port(A).upstream["x"] = "y"
    registry.events()[0].body.clear()

    assert registry.publication(A).contract == registry.port(A).contract == {"id": "c", "tags": ["a"]}
    assert registry.port(A).upstream == {"x.y.z@1": "5"}
    assert registry.verify_log() == 1


def test_a_value_that_json_does_not_have_is_read_back_as_text(registry):
    publish(registry, publication(A, "1", contract={"since": dt.date(2026, 1, 1), "tags": ("a",)}))

    assert registry.publication(A).contract == {"since": "2026-01-01", "tags": ["a"]}


# the registry in an SQLite file


@pytest.fixture
def on_disk(tmp_path) -> Iterator[SqliteRegistry]:
    made = SqliteRegistry(tmp_path / "registry.db")
    yield made
    made.close()


def test_a_failure_of_sqlite_in_the_middle_of_a_transaction_moves_nothing(on_disk, tmp_path):
    publish(on_disk, publication(A, "1"))
    with sqlite3.connect(tmp_path / "registry.db") as db:
        db.execute("CREATE TRIGGER no_events BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END")

    with pytest.raises(PlatformError):
        publish(on_disk, publication(A, "2"))

    assert on_disk.port(A).snapshot_id == "1"
    assert len(on_disk.history(A)) == 1


def test_samples_of_checks_lie_in_a_table_whose_rows_can_be_erased(on_disk, tmp_path):
    samples = ({"id": "secret-key"},)

    publish(on_disk, publication(A, "1"), checks={str(A): [check("c", samples)]}, run_id="r")

    assert on_disk.checks("r")[A] == (check("c", samples),)
    with sqlite3.connect(tmp_path / "registry.db") as db:
        assert "secret-key" not in str(db.execute("select * from events").fetchall())
        db.execute("delete from samples")
    assert on_disk.checks("r", A)[A] == (check("c"),)


def test_the_log_is_a_chain_and_a_change_in_it_is_found(on_disk, tmp_path):
    for i in range(3):
        publish(on_disk, publication(A, str(i), i))
    assert on_disk.verify_log() == 3

    with sqlite3.connect(tmp_path / "registry.db") as db:
        db.execute("UPDATE events SET actor = 'eve' WHERE seq = 2")

    with pytest.raises(PlatformError) as caught:
        on_disk.verify_log()
    assert "event 2" in caught.value.diagnostics[0].what


class FailingOnce(SqliteRegistry):
    """Its next transaction fails when it is told so, as on a disk that is full."""

    fails = False

    @contextmanager
    def _transaction(self) -> Iterator[SqlTables]:
        if self.fails:
            self.fails = False
            raise PlatformError(error("WFT-STO-001", "no space left"))
        with super()._transaction() as tables:
            yield tables


def test_a_lock_that_could_not_be_given_back_fails_nothing_and_is_free_in_its_process(tmp_path):
    registry = FailingOnce(tmp_path / "registry.db")

    with registry.lock("p", holder="one", timeout_s=0):
        registry.fails = True

    with registry.lock("p", holder="two", timeout_s=0):
        pass
    with (
        registry.lock("p", holder="one", timeout_s=0),
        pytest.raises(Conflict),
        registry.lock("p", holder="two", timeout_s=0),
    ):
        pass


def test_a_lock_whose_process_is_dead_is_taken_over(on_disk, tmp_path):
    held = (
        "import os, sys\nfrom pathlib import Path\nfrom weft.registry.sqlite import SqliteRegistry\n"
        "with SqliteRegistry(Path(sys.argv[1])).lock('p', holder='dead', timeout_s=1):\n    os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", held, str(tmp_path / "registry.db")], check=True)

    with on_disk.lock("p", holder="alive", timeout_s=1):
        pass


def test_a_process_is_known_to_live_or_not():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    host, _, _ = processes.identity().rsplit(":", 2)
    try:
        assert processes.alive(processes.identity())
        assert not processes.alive(f"{host}:{child.pid}:1")
        assert processes.alive(f"elsewhere:{os.getpid()}:1")
        assert not processes.alive(None)
    finally:
        child.kill()
        child.wait()


def test_a_registry_of_a_newer_weft_is_refused_by_name(on_disk, tmp_path):
    with sqlite3.connect(tmp_path / "registry.db") as db:
        db.execute("PRAGMA user_version = 99")

    with pytest.raises(ProjectError) as caught:
        SqliteRegistry(tmp_path / "registry.db")

    assert caught.value.diagnostics[0].code == "WFT-REG-001"
    assert caught.value.exit_code == 2


def test_ports_asked_for_again_are_told_as_another_process_has_left_them(registry, another):
    publish(registry, publication(A, "1"), publication(B, "1"))
    before = registry.ports()

    publish(another, publication(A, "2", 5))
    another.retire([B], actor="ben", run_id="r2", at=at(6))
    after = registry.ports()

    assert [(s.snapshot_id, s.revision, s.retired) for s in before.values()] == [("1", 1, False), ("1", 1, False)]
    assert [(s.snapshot_id, s.revision, s.retired) for s in after.values()] == [("2", 2, False), ("1", 1, True)]
    assert after == {a: registry.port(a) for a in (A, B)}
