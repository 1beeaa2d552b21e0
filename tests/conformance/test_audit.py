"""The audit of reading, in an SQLite file and in a PostgreSQL alike."""

from __future__ import annotations

import datetime as dt
import threading

import pytest

from weft.access.principals import Principal, PrincipalKind
from weft.access.witness import Witness
from weft.errors import PlatformError
from weft.registry.audit import AuditStore, ReadBegun, ReadEnded, ReadPort
from weft.registry.audit_writer import AuditWriter

NOW = dt.datetime(2026, 3, 1, 9, tzinfo=dt.UTC)
PLANES = ReadPort("fleet.aircraft.planes@1", "7", ("tailnum",), {"owner": "hash"}, True, ("g-1",))
PORTS = ReadPort("shop.sales.orders@2", "8", ("id", "amount"))


@pytest.fixture
def audit(registry) -> AuditStore:
    return AuditStore(registry.database)


def begun(who: str = "ana", *ports: ReadPort, minutes: int = 0, purpose: str | None = "delays") -> ReadBegun:
    at = NOW + dt.timedelta(minutes=minutes)
    return ReadBegun(at, who, "http", ports or (PLANES,), purpose, "select tailnum from fleet.aircraft.planes")


def changed(registry, statement: str, *values: object) -> None:
    with registry.database.writing() as statements:
        assert statements.run(statement, values) > 0


def test_a_read_is_shown_with_its_columns_masks_purpose_and_end(audit):
    [read_id] = audit.write([begun()])
    (_, open_read), *others = audit.reads()
    audit.write([ReadEnded(read_id, NOW + dt.timedelta(seconds=2), "ana", "cut", 1000, 4096, 1.5)])
    [(_, closed)] = audit.reads()

    assert others == []
    assert open_read.ended is None
    assert closed.begun == begun()
    assert closed.as_json()["ports"] == [
        {
            "port": "fleet.aircraft.planes@1",
            "snapshot_id": "7",
            "clear": ["tailnum"],
            "masked": {"owner": "hash"},
            "filtered": True,
            "grants": ["g-1"],
        }
    ]
    assert (closed.as_json()["ended"], closed.as_json()["rows"], closed.as_json()["bytes"]) == ("cut", 1000, 4096)


def test_reads_are_found_by_port_domain_and_reader_page_by_page(audit):
    audit.write([begun("ana"), begun("ben", PORTS, minutes=1), begun("ana", PLANES, PORTS, minutes=2)])

    def readers(**asked) -> list[tuple[str, int]]:
        return [(one.begun.principal, len(one.begun.ports)) for _, one in audit.reads(**asked)]

    assert readers() == [("ana", 2), ("ben", 1), ("ana", 1)]
    assert readers(port="fleet.aircraft.planes@1") == [("ana", 2), ("ana", 1)]
    assert readers(domains=["shop"]) == [("ana", 1), ("ben", 1)]
    assert readers(domains=["sho"]) == readers(domains=[]) == []
    assert readers(principal="ben") == [("ben", 1)]
    [(second, _)] = audit.reads(limit=1, before=3)
    assert second == 2


def test_the_chain_holds_as_long_as_nobody_touches_it(audit):
    ids = audit.write([begun(minutes=n) for n in range(5)])
    audit.write([ReadEnded(one, NOW, "ana", "done", 1, 1, 0.1) for one in ids])

    assert audit.verify() == 10


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE audit SET actor = 'nobody' WHERE seq = 2", "record 2"),
        ("UPDATE audit SET at = '2020-01-01T00:00:00.000000+00:00' WHERE seq = 3", "record 3"),
        ("DELETE FROM audit WHERE seq = 2", "record 2"),
        ("DELETE FROM audit WHERE seq = 1", "record 1"),
        ("UPDATE audit_texts SET purpose = 'something else'", "texts of read"),
        ("UPDATE audit_texts SET query = 'select 1'", "texts of read"),
    ],
)
def test_what_is_changed_by_hand_is_found(registry, audit, statement, said):
    audit.write([begun(minutes=n) for n in range(3)])
    changed(registry, statement)

    with pytest.raises(PlatformError) as caught:
        audit.verify()

    assert caught.value.diagnostics[0].code == "WFT-REG-018"
    assert said in (caught.value.diagnostics[0].why or "")


def test_what_was_typed_can_be_erased_and_the_chain_still_holds(registry, audit):
    first, second = audit.write([begun(purpose="about somebody"), begun()])

    assert audit.erase([first, "unknown"]) == 1

    assert audit.verify() == 2
    told = {one.read_id: (one.begun.purpose, one.begun.query) for _, one in audit.reads()}
    assert told[first] == (None, None)
    assert told[second][0] == "delays"
    with registry.database.reading() as statements:
        bodies = " ".join(row[0] for row in statements.rows("SELECT body FROM audit"))
    assert "about somebody" not in bodies and "select" not in bodies


def test_many_readers_at_once_lose_nothing_and_write_together(registry, audit):
    class Counting(AuditStore):
        batches = 0

        def write(self, records):
            Counting.batches += 1
            return super().write(records)

    writer = AuditWriter(Counting(registry.database))
    ids: list[str] = []
    gate = threading.Barrier(20)

    def reader(number: int) -> None:
        gate.wait()
        for _ in range(5):
            read_id = writer.write(begun(f"r{number}"))
            ids.append(read_id)
            writer.write(ReadEnded(read_id, NOW, f"r{number}", "done", 1, 1, 0.1))

    threads = [threading.Thread(target=reader, args=(n,)) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(ids)) == 100
    assert audit.verify() == 200
    assert Counting.batches < 200
    assert all(one.ended is not None for _, one in audit.reads(limit=200))


def test_nobody_is_told_that_a_record_stands_which_could_not_be_written(registry):
    class Full(AuditStore):
        def write(self, records):
            raise PlatformError()

    with pytest.raises(PlatformError):
        AuditWriter(Full(registry.database)).write(begun())


def test_a_read_whose_end_cannot_be_written_down_is_one_without_end_and_breaks_nothing(registry, audit):
    class Away(AuditStore):
        def write(self, records):
            if isinstance(records[0], ReadEnded):
                raise PlatformError()
            return super().write(records)

    witness = Witness(AuditWriter(Away(registry.database)), lambda: NOW, "http", keeps_text=True)

    witness.begun(Principal("ana", PrincipalKind.USER), {}, "select 1")("done", 1, 1)

    [(_, read)] = audit.reads()
    assert (read.begun.principal, read.ended) == ("ana", None)
