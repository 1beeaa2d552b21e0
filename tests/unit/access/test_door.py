"""The one door to rows: what is opened for whom, at which data version, and what a query may say."""

from __future__ import annotations

import datetime as dt

import pytest

import weft
from tests.unit.runs.published import PORT, published
from weft.access.door import Door
from weft.access.principals import Principal, PrincipalKind, product_principal
from weft.access.versions import parse_time
from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import AccessDenied, UsageError, UserCodeError, WeftError
from weft.model.address import ProductAddress, parse_address
from weft.registry.sqlite import SqliteRegistry

OWNER = Principal("ann", PrincipalKind.OWNER)
ADDRESS = parse_address(PORT)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Two batches, published one after the other."""
    return published(tmp_path_factory.mktemp("door") / "mesh", batches=2).root


@pytest.fixture(scope="module")
def door(root):
    registry, engine = SqliteRegistry(root / ".weft/registry.db"), DuckDBEngine(threads=2)
    yield Door(registry, str(root / ".weft/warehouse"), lambda: engine, lambda: dt.datetime.now(dt.UTC))
    engine.close()
    registry.close()


@pytest.fixture(scope="module")
def snapshots(root):
    """Snapshot ids of the port, newest first."""
    with weft.open(root) as mesh:
        return [s["snapshot_id"] for s in mesh.history(PORT).as_json()["snapshots"]]


def code(raised) -> str:
    return raised.value.diagnostics[0].code


BATCH = f'select max(batch) from sales.orders."{PORT.rpartition(".")[2]}"'


def test_the_owner_opens_a_port_and_its_files(door, snapshots):
    opened = door.open(OWNER, ADDRESS)

    assert opened.publication.snapshot_id == snapshots[0]
    assert all(path.endswith(".parquet") for path in opened.paths)
    assert all(path in opened.relation for path in opened.paths)
    assert opened.as_files


def test_a_product_opens_what_it_has_declared_and_nothing_else(door):
    product = product_principal(ProductAddress("report", "daily"))

    assert door.open(product, ADDRESS, reads=[ADDRESS]).publication.rows == 20
    with pytest.raises(AccessDenied) as raised:
        door.open(product, ADDRESS, reads=[parse_address("sales.orders.totals@1")])
    assert (code(raised), raised.value.exit_code) == ("WFT-ACC-002", 3)


def test_a_product_that_has_declared_nothing_cannot_query(door):
    with pytest.raises(AccessDenied) as raised:
        door.query(product_principal(ProductAddress("report", "daily")), BATCH)

    assert code(raised) == "WFT-ACC-002"


def test_a_port_that_does_not_exist_is_told_with_the_nearest(door):
    with pytest.raises(UsageError) as raised:
        door.open(OWNER, parse_address("sales.orders.order@1"))

    assert (code(raised), raised.value.diagnostics[0].fix) == ("WFT-ACC-001", f"did you mean `{PORT}`?")


def test_rows_are_read_now_by_snapshot_by_time_and_by_address(door, snapshots):
    new, old = snapshots
    published_at = {s: door.open(OWNER, ADDRESS, s).publication.published_at for s in snapshots}
    between = published_at[new] - dt.timedelta(microseconds=1)

    assert door.query(OWNER, BATCH).rows() == [(2,)]
    for at in (old, between, between.isoformat(), {PORT: old}, {"sales.orders.orders": old}):
        found = door.query(OWNER, BATCH, at=at)
        assert (found.rows(), dict(found.snapshots)) == ([(1,)], {PORT: old}), at
    assert door.query(OWNER, BATCH, at=published_at[new]).rows() == [(2,)]


def test_a_data_version_of_a_port_that_is_not_read_is_told(door, snapshots):
    with pytest.raises(UsageError) as raised:
        door.query(OWNER, BATCH, at={"sales.orders.totals@1": snapshots[1]})

    assert code(raised) == "WFT-ACC-004"


@pytest.mark.parametrize("at", ["12345", "2001-01-01", dt.datetime(2001, 1, 1, tzinfo=dt.UTC), {PORT: "12345"}])
def test_a_data_version_that_there_is_not_is_told(door, at):
    with pytest.raises(UsageError) as raised:
        door.query(OWNER, BATCH, at=at)

    assert code(raised) == "WFT-RUN-005"


def test_a_bare_snapshot_is_ambiguous_over_several_ports(door, snapshots):
    both = "select count(*) from sales.orders.orders o join sales.orders.totals t using (day)"

    with pytest.raises(UsageError) as raised:
        door.query(OWNER, both, at=snapshots[1])

    assert code(raised) == "WFT-ACC-004"
    assert door.query(OWNER, both, at=dt.datetime.now(dt.UTC)).rows() == [(20,)]


def test_a_text_that_is_no_time_is_told(door):
    with pytest.raises(UsageError) as raised:
        door.query(OWNER, BATCH, at="yesterday")

    assert code(raised) == "WFT-CLI-001"


def test_an_address_without_major_is_told_which_one_it_meant(door):
    found = door.query(OWNER, "select count(*) from sales.orders.orders")

    assert found.notes == (f"`sales.orders.orders` is `{PORT}`",)
    assert door.query(OWNER, BATCH).notes == ()


def test_the_same_port_under_two_names_is_one_snapshot(door, snapshots):
    found = door.query(OWNER, 'select count(*) from sales.orders.orders a join sales.orders."orders@1" b using (id)')

    assert (found.rows(), dict(found.snapshots)) == ([(20,)], {PORT: snapshots[0]})


def test_a_limit_cuts_and_says_so(door):
    found = door.query(OWNER, "select id from sales.orders.orders order by id", limit=3)

    assert (found.rows(), found.truncated) == ([(0,), (1,), (2,)], True)
    assert not door.query(OWNER, "select id from sales.orders.orders", limit=20).truncated


@pytest.mark.parametrize(
    ("sql", "refused"),
    [
        ("selec 1", "WFT-SQL-001"),
        ("select 1; select 2", "WFT-SQL-002"),
        ("select * from orders", "WFT-SQL-003"),
        ("select * from sales.orders", "WFT-SQL-003"),
        ("delete from sales.orders.orders", "WFT-SQL-004"),
        ("attach 'x.db'", "WFT-SQL-004"),
        ("set threads = 1", "WFT-SQL-004"),
        ("select getenv('HOME')", "WFT-SQL-005"),
        ("select * from read_parquet('.weft/warehouse/**/*.parquet')", "WFT-SQL-006"),
        ("select * from glob('*')", "WFT-SQL-006"),
        ("select * from '.weft/registry.db'", "WFT-SQL-007"),
    ],
)
def test_a_query_that_reaches_elsewhere_is_refused_before_anything_is_opened(door, sql, refused):
    with pytest.raises(WeftError) as raised:
        door.query(OWNER, sql)

    assert raised.value.exit_code == 2
    assert code(raised) == refused


def test_columns_that_are_given_as_text_keep_their_type_and_the_order_of_the_rows(door):
    sql = "select to_days(id::integer + 2) as age, id from sales.orders.orders order by id desc"

    found = door.query(OWNER, sql, limit=50)

    assert found.columns[0].type == "INTERVAL"
    ids = [row[1] for row in found.rows()]
    assert ids == sorted(ids, reverse=True)
    assert [row[0] for row in found.rows()] == [f"{i + 2} days" for i in ids]


def test_a_problem_of_the_text_is_told_with_its_line_and_column(door):
    with pytest.raises(UsageError) as raised:
        door.query(OWNER, "select id\nfrom sales.orders.orders,\n  read_csv('x')")

    assert str(raised.value.diagnostics[0].where) == "query:3:3"


def test_a_column_that_does_not_exist_is_told_with_its_place_and_the_nearest(door):
    with pytest.raises(UserCodeError) as raised:
        door.query(OWNER, "select id,\n  amont\nfrom sales.orders.orders")

    (found,) = raised.value.diagnostics
    assert (found.code, str(found.where), found.fix) == ("WFT-SQL-010", "query:2:3", "did you mean `amount`?")


def test_a_row_that_fails_is_told_without_its_value(door):
    with pytest.raises(UserCodeError) as raised:
        door.query(OWNER, "-- mine\nselect ('secret' || id)::integer from sales.orders.orders")

    (found,) = raised.value.diagnostics
    assert (found.code, found.where.line) == ("WFT-ENG-001", 2)
    assert "secret" not in str(raised.value)


def test_columns_may_have_any_name_of_their_own(door):
    found = door.query(OWNER, 'with x as (select id as "a b" from sales.orders.orders) select "a b", 1 as n from x')

    assert [c.name for c in found.columns] == ["a b", "n"]
    assert len(found) == 20


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-11-21T09:30:00Z", dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)),
        ("2026-11-21 09:30", dt.datetime(2026, 11, 21, 9, 30, tzinfo=dt.UTC)),
        ("2026-11-21", dt.datetime(2026, 11, 21, tzinfo=dt.UTC)),
        ("2026-11-21T09:30:00+02:00", dt.datetime(2026, 11, 21, 7, 30, tzinfo=dt.UTC)),
    ],
)
def test_a_time_without_zone_is_utc(text, time):
    assert parse_time(text) == time
    assert parse_time(text).tzinfo is not None


def test_a_port_without_quarantine_shows_its_columns_and_no_row(door):
    found = door.quarantine(OWNER, ADDRESS)

    assert [c.name for c in found.columns] == ["id", "batch", "amount", "day", "_rule", "_reason"]
    assert found.rows() == []


def test_a_product_does_not_read_what_is_in_quarantine_of_its_input(door):
    with pytest.raises(AccessDenied) as raised:
        door.quarantine(product_principal(ProductAddress("report", "daily")), ADDRESS)

    assert code(raised) == "WFT-ACC-002"
