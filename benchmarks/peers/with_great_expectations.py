"""The rules in Great Expectations, on a pandas frame.

python with_great_expectations.py PARQUET
"""

from __future__ import annotations

import datetime
import os
import sys
from collections.abc import Iterator

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import pandas
from great_expectations import expectations as expect
from rules import COLUMNS, KEY, ROWS, Column


def expectations(column: Column) -> Iterator[object]:
    """What is expected of a column."""
    name = column.name
    yield expect.ExpectColumnToExist(column=name)
    yield expect.ExpectColumnValuesToNotBeNull(column=name, mostly=1 - column.nulls / 100)
    if column.low is not None:
        low, high = (datetime.date.fromisoformat(v) if isinstance(v, str) else v for v in (column.low, column.high))
        yield expect.ExpectColumnValuesToBeBetween(column=name, min_value=low, max_value=high)
    if column.one_of:
        yield expect.ExpectColumnValuesToBeInSet(column=name, value_set=list(column.one_of))
    if column.pattern:
        yield expect.ExpectColumnValuesToMatchRegex(column=name, regex=column.pattern)


def main() -> None:
    """Checks the file; ends with 1 when a rule does not hold."""
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("files")
        .add_dataframe_asset("flights")
        .add_batch_definition_whole_dataframe("all")
    )
    suite = context.suites.add(gx.ExpectationSuite(name="flights"))
    for column in COLUMNS:
        for expectation in expectations(column):
            suite.add_expectation(expectation)
    suite.add_expectation(expect.ExpectTableRowCountToEqual(value=ROWS))
    suite.add_expectation(expect.ExpectCompoundColumnsToBeUnique(column_list=list(KEY)))
    frame = pandas.read_parquet(sys.argv[1], dtype_backend="numpy_nullable")
    found = batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite)
    print(f"{sum(bool(r.success) for r in found.results)} of {len(found.results)} rules hold")
    raise SystemExit(not found.success)


if __name__ == "__main__":
    main()
