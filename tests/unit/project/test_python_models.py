"""Python models: one function in a file, read without running it, with places as lines of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from weft.model.python_code import Form
from weft.project.cache import Cache
from weft.project.models import ReadModel
from weft.project.python_models import read_python_model


class Models:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.cache = Cache(root / "cache")

    def read(self, text: str | bytes, name: str = "m") -> ReadModel:
        path = self.root / "models" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_python_model(path, name, self.root, self.cache)

    def problems(self, text: str | bytes, name: str = "m") -> list[tuple[str, str, str | None]]:
        return [(d.code, str(d.where), d.fix) for d in self.read(text, name).problems]

    def digest(self, text: str) -> str:
        found = self.read(text)
        assert found.model is not None, found.problems
        return found.model.digest


@pytest.fixture
def models(tmp_path: Path) -> Models:
    return Models(tmp_path)


def test_a_model_knows_its_function_what_it_reads_and_where_and_as_what(models: Models) -> None:
    text = "import polars as pl\n\n\ndef m(flights: pl.DataFrame, planes):\n    return flights\n"

    found = models.read(text)

    assert found.problems == ()
    assert found.model is not None and found.model.python is not None
    assert (found.model.language, found.model.sql) == ("python", text)
    assert (found.model.python.function, found.model.python.line) == ("m", 4)
    assert [(r.name, str(r.where)) for r in found.model.references] == [
        ("flights", "models/m.py:4:7"),
        ("planes", "models/m.py:4:30"),
    ]
    assert found.model.python.forms == {"flights": Form.POLARS, "planes": Form.ARROW}


def test_nothing_in_the_file_is_run_when_it_is_read(models: Models, tmp_path: Path) -> None:
    found = models.read(f"open({str(tmp_path / 'made')!r}, 'w')\nraise SystemExit\n\ndef m(a):\n    return a\n")

    assert found.model is not None
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    ("imports", "annotation", "form"),
    [
        ("import pandas", "pandas.DataFrame", Form.PANDAS),
        ("from pandas import DataFrame as Frame", "Frame", Form.PANDAS),
        ("from polars import DataFrame", "DataFrame", Form.POLARS),
        ("import polars", "'polars.LazyFrame'", Form.POLARS_LAZY),
        ("import pyarrow as pa", "pa.Table", Form.ARROW),
        ("import pyarrow as pa", "pa.RecordBatchReader", Form.ARROW_STREAM),
        ("import pyarrow as pa", "pa.lib.RecordBatchReader", Form.ARROW_STREAM),
        ("from duckdb import DuckDBPyRelation", "DuckDBPyRelation", Form.DUCKDB),
        ("if True:\n    import duckdb as d", "d.DuckDBPyRelation", Form.DUCKDB),
    ],
)
def test_an_annotation_means_what_the_imports_of_the_file_say(models, imports, annotation, form) -> None:
    found = models.read(f"{imports}\n\ndef m(a: {annotation}):\n    return a\n")

    assert found.problems == ()
    assert found.model.python.forms == {"a": form}


def test_an_annotation_that_is_no_table_is_told_with_the_nearest_one(models: Models) -> None:
    assert models.problems("import pandas as pd\ndef m(a: pd.Series, b: list):\n    return a\n") == [
        ("WFT-PYM-004", "models/m.py:2:7", "write one of them; without annotation it is a `pyarrow.Table`"),
        ("WFT-PYM-004", "models/m.py:2:21", "write one of them; without annotation it is a `pyarrow.Table`"),
    ]
    assert models.problems("def m(a: DataFrame):\n    return a\n") == [
        ("WFT-PYM-004", "models/m.py:1:7", "write `polars.DataFrame`, and import its package")
    ]


def test_python_that_does_not_parse_is_told_with_its_line(models: Models) -> None:
    (problem,) = models.read("def m(a):\n    return (a\n").problems

    assert (problem.code, str(problem.where), problem.why) == (
        "WFT-PYM-001",
        "models/m.py:2:12",
        "'(' was never closed",
    )


def test_a_file_that_is_not_utf_8_or_holds_a_nul_is_told(models: Models) -> None:
    assert [code for code, _, _ in models.problems("def m(a):\n    return 'é'\n".encode("latin-1"))] == ["WFT-PRJ-021"]
    assert [code for code, _, _ in models.problems(b"def m(a):\n    return '\0'\n")] == ["WFT-PYM-001"]


def test_the_function_is_the_one_named_like_the_file_or_the_only_public_one(models: Models) -> None:
    def function(text: str, name: str = "m") -> str:
        return models.read(text, name).model.python.function

    assert function("def other(a):\n    return a\ndef m(a):\n    return a\n") == "m"
    assert function("def _inner(a):\n    return a\ndef rows(a):\n    return a\n") == "rows"
    assert function("def m(a):\n    return a\n", "m@1") == "m"


def test_several_functions_none_or_an_async_one_are_told(models: Models) -> None:
    assert models.problems("def a(x): ...\ndef b(x): ...\n") == [
        ("WFT-PYM-002", "models/m.py:2", "name it `m`; begin the names of the others with `_`")
    ]
    assert models.problems("X = 1\n") == [("WFT-PYM-002", "models/m.py:1", "write `def m(…)`")]
    assert models.problems("async def m(a): ...\n") == [("WFT-PYM-002", "models/m.py:1", "write `def` alone")]


def test_arguments_that_take_no_name_are_told(models: Models) -> None:
    found = models.problems("def m(a, /, b, *rest, **more): ...\n")

    assert [(code, where) for code, where, _ in found] == [
        ("WFT-PYM-003", "models/m.py:1:17"),
        ("WFT-PYM-003", "models/m.py:1:25"),
        ("WFT-PYM-003", "models/m.py:1:7"),
    ]


HEADER = """# A comment before.
# /// script
# requires-python = ">=3.11"
# dependencies = ["polars>=1.30", "scikit-learn"]
#
# [tool.weft]
# timeout = "30s"
# memory_limit = "1GB"
# [tool.weft.columns]
# a = "BIGINT"
# [tool.weft.lineage]
# a = ["flights.a"]
# ///
def m(flights):
    return flights
"""


def test_the_header_of_pep_723_holds_dependencies_and_settings(models: Models) -> None:
    found = models.read(HEADER)

    assert found.problems == ()
    code = found.model.python
    assert (code.dependencies, code.requires_python) == (("polars>=1.30", "scikit-learn"), ">=3.11")
    assert found.model.settings == {
        "timeout": "30s",
        "memory_limit": "1GB",
        "columns": {"a": "BIGINT"},
        "lineage": {"a": ["flights.a"]},
    }
    assert (code.place("dependencies"), code.place("timeout"), code.place("columns")) == (4, 7, 9)


@pytest.mark.parametrize(
    ("line", "code", "fix"),
    [
        ('timeot = "30s"', "WFT-PRJ-017", "did you mean `timeout`?"),
        ("timeout = 30", "WFT-PRJ-018", 'write `timeout = "10m"`'),
        ('timeout = "0s"', "WFT-PRJ-018", 'write `timeout = "10m"`'),
        ('memory_limit = "much"', "WFT-PRJ-018", 'write `memory_limit = "2GB"`'),
        ('columns = ["a"]', "WFT-PRJ-018", "write a table `[tool.weft.columns]`"),
        ('columns = {a = "A,"}', "WFT-PRJ-018", "write a type of DuckDB, such as `BIGINT`"),
        ('lineage = {a = "flights.a"}', "WFT-PRJ-018", 'write `a = ["flights.dep_delay"]`'),
        ('materialized = "merge"', "WFT-PRJ-018", "beside it may stand: delete, key, lookback, time_column"),
    ],
)
def test_a_setting_that_is_wrong_is_told_with_its_line(models, line, code, fix) -> None:
    found = models.problems(f"# /// script\n# [tool.weft]\n# {line}\n# ///\ndef m(a):\n    return a\n")

    assert found == [(code, "models/m.py:3", fix)]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("# /// script\n# dependencies = []\n", 1),
        ("# /// script\n# dependencies = []\n\n# ///\n", 1),
        ("# /// script\n#dependencies = []\n# ///\n", 2),
        ("# /// script\n# [tool.weft]\n# timeout = '2s'\n#///\n", 4),
        ("# ///script\n# dependencies = []\n# ///\n", 1),
        ("import os\n#/// script\n# dependencies = []\n# ///\n", 2),
    ],
)
def test_a_header_that_is_not_written_as_pep_723_asks_is_told_and_not_overlooked(models, header, line) -> None:
    ((code, where, fix),) = models.problems(header + "def m(a):\n    return a\n")

    assert (code, where) == ("WFT-PYM-005", f"models/m.py:{line}")
    assert fix


def test_a_header_that_is_no_toml_or_stands_twice_is_told(models: Models) -> None:
    function = "def m(a):\n    return a\n"

    assert models.problems(f"# /// script\n# dependencies = [\n# ///\n{function}")[0][:2] == (
        "WFT-PYM-005",
        "models/m.py:1",
    )
    assert models.problems(f"# /// script\n# a = = 1\n# ///\n{function}")[0][:2] == ("WFT-PYM-005", "models/m.py:2")
    twice = "# /// script\n# dependencies = []\n# ///\n\n# /// script\n# dependencies = []\n# ///\n"
    assert models.problems(twice + function)[0][:2] == ("WFT-PYM-005", "models/m.py:5")
    assert models.problems(f"# /// script\n# dependencies = 'polars'\n# ///\n{function}")[0][:2] == (
        "WFT-PYM-005",
        "models/m.py:2",
    )


def test_comments_and_layout_leave_the_digest_and_anything_else_moves_it(models: Models) -> None:
    first = models.digest("def m(a):\n    return a\n")

    assert models.digest("# a comment\n\ndef m( a ):\n\n    return (a)  # it\n") == first
    assert models.digest("def m(a):\n    return [a][0]\n") != first
    assert models.digest('# /// script\n# dependencies = ["polars"]\n# ///\ndef m(a):\n    return a\n') != first
