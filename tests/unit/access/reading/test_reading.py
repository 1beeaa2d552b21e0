"""A query in a process of its own: every form, every limit, and what becomes of the others when one goes wrong."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.unit.access.reading.worlds import CUSTOMERS, READER, World, readers_in
from weft.access.principals import Principal, PrincipalKind
from weft.access.query_places import placed
from weft.access.reading.asking import Ceiling, Question, Readers
from weft.access.reading.collecting import ArrowAnswer, collected
from weft.access.reading.pool import Pool, Rules
from weft.access.reading.wire import Cut, Form, Limits
from weft.errors import AccessDenied, PlatformError, TransientError, UsageError, UserCodeError

EVERY = f"select id, name, score from {CUSTOMERS} order by id"
ENDLESS = "with recursive r as (select 1 as n union all select n + 1 from r) select count(*) from r"
MANY = "select range as n, repeat_text from range(3000000), (select 'abcdefgh' as repeat_text)"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"), "A", 1_000)


@pytest.fixture(scope="module")
def readers(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("readers"))
    made = Readers(Pool(Limits(600 * 10**6, folder, 10**8), Rules(fast=1)), Ceiling(None, None, 60))
    yield made
    made.close()


def ask(readers, world, sql, form=Form.ARROW, limit=None, encoding="", who=READER):
    return readers.ask(world, who, Question(sql, form, limit, None, encoding), placed)


def code(raised) -> str:
    return raised.value.diagnostics[0].code


def test_every_form_holds_the_same_rows(readers, world):
    got = {form: b"".join(ask(readers, world, EVERY, form, limit=3)) for form in Form}

    rows = [[0, "name 0", 0.0], [1, "name 1", 0.5], [2, "name 2", 1.0]]
    assert json.loads(got[Form.JSON])["rows"] == rows
    assert [list(json.loads(line).values()) for line in got[Form.NDJSON].splitlines()] == rows
    assert list(csv.reader(io.StringIO(got[Form.CSV].decode()))) == [
        ["id", "name", "score"], *([str(a), b, f"{c:g}"] for a, b, c in rows)
    ]  # fmt: skip
    assert [list(r.values()) for r in parquet.read_table(pa.BufferReader(got[Form.PARQUET])).to_pylist()] == rows
    assert [list(r.values()) for r in ArrowAnswer([got[Form.ARROW]]).result(lambda t: t).table.to_pylist()] == rows


def test_an_answer_without_rows_has_its_columns_in_every_form(readers, world):
    sql = f"select id, name from {CUSTOMERS} where id < 0"

    got = {form: b"".join(ask(readers, world, sql, form)) for form in Form}

    assert [c["name"] for c in json.loads(got[Form.JSON])["columns"]] == ["id", "name"]
    assert got[Form.NDJSON] == b""
    assert got[Form.CSV] == b'"id","name"\n'
    assert parquet.read_table(pa.BufferReader(got[Form.PARQUET])).schema.names == ["id", "name"]
    assert ArrowAnswer([got[Form.ARROW]]).result(lambda t: t).table.schema.names == ["id", "name"]


def test_json_has_the_shape_of_the_command_line_and_says_what_it_rests_on(readers, world):
    found = json.loads(b"".join(ask(readers, world, EVERY, Form.JSON, limit=2)))

    assert found["columns"][0] == {"name": "id", "type": "INTEGER", "masked": None}
    assert (found["truncated"], found["cut"], found["snapshot"]) == (True, "limit", {f"{CUSTOMERS}@1": "7"})


@pytest.mark.parametrize("form", [Form.ARROW, Form.PARQUET, Form.JSON])
def test_a_limit_marks_the_answer_as_cut_and_an_answer_that_just_fits_is_not(readers, world, form):
    cut = ask(readers, world, EVERY, form, limit=499)
    b"".join(cut)
    whole = ask(readers, world, EVERY, form, limit=500)
    b"".join(whole)

    assert (cut.ended.rows, cut.ended.cut, whole.ended.rows, whole.ended.cut) == (499, Cut.ASKED, 500, None)


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_text_is_packed_where_that_is_asked(readers, world, encoding):
    packed = b"".join(ask(readers, world, EVERY, Form.CSV, encoding=encoding))

    plain = pa.CompressedInputStream(pa.BufferReader(packed), encoding).read()
    assert plain == b"".join(ask(readers, world, EVERY, Form.CSV))
    assert len(packed) < len(plain)


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_batches_of_arrow_are_packed_where_that_is_asked(readers, world, codec):
    packed = b"".join(ask(readers, world, MANY, encoding=codec, limit=100_000))

    assert len(packed) < 1_000_000
    assert collected([packed], lambda t: t).table.num_rows == 100_000


def test_values_that_arrow_cannot_carry_are_the_engines_texts(readers, world):
    sql = "select interval '1' day as i, 99999999999999999999999999999999999999::hugeint + 1 as big, true as yes"

    found = collected(ask(readers, world, sql), lambda t: t)

    assert found.table.to_pylist() == [{"i": "1 day", "big": "1" + "0" * 38, "yes": True}]
    assert [c.type for c in found.columns] == ["INTERVAL", "HUGEINT", "BOOLEAN"]


def test_what_comes_is_as_much_as_is_taken(readers, world):
    streamed = iter(ask(readers, world, MANY))
    next(streamed)

    time.sleep(0.5)
    rest = sum(len(part) for part in streamed)

    assert rest > 40_000_000


def test_whoever_goes_away_in_the_middle_leaves_the_process_to_the_next(readers, world):
    streamed = ask(readers, world, MANY)
    parts = iter(streamed)
    next(parts)
    parts.close()

    assert json.loads(b"".join(ask(readers, world, "select 1 as one", Form.NDJSON))) == {"one": 1}
    assert readers.pool.processes == 1


def test_a_query_without_end_is_stopped_and_the_process_goes_on(tmp_path, world):
    readers = readers_in(tmp_path / "r", seconds=1)
    try:
        with pytest.raises(UserCodeError) as raised:
            ask(readers, world, ENDLESS)
        assert (code(raised), "1 s" in str(raised.value)) == ("WFT-ENG-003", True)
        assert b"".join(ask(readers, world, "select 1 as one", Form.NDJSON)) == b'{"one":1}\n'
    finally:
        readers.close()


def test_a_process_that_dies_is_an_error_of_its_query_alone(tmp_path, world):
    readers = readers_in(tmp_path / "r")
    try:
        begun: list[object] = []

        def asked() -> None:
            try:
                ask(readers, world, ENDLESS)
            except UserCodeError as e:
                begun.append(e.diagnostics[0].code)

        thread = threading.Thread(target=asked)
        thread.start()
        deadline = time.monotonic() + 30
        while not readers.pool._leases and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        os.kill(readers.pool._leases[0].process.pid, signal.SIGKILL)
        thread.join(30)
        assert begun == ["WFT-ACC-042"]
        assert b"".join(ask(readers, world, "select 1 as one", Form.NDJSON)) == b'{"one":1}\n'
    finally:
        readers.close()


def test_an_answer_beyond_the_ceiling_is_cut_where_the_form_can_say_so_and_refused_where_not(tmp_path, world):
    folder = tmp_path / "r"
    folder.mkdir()
    readers = Readers(Pool(Limits(500 * 10**6, str(folder), 10**8), Rules(fast=1)), Ceiling(100, None, 60))
    try:
        marked = ask(readers, world, EVERY, Form.JSON)
        assert json.loads(b"".join(marked))["cut"] == "rows"
        with pytest.raises(UserCodeError) as raised:
            b"".join(ask(readers, world, EVERY, Form.CSV))
        assert code(raised) == "WFT-ACC-044"
    finally:
        readers.close()


def test_an_answer_of_too_many_bytes_is_cut(tmp_path, world):
    folder = tmp_path / "r"
    folder.mkdir()
    readers = Readers(Pool(Limits(500 * 10**6, str(folder), 10**8), Rules(fast=1)), Ceiling(None, 10**6, 60))
    try:
        streamed = ask(readers, world, MANY)
        size = len(b"".join(streamed))
        assert streamed.ended.cut is Cut.BYTES
        assert 10**6 <= size < 2 * 10**6
    finally:
        readers.close()


def test_rights_that_end_in_the_middle_end_the_stream(readers, tmp_path):
    world = World(tmp_path / "w", "A", 100)
    sql = f"select a.name, b.name as other from {CUSTOMERS} a, {CUSTOMERS} b, range(200)"
    parts = iter(ask(readers, world, sql, Form.CSV))
    next(parts)

    del world.items[CUSTOMERS]
    ended = time.monotonic()
    with pytest.raises(AccessDenied) as raised:
        for _ in parts:
            time.sleep(0.02)

    assert code(raised) == "WFT-ACC-040"
    assert time.monotonic() - ended < 5


def test_a_stream_that_breaks_off_is_not_taken_for_a_whole_one(readers, world):
    whole = b"".join(ask(readers, world, EVERY))

    with pytest.raises((PlatformError, OSError, pa.ArrowInvalid)):
        collected([whole[: len(whole) // 2]], lambda t: t)
    with pytest.raises((PlatformError, OSError, pa.ArrowInvalid)):
        collected([whole[:-600]], lambda t: t)


def test_one_principal_does_not_take_every_process(tmp_path, world):
    folder = tmp_path / "r"
    folder.mkdir()
    rules = Rules(fast=2, slow=1, each=1, patience_s=20)
    readers = Readers(Pool(Limits(500 * 10**6, str(folder), 10**8), rules), Ceiling(None, None, 8))
    threads = [threading.Thread(target=_ignored, args=(readers, world, ENDLESS)) for _ in range(3)]
    try:
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        other = Principal("report.weekly", PrincipalKind.PRODUCT)
        assert b"".join(ask(readers, world, "select 1 as one", Form.NDJSON, who=other)) == b'{"one":1}\n'
    finally:
        readers.close()
        for thread in threads:
            thread.join(30)


def test_a_long_query_lets_others_go_first_when_they_wait(tmp_path, world):
    folder = tmp_path / "r"
    folder.mkdir()
    rules = Rules(fast=1, slow=1, each=3, patience_s=30, light_s=0.5)
    readers = Readers(Pool(Limits(500 * 10**6, str(folder), 10**8), rules), Ceiling(None, None, 25))
    thread = threading.Thread(target=_ignored, args=(readers, world, ENDLESS))
    try:
        thread.start()
        time.sleep(1)
        other = Principal("report.weekly", PrincipalKind.PRODUCT)
        begun = time.monotonic()
        assert b"".join(ask(readers, world, "select 1 as one", Form.NDJSON, who=other)) == b'{"one":1}\n'
        assert time.monotonic() - begun < 15
        assert thread.is_alive()
    finally:
        readers.close()
        thread.join(30)


def test_a_queue_that_is_full_says_so(tmp_path, world):
    folder = tmp_path / "r"
    folder.mkdir()
    rules = Rules(fast=1, slow=1, waiting=0, patience_s=1)
    readers = Readers(Pool(Limits(500 * 10**6, str(folder), 10**8), rules), Ceiling(None, None, 10))
    try:
        with readers.pool.lease("another"), pytest.raises(TransientError) as raised:
            ask(readers, world, "select 1 as one")
        assert code(raised) == "WFT-ACC-041"
    finally:
        readers.close()


def _ignored(readers, world, sql) -> None:
    try:
        ask(readers, world, sql)
    except (UserCodeError, TransientError):
        return


def test_a_text_that_is_refused_says_where_and_what_instead(readers, world):
    with pytest.raises(UsageError) as raised:
        ask(readers, world, f"select id,\n  repeat(name, 9) from {CUSTOMERS}")

    told = raised.value.diagnostics[0]
    assert (told.code, told.where.line, told.where.column) == ("WFT-SQL-005", 2, 3)
    assert "list_transform" in told.fix


def test_a_column_that_is_not_there_is_told_with_its_place_and_the_nearest_that_may_be_read(readers, world):
    with pytest.raises(UserCodeError) as raised:
        ask(readers, world, f"-- first\nselect id,\n nme from {CUSTOMERS}")

    told = raised.value.diagnostics[0]
    assert (told.what, told.where.line, told.where.column) == ("there is no column `nme`", 3, 2)
    assert told.fix == "did you mean `name`?"


def test_sessions_of_two_principals_never_see_one_anothers_rows(readers, tmp_path):
    pair = [
        World(tmp_path / str(i), "A", 100, row_filter) for i, row_filter in enumerate(("id < 3", "id >= 3 and id < 5"))
    ]
    people = [Principal(f"team.p{i}", PrincipalKind.PRODUCT) for i in range(2)]

    got = [
        b"".join(ask(readers, one, f"select list(id order by id) as ids from {CUSTOMERS}", Form.NDJSON, who=who))
        for _ in range(5)
        for one, who in zip(pair, people, strict=True)
    ]

    assert len(set(got)) == 2
    assert json.loads(got[1]) == {"ids": [3, 4]}


def test_the_parent_imports_neither_engine_nor_arrow():
    program = (
        "import sys, weft.access.reading.asking, weft.access.reading.pool, weft.access.door; "
        "print([m for m in ('duckdb', 'pyarrow', 'sqlglot') if m in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"
