"""Column lineage of the queries of TPC-DS themselves, which the package databricks-tpcds carries."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

import pytest

from tests.unit.sql.sqlglot_lineage import sources
from weft.model.lineage import EdgeKind, Transformation
from weft.sql.lineage import column_lineage, outputs_of

pytest.importorskip("databricks_tpcds")

SEVERAL = {"q0", "q14", "q23", "q24", "q39"}
"""Files of several statements: each stands in a file of its own, too."""

TABLES = {
    "c": "customer", "ca": "customer_address", "cc": "call_center", "cd": "customer_demographics",
    "cp": "catalog_page", "cr": "catalog_returns", "cs": "catalog_sales", "d": "date_dim",
    "hd": "household_demographics", "i": "item", "ib": "income_band", "inv": "inventory", "p": "promotion",
    "r": "reason", "s": "store", "sm": "ship_mode", "sr": "store_returns", "ss": "store_sales", "t": "time_dim",
    "w": "warehouse", "web": "web_site", "wp": "web_page", "wr": "web_returns", "ws": "web_sales",
}  # fmt: skip
"""The table whose columns begin so."""


@cache
def texts() -> dict[str, str]:
    files = {f.name.removesuffix(".sql"): f for f in resources.files("resources.queries").iterdir()}
    return {
        name: files[name].read_text(encoding="utf-8").strip().rstrip(";").replace("`", '"')
        for name in sorted(files)
        if re.fullmatch(r"q\d+[ab]?", name) and name not in SEVERAL
    }


@cache
def schemas() -> dict[str, tuple[str, ...]]:
    """The columns that the queries name: their prefix says of which table."""
    found: dict[str, set[str]] = {table: set() for table in TABLES.values()}
    for text in texts().values():
        for prefix, rest in re.findall(r"\b([a-z]{1,3})_([a-z_0-9]+)\b", text.lower()):
            if prefix in TABLES:
                found[TABLES[prefix]].add(f"{prefix}_{rest}")
    return {table: tuple(sorted(columns)) for table, columns in found.items()}


def test_all_of_them_are_there() -> None:
    assert {int(re.sub(r"\D", "", name)) for name in texts()} == set(range(1, 100))


@pytest.mark.parametrize("name", texts())
def test_sources_are_those_that_sqlglots_own_lineage_finds(name: str) -> None:
    sql = texts()[name]
    edges = column_lineage(sql, schemas())
    columns = {table: dict.fromkeys(names, "int") for table, names in schemas().items()}

    answers = {column: sources(column, sql, columns) for column in dict.fromkeys(outputs_of(sql, schemas()))}

    assert Transformation.UNRESOLVED not in {e.transformation for e in edges}
    for column, theirs in answers.items():
        if theirs is None:  # it cannot be asked for an expression without alias
            assert not re.fullmatch(r"\w+", column)
            continue
        every = {(e.source_table, e.source) for e in edges if e.target == column}
        direct = {(e.source_table, e.source) for e in edges if (e.target, e.kind) == (column, EdgeKind.DIRECT)}
        # it counts conditions and keys of windows, too, which are indirect with us
        assert direct <= theirs <= every, column
