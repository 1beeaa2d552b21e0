"""SQL models: the settings comment, the SELECT, and places as lines of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weft.engines.duckdb.engine import DuckDBEngine
from weft.engines.duckdb.session import DuckDBSession
from weft.project.cache import Cache
from weft.project.models import Parsing, ReadModel, read_model, read_models, split


@pytest.fixture(scope="module")
def session() -> Iterator[DuckDBSession]:
    with DuckDBEngine(threads=1).session() as opened:
        yield opened


class Models:
    """Reads models of a folder, and counts what the parser is asked."""

    def __init__(self, root: Path, session: DuckDBSession) -> None:
        self.root = root
        self.session = session
        self.parsed: list[str] = []
        self.cache = Cache(root / "cache")

    def parse(self, sql: str) -> str:
        self.parsed.append(sql)
        return self.session.parse(sql)

    def read(self, text: str | bytes, name: str = "m") -> ReadModel:
        path = self.root / "models" / f"{name}.sql"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_model(path, self.root, self.parse, self.cache)

    def problems(self, text: str | bytes) -> list[tuple[str, str, str | None]]:
        """Code, place and fix of everything that is wrong with a model."""
        return [(d.code, str(d.where), d.fix) for d in self.read(text).problems]


@pytest.fixture
def models(tmp_path: Path, session: DuckDBSession) -> Models:
    return Models(tmp_path, session)


def test_a_model_is_its_select_and_knows_what_it_reads_and_where(models: Models) -> None:
    found = models.read("-- flights\nselect a\nfrom flights f\njoin planes p using (a);\n")

    assert found.problems == ()
    assert found.model is not None
    assert found.model.sql == "-- flights\nselect a\nfrom flights f\njoin planes p using (a)"
    assert [(r.name, str(r.where)) for r in found.model.references] == [
        ("flights", "models/m.sql:3:6"),
        ("planes", "models/m.sql:4:6"),
    ]


def test_settings_stand_in_a_comment_before_the_select(models: Models) -> None:
    found = models.read("\n/* weft\nmaterialized: full\n*/\n\nselect a from t\n")

    assert found.problems == ()
    assert found.model is not None
    assert (found.model.settings, found.model.sql, found.model.first_line) == (
        {"materialized": "full"},
        "select a from t",
        6,
    )
    assert [str(r.where) for r in found.model.references] == ["models/m.sql:6:15"]


def test_the_digest_follows_the_meaning_and_not_the_layout(models: Models) -> None:
    one = models.read("select a, b from t where a > 1").model
    same = models.read("/* weft\nmaterialized: full\n*/\n-- new\nSELECT a,\n  b\nFROM t\nWHERE (a > 1);").model
    other = models.read("select a, b from t where a > 2").model

    assert one is not None and same is not None and other is not None
    assert one.digest == same.digest != other.digest


@pytest.mark.parametrize(
    ("text", "code", "place", "fix"),
    [
        (
            "/* weft\nmaterialised: full\n*/\nselect 1 as a",
            "WFT-PRJ-017",
            "models/m.sql:2",
            "did you mean `materialized`?",
        ),
        (
            "\n\n/* weft\nmaterialized: table\n*/\nselect 1 as a",
            "WFT-PRJ-018",
            "models/m.sql:4",
            "write one of full, incremental, merge, scd2, append",
        ),
        ("/* weft\n- full\n*/\nselect 1 as a", "WFT-PRJ-018", "models/m.sql:1", None),
        (
            "/* weft\nmaterialized: incremental\n*/\nselect 1 as a",
            "WFT-PRJ-018",
            "models/m.sql:2",
            "beside it may stand: batch_size, lookback, time_column",
        ),
    ],
)
def test_wrong_settings_are_told_in_their_line(models: Models, text: str, code: str, place: str, fix: str) -> None:
    assert models.problems(text) == [(code, place, fix)]


def test_settings_that_are_no_yaml_are_told_in_their_line(models: Models) -> None:
    ((code, place, _),) = models.problems("/* weft\nmaterialized: [\n*/\nselect 1 as a")

    assert code == "WFT-PRJ-002"
    assert place.startswith("models/m.sql:")


def test_wrong_settings_and_wrong_sql_are_told_at_once(models: Models) -> None:
    found = models.problems("/* weft\nmaterialised: full\n*/\nselect a\nfrom read_csv('x')\n")

    assert [(code, place) for code, place, _ in found] == [
        ("WFT-PRJ-017", "models/m.sql:2"),
        ("WFT-SQL-006", "models/m.sql:5:6"),
    ]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("select a,\nfrom from t", "WFT-SQL-001", "models/m.sql:2:6"),
        ("", "WFT-SQL-002", "models/m.sql:1"),
        ("-- only a remark\n", "WFT-SQL-002", "models/m.sql:1"),
        ("select 1 as a;\nselect 2 as a", "WFT-SQL-002", "models/m.sql:2:1"),
        ("select a\nfrom 'x.csv'", "WFT-SQL-007", "models/m.sql:2:6"),
        ("create table x as select 1 as a", "WFT-SQL-004", "models/m.sql:1:1"),
    ],
)
def test_sql_that_is_no_select_over_names_is_told_with_its_place(
    models: Models, text: str, code: str, place: str
) -> None:
    found = models.problems(text)

    assert [(c, p) for c, p, _ in found] == [(code, place)]


def test_a_model_that_is_not_utf_8_is_told_with_its_line(models: Models) -> None:
    found = models.read(b"select a\nfrom t -- \xe9\n")

    assert found.model is None
    assert [(d.code, str(d.where)) for d in found.problems] == [("WFT-PRJ-021", "models/m.sql:2")]


def test_a_model_that_cannot_be_read_is_told(models: Models) -> None:
    found = read_model(models.root / "gone.sql", models.root, models.parse, models.cache)

    assert found.model is None
    assert [(d.code, str(d.where)) for d in found.problems] == [("WFT-PRJ-001", "gone.sql")]


def test_sql_that_was_seen_before_is_not_parsed_again(models: Models) -> None:
    first = models.read("select a\nfrom read_csv('x')\n", "one")
    again = models.read("select a\nfrom read_csv('x')\n", "other")

    assert len(models.parsed) == 1
    assert first.model is not None and again.model is not None
    assert [str(d.where) for d in first.problems] == ["models/one.sql:2:6"]
    assert [str(d.where) for d in again.problems] == ["models/other.sql:2:6"]


def test_models_of_many_folders_are_parsed_together_and_each_keeps_what_it_is(tmp_path: Path, session: DuckDBSession):
    files = [f"p{number % 3}/models/m{number}.sql" for number in range(150)]
    for number, file in enumerate(files):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(f"select a + {number} as a from t{number}", encoding="utf-8")
    asked: list[int] = []

    def many(sqls: Sequence[str]) -> list[str]:
        asked.append(len(sqls))
        return session.parse_all(sqls)

    found = read_models(files, tmp_path, Parsing(session.parse, many), Cache(tmp_path / "cache"))

    assert asked == [128, 22]
    assert {file: (r.model.name, r.model.references[0].name) for file, r in found.items() if r.model} == {
        file: (f"m{number}", f"t{number}") for number, file in enumerate(files)
    }
    assert len({r.model.digest for r in found.values() if r.model}) == 150


def test_what_gives_another_result_at_every_run_is_kept_with_its_place(models: Models) -> None:
    found = models.read("select a,\n  random() as r,\n  now() as n\nfrom t").model

    assert found is not None
    assert [(v.name, str(v.where)) for v in found.volatile] == [
        ("random()", "models/m.sql:2:3"),
        ("now()", "models/m.sql:3:3"),
    ]


@pytest.mark.parametrize(
    ("sql", "what", "column"),
    [
        ("pivot t on c", "PIVOT as a statement is not allowed", 1),
        ("select * from (pivot t on c)", "PIVOT as a statement is not allowed", 16),
        ("with w as (select 1 as c) pivot w on c", "PIVOT as a statement is not allowed", 27),
        ("with w as ( /* x */ PIVOT t on c) select * from w", "PIVOT as a statement is not allowed", 21),
        ("with w as (select 1) insert into t from w", "what follows WITH is not a SELECT", 1),
        ("insert into t select 1", "INSERT is not allowed", 1),
    ],
)
def test_a_statement_inside_a_select_is_named_and_not_the_select(
    models: Models, sql: str, what: str, column: int
) -> None:
    [found] = models.read(sql).problems

    assert (found.code, found.what, found.where.column) == ("WFT-SQL-004", what, column)
    assert ("list the values" in (found.fix or "")) == ("PIVOT" in what)


def test_a_pivot_that_lists_its_values_is_no_statement(models: Models) -> None:
    assert models.read("from (select 1 as a, 2 as b) pivot (sum(a) for b in (1, 2))").problems == ()


@given(
    st.text(st.characters(exclude_categories=("Cs",)), max_size=20).filter(lambda t: "*/" not in t),
    st.sampled_from(["", "\n", "\n\n  ", "\r\n"]),
    st.sampled_from(["select 1", "-- x\nselect 1", "select '/* weft */'", "/* mine */ select 1"]),
)
def test_a_text_is_split_at_the_end_of_its_comment_wherever_that_is(comment: str, space: str, sql: str) -> None:
    text = f"{space}/* weft {comment}*/{space}{sql} ;\n"

    found, rest, line = split(text)

    assert (found, rest) == (f" {comment}", sql)
    assert line == text[: text.rindex(sql)].count("\n") + 1


def test_a_file_without_comment_is_all_sql() -> None:
    assert split("\n\nselect 1\n;\n") == ("", "select 1", 3)
    assert split("/* mine */ select 1") == ("", "/* mine */ select 1", 1)
    assert split("/* weft never ends\nselect 1") == ("", "/* weft never ends\nselect 1", 1)
