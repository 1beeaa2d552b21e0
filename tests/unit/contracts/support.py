"""A contract from a few lines, and an evaluator over a plain DuckDB connection."""

from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb

from weft.contracts.verification import verify
from weft.errors import UserCodeError, error
from weft.model.checks import CheckResult
from weft.model.column import Column
from weft.model.document import Document
from weft.model.odcs import Contract
from weft.model.odcs import contract as read_contract
from weft.model.types import normalise

NOW = dt.datetime(2026, 3, 1, 12, 0, tzinfo=dt.UTC)


class Database:
    """Runs SQL in a DuckDB connection of its own, and remembers what ran."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'UTC'")
        self.queries: list[str] = []

    def execute(self, sql: str) -> None:
        self.connection.execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        self.queries.append(sql)
        try:
            return self.connection.execute(sql).fetchall()
        except duckdb.BinderException as problem:
            raise UserCodeError(error("WFT-SQL-010", str(problem).splitlines()[0])) from problem
        except duckdb.Error as problem:
            raise UserCodeError(error("WFT-ENG-001", str(problem))) from problem

    def bound(self, sql: str) -> None:
        """Binds a query as a session of an engine does."""
        try:
            self.connection.execute(f"EXPLAIN {sql}")
        except duckdb.BinderException as problem:
            raise UserCodeError(error("WFT-SQL-010", str(problem).splitlines()[0])) from problem
        except duckdb.CatalogException as problem:
            raise UserCodeError(error("WFT-SQL-003", str(problem).splitlines()[0])) from problem

    def columns(self, sql: str) -> tuple[Column, ...]:
        try:
            described = self.connection.execute(f"DESCRIBE {sql}").fetchall()
        except duckdb.Error as problem:
            raise UserCodeError(error("WFT-ENG-001", str(problem))) from problem
        return tuple(Column(row[0], normalise(row[1])) for row in described)


def a_contract(*properties: dict[str, Any], table: dict[str, Any] | None = None, **fields: Any) -> Contract:
    """A contract of one table `t` with the given properties."""
    data = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "c",
        "version": "1.0.0",
        "status": "active",
        "schema": [{"name": "t", "properties": list(properties), **(table or {})}],
        **fields,
    }
    return read_contract(Document("t.odcs.yaml", data))


def col(name: str, logical: str | None = None, **fields: Any) -> dict[str, Any]:
    """A property of a contract; `options` are its logicalTypeOptions."""
    entry: dict[str, Any] = {"name": name}
    if logical:
        entry["logicalType"] = logical
    if "options" in fields:
        entry["logicalTypeOptions"] = fields.pop("options")
    return entry | fields


def custom(**values: Any) -> list[dict[str, Any]]:
    """Custom properties of ours: `maxOrphans=1` is `weft.maxOrphans`."""
    return [{"property": f"weft.{name}", "value": value} for name, value in values.items()]


def check_all(
    contract: Contract, select: str | None, database: Database | None = None, **options: Any
) -> dict[str, CheckResult]:
    """The results of a contract on the rows of a SELECT (or of an existing table `t`), by id."""
    database = database or Database()
    if select is not None:
        database.execute(f"CREATE OR REPLACE TABLE t AS {select}")
    settings: dict[str, Any] = {"others": {}, "now": NOW, "admit": lambda _: (), **options}
    return {r.id: r for r in verify(contract, "t", database, **settings)}
