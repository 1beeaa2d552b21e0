"""Every registry gives the same answers after the same story, event hashes included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.test_registry import NEXT, A, B, at, check, edge, publication, publish
from weft.errors import Conflict
from weft.model.address import Address, parse_address
from weft.model.records import PortOutcome, Run, RunState
from weft.registry.base import Registry
from weft.registry.memory import MemoryRegistry
from weft.registry.sqlite import SqliteRegistry

PORTS = (A, NEXT, B)
NODES = ("s.o.raw.a", "sales.orders.~m.a", f"{A}.a", f"{A}.b", f"{NEXT}.a", f"{B}.a")

Step = Callable[[Registry], object]


def published(
    address: Address, snapshot: str, minutes: int, expected: int | None, pairs: Iterable, retired: Sequence[Address]
) -> Step:
    changes = {
        "requires": {} if expected is None else {str(address): expected},
        "edges": [edge(*pair) for pair in pairs],
        "checks": {str(address): [check("c", ({"id": snapshot},) if minutes else ())]},
        "retire": retired,
        "defaults": [address],
    }
    return lambda registry: publish(registry, publication(address, snapshot, minutes), **changes)


def rolled_back(address: Address, snapshot: str, expected: int) -> Step:
    back = publication(address, snapshot)
    return lambda r: r.rollback(back, expected_revision=expected, reason="bad rows", actor="ann", at=at(1))


def released(address: Address) -> Step:
    return lambda r: r.release(address, actor="ann", at=at(1))


def retired(addresses: Sequence[Address]) -> Step:
    return lambda r: r.retire(addresses, actor="ann", run_id="r", at=at(1))


def default_moved(address: Address) -> Step:
    return lambda r: r.set_default(address, actor="ann", at=at(1))


def started(run_id: str, minutes: int, ports: Sequence[Address]) -> Step:
    outcomes = tuple(PortOutcome(p, "planned") for p in ports)
    return lambda r: r.start_run(Run(run_id, "apply", "ann", RunState.RUNNING, at(minutes), ports=outcomes))


def finished(run_id: str, minutes: int) -> Step:
    return lambda r: r.finish_run(Run(run_id, "apply", "ann", RunState.SUCCEEDED, at(minutes), at(minutes + 1)))


ports, some_ports = st.sampled_from(PORTS), st.lists(st.sampled_from(PORTS), max_size=2)
snapshots, minutes, runs = st.sampled_from("123"), st.integers(0, 9), st.sampled_from(["r1", "r2", "r3"])
pairs = st.lists(st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)), max_size=3)
steps = st.one_of(
    st.builds(published, ports, snapshots, minutes, st.none() | st.integers(0, 3), pairs, some_ports),
    st.builds(rolled_back, ports, snapshots, st.integers(1, 3)),
    st.builds(released, ports),
    st.builds(retired, some_ports),
    st.builds(default_moved, ports),
    st.builds(started, runs, minutes, some_ports),
    st.builds(finished, runs, minutes),
)


def refusals(registry: Registry, story: Iterable[Step]) -> list:
    """Takes all steps, and gives the conflicts that came."""
    found = []
    for step in story:
        try:
            step(registry)
        except Conflict as e:
            found.append(e.diagnostics)
    return found


def runs_of(registry: Registry) -> list[str]:
    """The runs under which `publish` may have published."""
    return [f"r{number}" for number in range(registry.last_event() + 1)]


def answers(registry: Registry) -> dict[str, object]:
    """What the registry says when it is asked everything."""
    around = [
        registry.lineage([node], up=up, depth=depth) for node in NODES for up in (True, False) for depth in (1, 2, 9)
    ]
    return {
        "ports": list(registry.ports().items()),
        "port": [registry.port(p) for p in (*PORTS, parse_address(A.unpinned))],
        "publication": [registry.publication(p, s) for p in PORTS for s in (None, "1", "2")],
        "publication_at": [registry.publication_at(p, at(m)) for p in PORTS for m in (0, 3, 6)],
        "history": [registry.history(p) for p in PORTS],
        "products": list(registry.products().items()),
        "domains": list(registry.domains().items()),
        "consumers": registry.consumers(parse_address("x.y.z@1")),
        "lineage": [(sorted(edges), cut) for edges, cut in around],
        "cut": [registry.lineage([node], up=True, depth=9, limit=2)[1] for node in NODES],
        "nodes_of": [registry.nodes_of(str(p)) for p in PORTS],
        "runs": [registry.runs(), registry.runs(limit=1), *(registry.runs(p) for p in PORTS)],
        "run": [registry.run(r) for r in ("r1", "r2")],
        "unfinished": registry.unfinished(),
        "checks": [(list(registry.checks(r).items()), registry.checks(r, A)) for r in runs_of(registry)],
        "events": [registry.events(), registry.events(2, 2), registry.last_event(), registry.verify_log()],
    }


@settings(max_examples=60)
@given(st.lists(steps, max_size=12))
def test_after_any_story_the_registry_in_memory_answers_as_the_one_on_disk(tmp_path_factory, story):
    on_disk, in_memory = SqliteRegistry(tmp_path_factory.mktemp("story") / "registry.db"), MemoryRegistry()

    assert refusals(in_memory, story) == refusals(on_disk, story)

    assert answers(in_memory) == answers(on_disk)
    on_disk.close()
