"""Large answers lie in memory that is lent for them: whole, bounded, nobody else's, and gone when they are."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections import deque
from pathlib import Path

import pyarrow as pa
import pytest

from tests.unit.access.reading.worlds import READER, World, readers_in
from weft.access.query_places import placed
from weft.access.reading.asking import Question
from weft.access.reading.collecting import ArrowAnswer, Gathered, collected
from weft.access.reading.shared_memory import SEGMENT_BYTES, SEGMENTS, Borrower, Lender
from weft.access.reading.wire import Form
from weft.errors import UserCodeError

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory without a name is lent on Linux alone")

LARGE = "select range as n, range * 2 as twice, 'text ' || range as t from range(2000000)"
ENDLESS = "select range as n, range * 2 as twice from range(100000000000)"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"), "A", 10)


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    made = readers_in(tmp_path_factory.mktemp("readers"), size_bytes=None)
    yield made
    made.close()


def ask(readers, world, sql, form=Form.ARROW):
    return readers.ask(world, READER, Question(sql, form), placed)


def lent() -> int:
    """Pieces of memory for answers that this process has open."""
    gc.collect()
    links = []
    for found in Path("/proc/self/fd").iterdir():
        try:
            links.append(os.readlink(found))
        except OSError:
            continue
    return sum("weft-answer" in link for link in links)


def pipes() -> int:
    gc.collect()
    return sum(
        os.path.realpath(found).rpartition("/")[2].startswith("pipe:") for found in Path("/proc/self/fd").iterdir()
    )


def resident_mb(pid: int | str) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def until_lent(parts) -> list[memoryview]:
    """Takes parts until one lies in memory that was lent."""
    for part in parts:
        if isinstance(part, memoryview):
            return [part]
    raise AssertionError("nothing was lent")


def test_a_large_answer_has_all_its_rows_in_their_order_and_leaves_nothing_open(readers, world):
    before = pipes()
    streamed = ask(readers, world, LARGE)
    kinds = set()

    def parts():
        for part in streamed.answer.parts():
            kinds.add(type(part))
            yield part
            del part

    seen = 0
    for batch in ArrowAnswer(parts()).batches():
        assert batch["n"][0].as_py() == seen
        assert batch["t"][-1].as_py() == f"text {seen + batch.num_rows - 1}"
        seen += batch.num_rows
    del batch

    assert (seen, kinds) == (2_000_000, {bytearray, memoryview})
    assert (lent(), pipes()) == (0, before)


def test_a_small_answer_is_lent_nothing(readers, world):
    parts = ask(readers, world, "select range as n from range(1000)").answer.parts()

    assert all(isinstance(part, bytearray) for part in parts)
    assert lent() == 0


@pytest.mark.parametrize("form", [Form.PARQUET, Form.CSV, Form.NDJSON])
def test_every_form_is_the_same_bytes_whether_or_not_memory_is_lent(readers, world, form, monkeypatch):
    with_it = b"".join(ask(readers, world, f"from ({LARGE}) limit 400000", form))
    monkeypatch.delattr(os, "memfd_create")

    assert with_it == b"".join(ask(readers, world, f"from ({LARGE}) limit 400000", form))


def test_rows_larger_than_a_segment_come_whole(readers, world):
    text = "array_to_string(list_transform(range(300000), lambda i: 'ten signs.'), '')"
    sql = f"select range as n, {text} || range as t from range(12)"

    found = collected(ask(readers, world, sql), lambda t: t).table

    assert [len(t) for t in found["t"].to_pylist()] == [3_000_001] * 10 + [3_000_002] * 2


def test_batches_of_many_columns_are_taken_without_a_copy(readers, world):
    columns = ", ".join(f"range + {i} as c{i}" for i in range(60))
    batches = ArrowAnswer(ask(readers, world, f"select {columns} from range(60000)").answer.parts()).batches()

    sizes = [batch.nbytes for batch in batches]

    assert sum(sizes) > 28_000_000
    assert max(sizes) < SEGMENT_BYTES


def test_whoever_keeps_every_part_gets_all_of_it_and_no_part_changes(readers, world):
    found = ArrowAnswer(ask(readers, world, LARGE).answer.parts())

    table = pa.Table.from_batches(list(found.batches()))

    assert table["n"].to_pylist() == list(range(2_000_000))


def test_a_reader_that_waits_for_a_segment_can_be_told_that_nobody_wants_it(readers, world):
    parts = ask(readers, world, ENDLESS).answer.parts()
    kept = until_lent(parts)
    kept += [next(parts) for _ in range(SEGMENTS - 1)]
    before = [bytes(part) for part in kept]
    pid = readers.pool._leases[0].process.pid
    time.sleep(0.3)  # it has nowhere to lay more

    began = time.monotonic()
    parts.close()
    took = time.monotonic() - began
    after = collected(ask(readers, world, LARGE), lambda t: t).table

    assert took < 1
    assert after.num_rows == 2_000_000
    assert readers.pool._idle[False][0].pid == pid
    assert [bytes(part) for part in kept] == before, "another answer has memory of its own"
    del kept
    assert lent() == 0


def test_a_reader_that_dies_in_the_middle_is_an_error_and_what_came_stays_readable(readers, world):
    before = pipes()
    parts = ask(readers, world, ENDLESS).answer.parts()
    kept = until_lent(parts)
    told = bytes(kept[0])

    os.kill(readers.pool._leases[0].process.pid, signal.SIGKILL)
    with pytest.raises(UserCodeError) as raised:
        deque(parts, maxlen=0)

    assert raised.value.diagnostics[0].code == "WFT-ACC-042"
    assert bytes(kept[0]) == told
    del kept
    assert (lent(), pipes()) == (0, before)


def test_whoever_takes_nothing_holds_no_more_than_was_lent(readers, world):
    parts = ask(readers, world, ENDLESS).answer.parts()
    kept = until_lent(parts)
    reader = readers.pool._leases[0].process.pid
    time.sleep(0.5)
    before = resident_mb(reader), resident_mb("self")

    time.sleep(1)
    after = resident_mb(reader), resident_mb("self")
    parts.close()
    del kept

    assert after[0] - before[0] < 5
    assert after[1] - before[1] < 5


def test_the_memory_of_both_sides_is_flat_while_rows_are_taken(readers, world):
    batches = ArrowAnswer(ask(readers, world, ENDLESS).answer.parts()).batches()
    reader = readers.pool._leases[0].process.pid
    for _ in range(100):
        next(batches)
    before = resident_mb(reader), resident_mb("self")

    grown = [0.0, 0.0]
    for _ in range(1500):  # 400 MB
        next(batches)
        grown = [max(g, resident_mb(p) - b) for g, p, b in zip(grown, (reader, "self"), before, strict=True)]
    batches.close()

    assert max(grown) < 20, grown


def test_nobody_can_make_the_memory_smaller_under_whoever_reads_it():
    lender = Lender()
    with pytest.raises(PermissionError):
        os.ftruncate(lender.memory, 0)
    lender.handed_over()
    lender.close()


@pytest.mark.parametrize(("segment", "size"), [(SEGMENTS, 10), (-1, 10), (0, 0), (0, SEGMENT_BYTES + 1)])
def test_a_part_that_cannot_be_is_refused(segment, size):
    lender = Lender()
    with pytest.raises(ValueError, match="no part"):
        lender.part(segment, size)
    lender.handed_over()
    lender.close()


def test_a_segment_is_given_back_with_the_last_view_of_it_and_not_before():
    lender = Lender()
    borrower = Borrower(os.dup(lender.memory), os.dup(lender.given_back))
    lender.handed_over()
    numbers = []
    for _ in range(SEGMENTS):
        number, segment = borrower.segment()
        segment[:5] = b"%05d" % number
        numbers.append(number)
    views = [lender.part(number, 5)[1:] for number in numbers]
    assert lender.all_held
    with pytest.raises(ValueError, match="no part"):
        lender.part(3, 5)  # somebody reads it

    inner = views[3][2:]
    views[3] = None
    assert lender.all_held
    del inner

    assert not lender.all_held
    assert borrower.segment()[0] == 3
    assert bytes(views[2]) == b"0002"
    lender.close()
    assert borrower.segment() is None
    borrower.close()


def test_bodies_of_arrow_are_taken_where_they_lie_and_what_describes_them_is_not():
    batch = pa.record_batch({"n": list(range(50_000))})
    written = pa.BufferOutputStream()
    with pa.ipc.new_stream(written, batch.schema) as stream:
        stream.write_batch(batch)
    whole = bytearray(written.getvalue().to_pybytes())
    gathered = Gathered([memoryview(whole)])
    reads = []

    class Watched:
        closed = False

        def read(self, size):
            reads.append(gathered.read(size))
            return reads[-1]

    found = pa.ipc.open_stream(pa.PythonFile(Watched(), "r")).read_all()

    assert found.num_rows == 50_000
    assert [read.obj is whole for read in reads if len(read) >= 400_000] == [True]
    assert not any(read.obj is whole for read in reads if len(read) < 400_000)
