"""Python models in a mesh: checked, planned, built, published, previewed like those in SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

import weft
from tests.meshes import TestMesh, source_rows, two_products
from tests.unit.runs.published import ORDERS
from weft.errors import UserCodeError, WeftError

MODELS = f"{ORDERS}/models"
TOTALS = f"{MODELS}/totals.py"
SUMS = """import polars as pl


def totals(orders: pl.DataFrame):
    return orders.group_by("day").agg(pl.col("batch").max(), pl.col("amount").sum())
"""


@pytest.fixture
def mesh(tmp_path) -> Iterator[TestMesh]:
    made = two_products(tmp_path / "mesh")
    source_rows(made, 1, rows=20)
    made.path(f"{MODELS}/totals.sql").unlink()
    yield made


class Notes:
    """Progress of which only the notes are kept."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def started(self, total_stages: int) -> None: ...

    def stage(self, address: str, kind: str) -> None: ...

    def finished(self, address: str, outcome: str, rows: int | None, seconds: float) -> None: ...

    def note(self, text: str) -> None:
        self.notes.append(text)


def applied(mesh: TestMesh, notes: Notes | None = None):
    with weft.open(mesh.root) as opened:
        return opened.apply(progress=notes)


def rows(mesh: TestMesh, port: str) -> list[tuple]:
    with weft.open(mesh.root) as opened:
        return [tuple(r.values()) for r in opened.query(f"select * from {port} order by all").arrow().to_pylist()]


def checked(mesh: TestMesh) -> list[tuple[str, str, str | None]]:
    with weft.open(mesh.root) as opened:
        return [(d.code, str(d.where), d.fix) for d in opened.check().diagnostics]


def failure(mesh: TestMesh) -> list:
    """Diagnostics of the port whose model failed."""
    done = applied(mesh)
    (failed,) = [f for f in done.failed if str(f.address) == "sales.orders.totals@1"] or done.failed[:1]
    assert isinstance(failed.error, WeftError)
    return list(failed.error.diagnostics)


def expected_totals() -> list[tuple]:
    amounts = [(i * 7 + 1) % 100 for i in range(20)]
    return [(day, 1, sum(a for i, a in enumerate(amounts) if i % 10 == day)) for day in range(10)]


def test_a_port_filled_by_python_is_published_in_the_types_of_its_contract_and_read_by_others(mesh):
    mesh.write(TOTALS, SUMS)

    done = applied(mesh)

    assert (done.exit_code, [str(p.address) for p in done.published]) == (
        0,
        ["sales.orders.orders@1", "sales.orders.totals@1", "report.daily.big@1", "report.daily.small@1"],
    )
    assert rows(mesh, "sales.orders.totals") == expected_totals()
    with weft.open(mesh.root) as opened:
        assert [c.type for c in opened.query("select * from sales.orders.totals").columns] == ["BIGINT"] * 3


def test_a_private_python_model_is_read_by_sql_and_by_python(mesh):
    mesh.write(
        f"{MODELS}/doubled.py",
        "import pyarrow.compute as pc\n\ndef doubled(orders):\n"
        "    return orders.set_column(2, 'amount', pc.multiply(orders['amount'], 2))\n",
    )
    mesh.write(f"{MODELS}/kept.sql", "select * from doubled where amount >= 0")
    mesh.write(TOTALS, SUMS.replace("orders", "kept"))

    done = applied(mesh)

    assert done.exit_code == 0
    assert rows(mesh, "sales.orders.totals") == [(d, b, 2 * a) for d, b, a in expected_totals()]


def test_relations_of_duckdb_are_of_one_connection_so_that_they_can_be_joined(mesh):
    mesh.write(f"{MODELS}/days.sql", "select distinct day from orders")
    mesh.write(
        TOTALS,
        "from duckdb import DuckDBPyRelation as Rel\n\ndef totals(orders: Rel, days: Rel):\n"
        "    return orders.join(days, 'day').aggregate('day, max(batch) as batch, sum(amount) as amount')\n",
    )

    assert applied(mesh).exit_code == 0
    assert rows(mesh, "sales.orders.totals") == expected_totals()


def test_a_second_apply_has_nothing_to_do_and_a_comment_or_a_limit_rebuilds_nothing(mesh):
    mesh.write(TOTALS, SUMS)
    applied(mesh)

    assert applied(mesh).run_id is None
    mesh.write(TOTALS, f"# a comment\n{SUMS}")
    assert applied(mesh).run_id is None
    mesh.write(TOTALS, f'# /// script\n# [tool.weft]\n# timeout = "5m"\n# ///\n{SUMS}')
    assert applied(mesh).run_id is None


def test_another_text_interpreter_or_version_of_a_dependency_rebuilds_and_the_plan_says_which(mesh, monkeypatch):
    mesh.write(TOTALS, SUMS)
    applied(mesh)

    def reasons() -> dict[str, str]:
        with weft.open(mesh.root) as opened:
            return {str(c.address): c.reason for c in opened.plan().changes if c.action.value != "none"}

    import platform

    with monkeypatch.context() as patched:
        patched.setattr(platform, "python_version", lambda: "3.99.0")
        assert reasons()["sales.orders.totals@1"].startswith(
            "the Python that its models run with changed, or a package of theirs"
        )
    from weft.engines.python import environment

    with monkeypatch.context() as patched:
        patched.setattr(environment, "_version", lambda name: "99.0")
        assert "the Python that its models run with changed" in reasons()["sales.orders.totals@1"]
    assert reasons() == {}
    mesh.edit(TOTALS, ".sum()", ".max()")
    assert reasons()["sales.orders.totals@1"] == "its Python changed"


def test_an_argument_that_is_no_input_is_told_with_the_nearest_name(mesh):
    mesh.write(TOTALS, "def totals(order):\n    return order\n")

    assert checked(mesh) == [("WFT-PYM-003", f"{TOTALS}:1:12", "did you mean `orders`?")]


def test_what_a_model_needs_and_is_not_installed_is_told_before_it_runs(mesh):
    header = (
        '# /// script\n# requires-python = ">=3.99"\n'
        '# dependencies = ["no-such-package>=1", "polars<1", "duckdb; python_version < \'3\'"]\n# ///\n'
    )
    mesh.write(TOTALS, header + SUMS)

    assert checked(mesh) == [
        ("WFT-PYM-006", f"{TOTALS}:2", "install weft with such a Python, or widen `requires-python`"),
        ("WFT-PYM-006", f"{TOTALS}:3", "`pip install 'no-such-package>=1'`"),
        ("WFT-PYM-006", f"{TOTALS}:3", "`pip install 'polars<1'`"),
    ]


def test_data_frames_of_a_package_that_is_not_installed_are_told_with_the_extra(mesh, monkeypatch):
    mesh.write(TOTALS, SUMS)
    from weft.engines.python import environment

    monkeypatch.setattr(environment, "_version", lambda name: None)

    assert checked(mesh) == [("WFT-PYM-006", f"{TOTALS}:4", "`pip install 'weft[polars]'`")]


def test_a_requirement_that_is_none_is_told(mesh):
    mesh.write(TOTALS, f'# /// script\n# requires-python = "three"\n# dependencies = ["a b c"]\n# ///\n{SUMS}')

    assert [(code, where) for code, where, _ in checked(mesh)] == [
        ("WFT-PYM-005", f"{TOTALS}:2"),
        ("WFT-PYM-005", f"{TOTALS}:3"),
    ]


def test_columns_of_a_private_model_are_found_by_a_run_on_empty_inputs_once(mesh):
    mesh.write(f"{MODELS}/kept.py", "def kept(orders):\n    print('ran')\n    return orders.select(['id', 'day'])\n")
    mesh.write(f"{MODELS}/totals.sql", "select day, 1::int as batch, count(id)::int as amounts from kept group by day")

    assert [code for code, _, _ in checked(mesh)] == ["WFT-CON-001", "WFT-CON-002"]
    mesh.edit(f"{MODELS}/totals.sql", "amounts", "amount")
    assert checked(mesh) == []
    mesh.edit(f"{MODELS}/totals.sql", "count(id)", "count(nothing)")
    assert [code for code, _, _ in checked(mesh)] == ["WFT-SQL-010"]


def test_columns_that_a_header_declares_are_believed_before_and_held_to_after(mesh):
    declared = (
        '# /// script\n# [tool.weft.columns]\n# day = "INTEGER"\n# batch = "INTEGER"\n# amount = "INTEGER"\n# ///\n'
    )
    mesh.write(f"{MODELS}/kept.py", f"{declared}def kept(orders):\n    return orders.select(['day', 'batch'])\n")
    mesh.write(f"{MODELS}/totals.sql", "select day, max(batch) as batch, max(amount) as amount from kept group by day")

    assert checked(mesh) == []
    (problem,) = failure(mesh)
    assert (problem.code, str(problem.where)) == ("WFT-PYM-014", f"{MODELS}/kept.py:7")
    assert problem.what == "model `kept` returns no column `amount`"


def test_a_column_whose_type_empty_inputs_do_not_tell_has_to_be_declared(mesh):
    mesh.write(
        f"{MODELS}/kept.py", "import pyarrow as pa\n\ndef kept(orders):\n    return pa.table({'a': pa.nulls(0)})\n"
    )
    mesh.write(f"{MODELS}/totals.sql", "select 1::int as day, 1::int as batch, count(a)::int as amount from kept")

    assert checked(mesh) == [
        ("WFT-PYM-007", f"{MODELS}/kept.py:3", 'declare it in the header: `[tool.weft.columns]`, `a = "VARCHAR"`')
    ]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (".with_columns(pl.col('amount') + 0.5)", "`amount` of model `totals` is DOUBLE; 10 values do not fit BIGINT"),
        (
            ".with_columns(pl.col('amount').cast(pl.String))",
            "`amount` of model `totals` is VARCHAR, which is no BIGINT",
        ),
        (".with_columns(pl.lit(2**63).cast(pl.UInt64).alias('amount'))", "is UBIGINT; 10 values do not fit BIGINT"),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused_by_name(mesh, change, what):
    mesh.write(TOTALS, SUMS.rstrip() + change + "\n")

    (problem,) = failure(mesh)

    assert (problem.code, str(problem.where)) == ("WFT-PYM-015", f"{TOTALS}:4")
    assert what in problem.what


def test_numbers_that_are_whole_fit_whatever_their_type_and_nulls_fit_everything(mesh):
    mesh.write(
        TOTALS, SUMS.rstrip() + ".with_columns(pl.col('amount').cast(pl.Float64), pl.col('batch').cast(pl.Int8))\n"
    )
    assert applied(mesh).exit_code == 0
    assert rows(mesh, "sales.orders.totals") == expected_totals()

    mesh.write(TOTALS, SUMS.rstrip() + ".with_columns(pl.lit(None).alias('amount'))\n")
    assert applied(mesh).exit_code == 0
    assert rows(mesh, "sales.orders.totals") == [(d, b, None) for d, b, _ in expected_totals()]


def test_other_columns_than_those_of_the_contract_are_refused(mesh):
    mesh.write(TOTALS, SUMS.rstrip() + ".rename({'amount': 'amounts'})\n")

    problems = failure(mesh)

    assert [(p.code, p.what, p.fix) for p in problems] == [
        ("WFT-PYM-014", "model `totals` returns no column `amount`", "did you mean `amounts`?"),
        (
            "WFT-PYM-014",
            "model `totals` returns a column `amounts` that nothing names",
            "leave it out, or add it to the contract",
        ),
    ]


@pytest.mark.parametrize(
    ("body", "header", "code", "line", "what"),
    [
        ("    raise ValueError(orders)", "", "WFT-PYM-009", 2, "model `totals` raised ValueError"),
        ("    import time; time.sleep(60)", 'timeout = "2s"', "WFT-PYM-011", 5, "model `totals` ran longer than 2s"),
        ("    return bytearray(10**9)", 'memory_limit = "200MB"', "WFT-PYM-010", 6, "needs more memory than 200MB"),
        ("    import os; os.kill(os.getpid(), 6)", "", "WFT-PYM-012", 1, "was killed by SIGABRT"),
        ("    import os; os._exit(3)", "", "WFT-PYM-012", 1, "ended with status 3 and told nothing"),
        ("    return 3", "", "WFT-PYM-013", 1, "model `totals` returned a builtins.int"),
    ],
)
def test_each_way_to_fail_has_its_code_and_the_users_line_and_publishes_nothing(mesh, body, header, code, line, what):
    head = f"# /// script\n# [tool.weft]\n# {header}\n# ///\n" if header else ""
    mesh.write(TOTALS, f"{head}def totals(orders):\n{body}\n")

    (problem,) = failure(mesh)

    assert (problem.code, str(problem.where)) == (code, f"{TOTALS}:{line}")
    assert what in problem.what
    with weft.open(mesh.root) as opened, pytest.raises(WeftError, match="WFT-ACC-001"):
        opened.query("select * from sales.orders.orders")
    assert not list(mesh.path(".weft/tmp").glob("*"))


@pytest.mark.parametrize(
    ("body", "called", "fix"),
    [
        ("orders.num_rows", "returned nothing", "`return`"),
        ("return orders.to_pylist()", "returned a list", "from_pylist"),
        ("return orders.to_pydict()", "returned a dict", "from_pydict"),
        ("yield orders", "returned a generator", "RecordBatchReader.from_batches"),
        ("import polars; return polars.from_arrow(orders)['day']", "returned a Polars series", "to_frame"),
        ("import pandas; return orders.to_pandas()['day']", "returned a pandas series", "to_frame"),
        ("import no_such_package", "ModuleNotFoundError", "`dependencies`"),
    ],
)
def test_what_is_no_table_is_called_by_its_name_and_it_is_said_how_it_becomes_one(mesh, body, called, fix):
    mesh.write(TOTALS, f"def totals(orders):\n    {body}\n")

    (problem,) = failure(mesh)

    assert called in problem.what
    assert problem.fix is not None and fix in problem.fix


def test_a_users_error_holds_no_value_of_a_row_and_its_message_is_a_note(mesh):
    mesh.write(TOTALS, "def totals(orders):\n    raise ValueError(f'row {orders[\"amount\"][0]} is wrong')\n")
    notes = Notes()

    done = applied(mesh, notes)

    told = json.dumps([d.as_json() for f in done.failed for d in f.error.diagnostics])
    assert "row 1 is wrong" not in told
    assert "totals: ValueError: row 1 is wrong" in notes.notes


def test_lineage_that_is_declared_is_kept_and_the_rest_may_come_from_everything(mesh):
    header = '# /// script\n# [tool.weft.lineage]\n# day = ["orders.day"]\n# batch = []\n# ///\n'
    mesh.write(TOTALS, header + SUMS)

    done = applied(mesh)

    with weft.open(mesh.root) as opened:

        def sources(column: str) -> set[tuple[str, str]]:
            view = opened.lineage(f"sales.orders.totals.{column}", up=True, depth=1).as_json()
            return {(e["from"].rpartition(".")[2], e["transformation"]) for e in view["edges"]}

        assert sources("day") == {("day", "transformation")}
        assert sources("amount") == {(c, "unresolved") for c in ("id", "batch", "amount", "day")}
        assert sources("batch") == set()
    (warning,) = [d for d in done.warnings if d.code == "WFT-SQL-012"]
    assert "`amount` of `totals`" in warning.what
    assert warning.fix is not None and "[tool.weft.lineage]" in warning.fix


def test_lineage_that_names_a_column_which_is_not_there_is_told(mesh):
    mesh.write(TOTALS, '# /// script\n# [tool.weft.lineage]\n# dey = ["orders.day", "orders.amont"]\n# ///\n' + SUMS)

    assert checked(mesh) == [
        ("WFT-PYM-008", f"{TOTALS}:2", "did you mean `day`?"),
        ("WFT-PYM-008", f"{TOTALS}:2", "did you mean `orders.amount`?"),
    ]


def test_a_preview_runs_the_model_on_a_sample_and_publishes_nothing(mesh):
    mesh.write(TOTALS, SUMS)

    with weft.open(mesh.root) as opened:
        found = opened.preview("sales.orders.totals", limit=3)
        with pytest.raises(WeftError, match="which has no CTE"):
            opened.preview("sales.orders.totals.x")

    assert ([c.name for c in found.columns], len(found), found.truncated) == (["day", "batch", "amount"], 3, True)
    assert not mesh.path(".weft/warehouse").exists()


def test_a_preview_of_a_model_that_fails_names_its_line(mesh):
    mesh.write(TOTALS, "def totals(orders):\n    return nothing\n")

    with weft.open(mesh.root) as opened, pytest.raises(UserCodeError) as raised:
        opened.preview("sales.orders.totals")

    (problem,) = raised.value.diagnostics
    assert (str(problem.where), problem.what, problem.why) == (
        f"{TOTALS}:2",
        "model `totals` raised NameError: name 'nothing' is not defined",
        "`return nothing`",
    )


def test_types_that_data_frames_lack_come_as_text_and_the_contract_takes_them_back(mesh):
    mesh.write(
        f"{MODELS}/odd.sql",
        "select uuid() as u, interval 1 day as i, 170141183460469231731687303715884105.0::hugeint as h, "
        "{'a': 1::hugeint, 'b': '[1]'::json} as s, 'x'::enum('x', 'y') as e, time '10:00' as t from orders limit 2",
    )
    mesh.write(
        TOTALS,
        "import polars as pl\n\ndef totals(odd: pl.DataFrame):\n"
        "    print({n: str(t) for n, t in odd.schema.items()})\n"
        "    return pl.DataFrame({'day': [1], 'batch': [1], 'amount': [1]})\n",
    )
    notes = Notes()

    assert applied(mesh, notes).exit_code == 0

    assert notes.notes[0] == (
        "totals: {'u': 'String', 'i': 'String', 'h': 'Decimal(precision=38, scale=0)', "
        "'s': \"Struct({'a': Decimal(precision=38, scale=0), 'b': String})\", 'e': 'String', 't': 'Time'}"
    )


def test_a_sync_drafts_the_contract_of_a_python_model_from_its_rows(mesh):
    mesh.write(TOTALS, SUMS)
    mesh.path(f"{ORDERS}/contracts/totals.odcs.yaml").unlink()

    with weft.open(mesh.root) as opened:
        drafted = opened.sync("sales.orders.totals", write=False)

    assert [name in drafted.text for name in ("day", "batch", "amount")] == [True] * 3


def test_a_model_in_sql_and_in_python_of_one_name_is_told(mesh):
    mesh.write(TOTALS, SUMS)
    mesh.write(f"{MODELS}/totals.sql", "select 1 as day, 1 as batch, 1 as amount")

    assert ("WFT-PRJ-015", f"{MODELS}/totals.sql", "rename one of them") in checked(mesh)


def test_columns_of_which_a_contract_says_nothing_yet_are_named_as_missing_there(mesh):
    mesh.write(TOTALS, SUMS)
    path = mesh.path(f"{ORDERS}/contracts/totals.odcs.yaml")
    document = json.loads(path.read_text())
    document["schema"][0]["properties"] = []
    path.write_text(json.dumps(document))

    with weft.open(mesh.root) as opened:
        told = [(d.code, d.what) for d in opened.check(["sales.orders"]).diagnostics]

    assert [what for code, what in told if code == "WFT-CON-002"] == [
        f"column `{name}` of the model is not in the contract" for name in ("day", "batch", "amount")
    ]
    assert "WFT-SQL-001" not in {code for code, _ in told}
