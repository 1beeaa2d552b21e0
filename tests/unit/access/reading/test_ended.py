"""What is left of an answer that ended early comes to nobody: not into the next answer, whoever asks for that."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from tests.unit.access.reading.worlds import World, readers_in
from weft.access.principals import Principal, PrincipalKind
from weft.access.query_places import placed
from weft.access.reading.asking import Question, Readers
from weft.access.reading.process import ReaderProcess
from weft.access.reading.sinks import Sink
from weft.access.reading.wire import Begun, Ended, Form, Limits, LostError, Run, Told, send, send_data
from weft.errors import UserCodeError

ALICE, BOB = (Principal(name, PrincipalKind.PRODUCT) for name in ("report.alice", "report.bob"))
ROWS = 6_000_000
FAILS = (
    f"select 'the secret of alice' as x from range({ROWS}) t(r)"
    f" where case when r > {ROWS} - 100000 then (case when r < 0 then '1' else 'x' end)::int > 0 else true end"
)
"""It gives rows for longer than the first bytes are held back, packed to less than goes together, and then fails."""

TOO_LONG = "select 'the secret of alice' as x from range(10000000000)"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"), "A", 0)


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[Readers]:
    made = readers_in(tmp_path, seconds=120)
    yield made
    made.close()


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Readers]:
    made = readers_in(tmp_path, seconds=3)
    yield made
    made.close()


def asked(readers: Readers, world: World, who: Principal, question: Question) -> list[bytes]:
    return list(readers.ask(world, who, question, placed))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("form", "encoding"),
    [(Form.CSV, "zstd"), (Form.CSV, "gzip"), (Form.JSON, "zstd"), (Form.NDJSON, "zstd"), (Form.PARQUET, "")],
)
def test_nothing_of_an_answer_that_failed_comes_into_the_next_one(form, encoding, readers, world):
    question = Question("select 1 as one", Form.CSV, encoding="zstd")
    expected = asked(readers, world, BOB, question)

    with pytest.raises(UserCodeError, match="WFT-ACC-043"):
        asked(readers, world, ALICE, Question(FAILS, form, encoding=encoding))

    assert [asked(readers, world, BOB, question) for _ in range(2)] == [expected, expected]


def test_nothing_of_an_answer_whose_time_was_over_comes_into_the_next_one(hasty, world):
    question = Question("select 1 as one", Form.CSV, encoding="zstd")
    expected = asked(hasty, world, BOB, question)

    with pytest.raises(UserCodeError, match="WFT-ENG-003"):
        asked(hasty, world, ALICE, Question(TOO_LONG, Form.CSV, encoding="zstd"))

    assert asked(hasty, world, BOB, question) == expected


@pytest.mark.parametrize(("encoding", "unpacked"), [("gzip", gzip.decompress), ("zstd", None)])
def test_an_answer_that_was_begun_again_for_its_large_integers_is_one(encoding, unpacked, readers, world):
    sql = f"select case when r = {ROWS} - 1 then (2::hugeint ** 126)::hugeint else 1 end as x from range({ROWS}) t(r)"
    sql = sql.replace("(2::hugeint ** 126)::hugeint", "170141183460469231731687303715884105727::hugeint")

    packed = b"".join(asked(readers, world, ALICE, Question(sql, Form.CSV, encoding=encoding)))

    text = unpacked(packed) if unpacked else pa.CompressedInputStream(pa.BufferReader(packed), encoding).read()
    assert (text[:8], text.count(b"\n"), text.count(b"x")) == (b'"x"\n"1"\n', ROWS + 1, 1)


def test_a_sink_that_was_dropped_takes_nothing():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        sink = Sink(ours, None, ())
        sink.write(b"a")
        sink.drop()
        assert sink.write(b"b" * 10**6) == 10**6
        sink.push()
        theirs.setblocking(False)
        with pytest.raises(BlockingIOError):
            theirs.recv(1)


@pytest.mark.parametrize("stale", ["head", "bytes"])
def test_a_process_whose_bytes_are_of_another_query_is_asked_nothing_more(stale, tmp_path):
    process = ReaderProcess(Limits(600 * 10**6, str(tmp_path), 10**8, 1))
    ours, theirs = socket.socketpair()
    try:
        process.start()
        process._socket.close()
        process._socket = ours
        process.begin("ann", Run("key", "select 1", Form.CSV, Told({})), [], [])
        if stale == "head":
            send(theirs, Begun((), None, 0))
        else:
            send_data(theirs, b"the secret of alice")
        send(theirs, Ended())

        with pytest.raises(LostError):
            process.next(1)

        assert not process.alive
    finally:
        theirs.close()
        process.close()
