"""What DuckDB says, told as weft's: the right class and code, the place, and never a value of a row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.engines.base import SourceFile
from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.failures import as_ours, told
from weft.engines.duckdb.session import DuckDBSession
from weft.errors import Diagnostic, PlatformError, SourceError, UserCodeError, WeftError, Where
from weft.sql.quoting import literal

SECRET = "zanzibar42"
NUMBER = 9_123_456_789_123_456_789


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    """A session with a row that nobody may see in a message."""
    with DuckDBEngine(threads=1).session() as opened:
        opened.table("people", f"SELECT '{SECRET}' AS name, {NUMBER}::BIGINT AS number")
        yield opened


def failure(session: DuckDBSession, sql: str) -> WeftError:
    with pytest.raises(WeftError) as raised:
        session.rows(sql)
    return raised.value


def diagnostic(session: DuckDBSession, sql: str) -> Diagnostic:
    (one,) = failure(session, sql).diagnostics
    return one


VALUES = [
    *(
        f"name::{kind}"
        for kind in (
            "integer",
            "hugeint",
            "double",
            "decimal(10, 2)",
            "boolean",
            "uuid",
            "date",
            "time",
            "timestamp",
            "timestamptz",
            "interval",
            "json",
            "bit",
            "integer[]",
            "integer[2]",
            "struct(a integer)",
            "map(varchar, integer)",
        )
    ),
    "('\\x' || name)::blob",
    "strptime(name, '%Y-%m-%d')",
    "date_part(name, date '2020-01-01')",
    "regexp_matches(name, name || '(')",
    "json_extract(name, '$.a')",
    "from_base64(name)",
    "unhex(name)",
    "timezone(name, timestamp '2020-01-01')",
    "error(name)",
    "error('when casting from source column ' || name || ' to INT32')",
    "('CSV Error on Line: 3 converting column \"' || name || '\" line 4')::integer",
    "('Did you mean \"' || name || '\"?')::integer",
    "(name || chr(10) || name || chr(39) || name)::integer",
    "number::tinyint",
    "number::decimal(3, 1)",
    "number * number",
    "number + number",
    "repeat(name, number)",
    "number % (number - number)",
    "map([name, name], [1, 2])",
]


@pytest.mark.parametrize("expression", VALUES)
def test_a_value_of_a_row_is_in_no_message(session: DuckDBSession, expression: str) -> None:
    raised = failure(session, f"select {expression} from people")

    assert isinstance(raised, UserCodeError), raised
    assert [d.code for d in raised.diagnostics] == ["WFT-ENG-001"]
    assert SECRET not in str(raised)
    assert str(NUMBER) not in str(raised)
    assert raised.__cause__ is None
    assert raised.__suppress_context__


@given(st.text(min_size=1, max_size=12).map(lambda t: f"{SECRET}{t}{SECRET}".replace("\0", "")))
def test_no_text_slips_out_of_a_cast_whatever_its_quotes_and_lines(session: DuckDBSession, text: str) -> None:
    for kind in ("integer", "date", "decimal(4, 1)", "integer[]"):
        raised = failure(session, f"select x::{kind} from (select {literal(text)} as x union all select '1')")

        assert SECRET not in str(raised).replace(f"{kind}", "")


def test_a_failed_cast_names_column_type_and_place(session: DuckDBSession) -> None:
    found = diagnostic(session, "select\n  name::integer as n\nfrom people")

    assert found.what == "a row made the query fail: a value of column `name` cannot be converted to INT32"
    assert found.where is not None
    assert (found.where.file, found.where.line, found.where.column) == ("", 2, 7)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("number::tinyint", "a value of column `number` cannot be converted to INT8"),
        ("name::decimal(10, 2)", "a value of column `name` cannot be converted to DECIMAL(10,2)"),
        ("name::integer[]", "a value of column `name` cannot be converted to INTEGER[]"),
        ("name::date", "a value of column `name` cannot be converted"),
        ("number * number", "a number is out of range"),
        ("number % 0", "a number is divided by zero"),
        ("(select n from (values (1), (2)) t(n))", "a subquery that stands for one value gives several rows"),
        ("map([name, name], [1, 2])", "a map has one key twice"),
        ("error(name)", "a function was given a value that it does not take"),
    ],
)
def test_the_reason_is_told_in_words(session: DuckDBSession, expression: str, reason: str) -> None:
    assert diagnostic(session, f"select {expression} from people").what == f"a row made the query fail: {reason}"


@pytest.mark.parametrize(
    ("sql", "code", "line", "column", "fix"),
    [
        ("selec 1", "WFT-SQL-001", 1, 1, None),
        ("select 1\nfrom peple", "WFT-SQL-003", 2, 6, "did you mean `people`?"),
        ("select\n  nam\nfrom people", "WFT-SQL-010", 2, 3, "did you mean `name`?"),
        ("select name + 1 from people", "WFT-SQL-010", 1, 13, None),
        ("select lowr(name) from people", "WFT-SQL-003", 1, 8, "did you mean `lower`?"),
    ],
)
def test_wrong_sql_is_told_with_its_place_and_the_nearest_name(
    session: DuckDBSession, sql: str, code: str, line: int, column: int, fix: str | None
) -> None:
    found = diagnostic(session, sql)

    assert found.where is not None
    assert (found.code, found.where.line, found.where.column, found.fix) == (code, line, column, fix)


def csv(path: Path, **options: str) -> str:
    listed = "".join(f", {k} = {v}" for k, v in options.items())
    return f"select * from read_csv('{path}', auto_detect = false, header = true, strict_mode = true{listed})"


@pytest.mark.parametrize(
    ("content", "types", "code", "what"),
    [
        (
            f"a,b\n1,2\n{SECRET},3\n".encode(),
            "{a: 'INTEGER', b: 'INTEGER'}",
            "WFT-SRC-003",
            "a value on line 3, column `a` is not of the declared type",
        ),
        (
            f"a,b\n1,2\n{SECRET},3,4\n".encode(),
            "{a: 'VARCHAR', b: 'VARCHAR'}",
            "WFT-SRC-003",
            "a row on line 3 has another number of columns than the header",
        ),
        (
            f"a,b\n1,2\n{SECRET}\n".encode(),
            "{a: 'VARCHAR', b: 'VARCHAR'}",
            "WFT-SRC-003",
            "a row on line 3 has another number of columns than the header",
        ),
        (
            f"a,b\n1,2\n{SECRET}\xe9,3\n".encode("latin-1"),
            "{a: 'VARCHAR', b: 'VARCHAR'}",
            "WFT-SRC-002",
            "the source is not in the encoding that it is read in on line 3",
        ),
    ],
)
def test_a_broken_row_of_a_csv_file_is_told_by_line_and_column_and_not_shown(
    session: DuckDBSession, tmp_path: Path, content: bytes, types: str, code: str, what: str
) -> None:
    (tmp_path / "x.csv").write_bytes(content)

    raised = failure(session, csv(tmp_path / "x.csv", columns=types))

    assert isinstance(raised, SourceError)
    assert [(d.code, d.what) for d in raised.diagnostics] == [(code, what)]
    assert SECRET not in str(raised)


@pytest.mark.parametrize(
    ("content", "code", "what"),
    [
        (b'{"a": 1}\n{"a": "%s"}\n', "WFT-SRC-003", "a value on line 2 is not of the declared type"),
        (b'{"a": 1}\n{"a": %s}\n', "WFT-SRC-003", "the source is no JSON"),
        (b'{"a": 1}\n{"a": "%s\xe9"}\n', "WFT-SRC-002", "the source is not UTF-8, as JSON must be"),
    ],
)
def test_a_broken_row_of_a_json_file_is_the_sources_fault_and_not_shown(
    session: DuckDBSession, tmp_path: Path, content: bytes, code: str, what: str
) -> None:
    (tmp_path / "x.ndjson").write_bytes(content.replace(b"%s", SECRET.encode()))

    raised = failure(
        session,
        f"select * from read_json('{tmp_path / 'x.ndjson'}', format = 'newline_delimited', columns = {{a: 'INTEGER'}})",
    )

    assert isinstance(raised, SourceError)
    assert [(d.code, d.what) for d in raised.diagnostics] == [(code, what)]
    assert SECRET not in str(raised)


def test_a_missing_data_file_is_the_platforms_fault(session: DuckDBSession, tmp_path: Path) -> None:
    raised = failure(session, f"select * from read_parquet('{tmp_path / 'gone.parquet'}')")

    assert isinstance(raised, PlatformError)
    assert [d.code for d in raised.diagnostics] == ["WFT-STO-004"]


def test_a_query_that_needs_more_memory_than_is_allowed_is_told_so(tmp_path: Path) -> None:
    with (
        DuckDBEngine(memory_limit="10MB", threads=1).session(str(tmp_path)) as small,
        pytest.raises(PlatformError) as raised,
    ):
        small.rows("select list(range) from range(20_000_000)")

    assert [d.code for d in raised.value.diagnostics] == ["WFT-ENG-002"]
    assert "engine.memory_limit" in (raised.value.diagnostics[0].fix or "")


@pytest.mark.parametrize(
    ("exception", "kind", "code"),
    [
        (duckdb.IOException("IO Error: Could not write: No space left on device"), PlatformError, "WFT-STO-001"),
        (
            duckdb.OutOfMemoryException("Out of Memory Error: failed to offload: max_temp_directory_size reached"),
            PlatformError,
            "WFT-STO-001",
        ),
        (duckdb.IOException('IO Error: Cannot open file "/x": Permission denied'), PlatformError, "WFT-STO-002"),
        (duckdb.IOException("IO Error: something new"), PlatformError, "WFT-ENG-004"),
        (duckdb.InternalException("INTERNAL Error: assertion"), PlatformError, "WFT-ENG-004"),
    ],
)
def test_what_disk_and_engine_say_is_the_platforms_fault(
    exception: duckdb.Error, kind: type[WeftError], code: str
) -> None:
    raised = as_ours(exception)

    assert type(raised) is kind
    assert [d.code for d in raised.diagnostics] == [code]


def test_an_interrupted_query_is_an_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), told():
        raise duckdb.InterruptException("INTERRUPT Error: Interrupted!")


@pytest.mark.parametrize(("cut", "keep"), [(4, 4), (200, 0), (0, 2)])
def test_a_damaged_parquet_file_is_told_by_its_name(tmp_path, cut: int, keep: int) -> None:
    path = tmp_path / "rows.parquet"
    duckdb.sql(f"copy (select range r, 'text' || range s from range(100000)) to '{path}'")
    whole = path.read_bytes()
    path.write_bytes(whole[:cut] + (b"\xff" * 5000 + whole[cut + 5000 :] if not keep else b"x" * keep))
    with DuckDBEngine(threads=1).session() as session, pytest.raises(SourceError) as raised:
        session.reads([SourceFile(str(path), "data/rows.parquet", "input port `r` of `d.p`")])
        session.rows(f"select count(distinct r), count(distinct s) from read_parquet('{path}')")

    (one,) = raised.value.diagnostics
    assert (one.code, one.where) == ("WFT-SRC-003", Where("data/rows.parquet"))
    assert one.what == ("input port `r` of `d.p`: the source `rows.parquet` is no Parquet file, or a damaged one")
