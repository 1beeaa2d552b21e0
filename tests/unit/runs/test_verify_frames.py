"""A contract against tables that Python holds: Arrow, pandas, Polars; read where they are."""

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

import weft
from tests.unit.contracts.support import a_contract, col
from weft.errors import UsageError

ROWS = {"id": [1, 2, 2], "name": ["Ada", None, "Bert"], "price": [1.5, -1.0, None]}


def people(**fields):
    """A contract of one table, of which `ROWS` break three rules."""
    return a_contract(
        col("id", "integer", primaryKey=True),
        col("name", "string", required=True),
        col("price", "number", options={"minimum": 0}),
        **fields,
    )


def arrow():
    return pa.table(ROWS)


MAKERS = {
    "an Arrow table": arrow,
    "an Arrow reader": lambda: arrow().to_reader(),
    "a record batch": lambda: arrow().to_batches()[0],
    "a pandas data frame": lambda: pd.DataFrame(ROWS),
    "a pandas data frame of Arrow": lambda: arrow().to_pandas(types_mapper=pd.ArrowDtype),
    "a Polars data frame": lambda: pl.DataFrame(ROWS),
    "a lazy Polars frame": lambda: pl.DataFrame(ROWS).lazy(),
}


def outcomes(found):
    """What did not pass."""
    return {c.id: (c.result.value, c.failed_rows) for c in found.checks if c.result.value != "passed"}


@pytest.mark.parametrize("kind", MAKERS)
def test_rows_that_python_holds_are_verified(kind):
    found = weft.verify(people(), MAKERS[kind]())

    assert (found.result, found.rows, found.diagnostics) == ("failed", 3, ())
    assert outcomes(found) == {
        "id.primary_key": ("failed", 2),
        "name.required": ("failed", 1),
        "price.range": ("failed", 1),
    }


def test_a_dataset_of_many_files_is_verified_without_being_loaded(tmp_path):
    for part in range(3):
        pq.write_table(arrow(), tmp_path / f"{part}.parquet")

    found = weft.verify(people(), ds.dataset(tmp_path, format="parquet"))

    assert found.rows == 9
    assert outcomes(found)["id.primary_key"] == ("failed", 9)


def test_an_arrow_table_is_not_copied():
    table = pa.table({"id": list(range(1_000_000)), "name": ["x"] * 1_000_000, "price": [1.0] * 1_000_000})
    before = pa.total_allocated_bytes()

    found = weft.verify(people(), table)

    assert found.result == "passed"
    assert pa.total_allocated_bytes() == before


def test_a_type_that_the_contract_does_not_promise_is_told():
    found = weft.verify(people(), pa.table({**ROWS, "id": ["1", "2", "3"]}))

    assert outcomes(found)["id.type"] == ("failed", None)


def test_each_table_is_named_by_a_mapping(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cities.csv").write_text("code\nA\n")
    contract = a_contract(col("id", "integer"), col("city", "string", relationships=[{"to": "cities.code"}]))

    found = weft.verify(contract, {"t": pa.table({"id": [1, 2], "city": ["A", "B"]}), "cities": "cities.csv"})

    assert outcomes(found) == {"city.relationship": ("failed", 1)}


def test_a_contract_of_several_tables_needs_names_for_rows():
    contract = a_contract(col("id"), schema=[{"name": "a"}, {"name": "b"}])

    with pytest.raises(UsageError, match="which table the rows are for"):
        weft.verify(contract, arrow())


def test_what_holds_no_rows_is_told():
    found = weft.verify(people(), object())

    assert (found.result, [d.code for d in found.diagnostics]) == ("error", ["WFT-SRC-007"])


def test_a_path_of_a_contract_will_do(tmp_path):
    import json

    file = tmp_path / "people.odcs.yaml"
    file.write_text(json.dumps(dict(people().document.data)))

    assert weft.verify(file, arrow()).result == "failed"


def test_a_column_of_objects_of_several_types_is_not_read_as_texts():
    frame = pd.DataFrame({"id": [1, 2], "name": pd.Series([1, "sesame"], dtype=object), "price": [1.0, 2.0]})

    found = weft.verify(people(), frame)

    assert (found.result, [d.code for d in found.diagnostics]) == ("error", ["WFT-SRC-007"])
    assert "`name`" in found.diagnostics[0].what
    assert "sesame" not in str(found)


def test_the_numbers_of_a_data_frame_are_not_copied():
    frame = pd.DataFrame({"id": range(1_000_000)})
    before = pa.total_allocated_bytes()

    found = weft.verify(a_contract(col("id", "integer")), frame)

    assert (found.result, found.rows) == ("passed", 1_000_000)
    assert pa.total_allocated_bytes() == before


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
def test_instants_are_told_from_local_times_in_every_precision(unit, zone):
    times = pa.array([1_577_836_799, 1_577_836_800], pa.int64()).cast(pa.timestamp("s")).cast(pa.timestamp(unit))
    table = pa.table({"at": times.cast(pa.timestamp(unit, zone)) if zone else times})

    found = weft.verify(
        a_contract(col("at", "timestamp", options={"timezone": zone is not None, "minimum": "2020-01-01T00:00:00Z"})),
        table,
    )

    assert outcomes(found) == {"at.range": ("failed", 1)}
