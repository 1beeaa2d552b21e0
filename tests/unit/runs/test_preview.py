"""A model or a part of it on a sample, before anything is published."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import weft
from tests.meshes import TestMesh, two_products
from tests.unit.runs.published import ORDERS, PORT, published
from weft.errors import ProjectError, UsageError, UserCodeError, WeftError

TOTALS = f"{ORDERS}/models/totals.sql"


@pytest.fixture
def mesh(tmp_path) -> Iterator[TestMesh]:
    yield two_products(tmp_path / "mesh")


def preview(mesh: TestMesh, name: str, limit: int = 20):
    with weft.open(mesh.root) as opened:
        return opened.preview(name, limit=limit)


def refused(mesh: TestMesh, name: str, kind: type[WeftError]):
    with pytest.raises(kind) as raised:
        preview(mesh, name)
    (diagnostic,) = raised.value.diagnostics
    return diagnostic


def test_a_model_is_shown_before_anything_is_published(mesh):
    found = preview(mesh, "sales.orders.orders", limit=3)

    assert [(c.name, c.type) for c in found.columns] == [(n, "INTEGER") for n in ("id", "batch", "amount", "day")]
    assert (len(found), found.truncated, found.snapshots) == (3, True, {})
    assert found.notes == ("computed from at most 50,000 rows of each input",)
    assert not mesh.path(".weft/warehouse").exists()


def test_a_model_that_reads_other_models_is_computed_from_them(mesh):
    found = preview(mesh, "sales.orders.totals")

    assert len(found) == 10
    assert sum(row[2] for row in found.rows()) == sum((i * 7 + 1) % 100 for i in range(2000))


def test_a_model_over_ports_that_are_not_published_is_computed_through(mesh):
    found = preview(mesh, "report.daily.big", limit=5000)

    assert len(found) == 1000
    assert min(row[2] for row in found.rows()) >= 50


def test_a_model_over_published_ports_says_which_snapshots_it_read(tmp_path):
    mesh = published(tmp_path / "mesh")

    found = preview(mesh, "report.daily.big")

    with weft.open(mesh.root) as opened:
        shown = {a: opened.history(a).as_json()["snapshots"][0]["snapshot_id"] for a in found.snapshots}
    assert set(found.snapshots) == {PORT, "sales.orders.totals@1"}
    assert dict(found.snapshots) == shown


def test_a_limit_of_the_models_own_holds_and_a_large_limit_cuts_nothing(mesh):
    mesh.write(TOTALS, "select day, 1::integer as batch, 2::integer as amount from orders order by id limit 4\n")

    assert (len(preview(mesh, "sales.orders.totals", limit=2)), preview(mesh, "sales.orders.totals", 2).truncated) == (
        2,
        True,
    )
    found = preview(mesh, "sales.orders.totals", limit=4)
    assert (len(found), found.truncated) == (4, False)


CTES = """\
/* weft
materialized: full
*/
with
  even as (select * from orders where id % 2 = 0),
  counted as (select day, count(*) as n from even group by day),
  "Odd name" as (select 7 as seven)
select day, 1::integer as batch, n::integer as amount from counted
"""


def test_each_cte_is_shown_with_what_it_reads(mesh):
    mesh.write(TOTALS, CTES)

    even = preview(mesh, "sales.orders.totals.even", limit=5000)
    counted = preview(mesh, "sales.orders.totals.counted")

    assert len(even) == 1000
    assert [c.name for c in counted.columns] == ["day", "n"]
    assert sum(n for _, n in counted.rows()) == 1000
    assert preview(mesh, "sales.orders.totals.Odd name").rows() == [(7,)]


def test_a_recursive_cte_is_shown(mesh):
    mesh.write(
        TOTALS,
        "with recursive steps(n) as (select 1 union all select n + 1 from steps where n < 5)\n"
        "select n::integer as day, 1::integer as batch, n::integer as amount from steps\n",
    )

    assert sorted(preview(mesh, "sales.orders.totals.steps").rows()) == [(n,) for n in range(1, 6)]


def test_a_cte_that_does_not_exist_is_told_with_the_nearest(mesh):
    mesh.write(TOTALS, CTES)

    found = refused(mesh, "sales.orders.totals.evn", UsageError)

    assert (found.code, found.fix) == ("WFT-SQL-003", "did you mean `even`?")


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("sales.orders.total", "did you mean `sales.orders.totals`?"),
        ("sales.order.totals", "did you mean `sales.orders.totals`?"),
        ("totals", None),
        ("a.b.c.d.e", None),
        ("", None),
    ],
)
def test_a_model_that_does_not_exist_is_told_with_the_nearest(mesh, name, fix):
    found = refused(mesh, name, UsageError)

    assert (found.code, found.fix) == ("WFT-PLN-001", fix)


def test_a_row_that_fails_is_told_in_the_models_file_without_its_value(mesh):
    mesh.write(
        TOTALS, "-- totals\nselect day, 1::integer as batch,\n  ('secret' || id)::integer as amount\nfrom orders\n"
    )

    found = refused(mesh, "sales.orders.totals", UserCodeError)

    assert (found.code, found.where.file, found.where.line) == ("WFT-ENG-001", TOTALS, 3)
    assert "secret" not in str(found)


def test_a_column_that_does_not_exist_is_told_in_the_file_of_the_model_that_names_it(mesh):
    mesh.edit(f"{ORDERS}/models/orders.sql", "day::integer as day", "dy::integer as day")

    found = refused(mesh, "sales.orders.totals", UserCodeError)

    assert (found.code, found.where.file, found.where.line) == ("WFT-SQL-010", f"{ORDERS}/models/orders.sql", 5)
    assert found.fix == "did you mean `day`?"


def test_sql_that_is_refused_is_not_run(mesh):
    mesh.write(TOTALS, "select * from read_csv('/etc/passwd')\n")

    assert refused(mesh, "sales.orders.totals", ProjectError).code == "WFT-SQL-006"


def test_a_problem_elsewhere_does_not_keep_a_model_from_being_shown(mesh):
    mesh.write("domains/report/daily/models/big.sql", "selec\n")

    assert len(preview(mesh, "sales.orders.totals")) == 10
