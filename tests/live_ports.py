"""Meshes with a port that lives in a table of a PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import weft
from tests.meshes import number

CONTRACT = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": number("shop.sales.orders"),
    "name": "orders",
    "version": "1.0.0",
    "status": "active",
}
COLUMNS = {"id": "integer", "customer": "string", "region": "string", "amount": "number", "day": "date"}


class LiveShop:
    """A mesh with the product `shop.sales`, whose port `orders` lives in the table `orders` behind `db`."""

    def __init__(self, root: Path, url: str, source: dict[str, Any] | None = None, kind: str = "postgres") -> None:
        self.root, self.url = root, url
        (root / "weft.toml").write_text(
            f'[mesh]\nname = "shop"\n[connections.db]\nkind = "{kind}"\ndsn = {{ file = "dsn" }}\n'
        )
        (root / "dsn").write_text(url)
        self.write(
            "domain.yaml",
            {
                "name": "shop",
                "title": "Shop",
                "kind": "source-aligned",
                "description": "x",
                "owner": {"team": "Shop"},
                "members": [],
            },
        )
        self.contract(COLUMNS)
        self.product(source or {"connection": "db", "table": "orders"})

    def write(self, path: str, content: dict[str, Any]) -> None:
        file = self.root / "domains/shop" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))

    def contract(self, columns: dict[str, Any], version: str = "1.0.0", **more: Any) -> None:
        listed = [
            {"name": name, **(kind if isinstance(kind, dict) else {"logicalType": kind})}
            for name, kind in columns.items()
        ]
        schema = [{"name": "orders", "properties": listed, **more.pop("table", {})}]
        self.write("sales/contracts/orders.odcs.yaml", CONTRACT | {"version": version, "schema": schema, **more})

    def product(self, source: Any, version: str = "1.0.0") -> None:
        bound = [{"property": "weft.source", "value": source}] if source is not None else []
        self.write(
            "sales/product.odps.yaml",
            {
                "apiVersion": "v1.0.0",
                "kind": "DataProduct",
                "id": number("shop.sales"),
                "name": "sales",
                "status": "active",
                "outputPorts": [
                    {"name": "orders", "version": version, "contractId": CONTRACT["id"], "customProperties": bound}
                ],
            },
        )

    def policies(self, text: str) -> None:
        file = self.root / "governance/access.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements on the server; gives the rows of the last."""
        import psycopg

        with psycopg.connect(self.url, autocommit=True) as connection:
            for one in statements:
                found = connection.execute(one.encode())
            return found.fetchall() if found.description else []

    def orders(self, rows: int = 6) -> None:
        """The table `orders`, with a column that nobody promises."""
        self.run(
            "DROP TABLE IF EXISTS orders CASCADE",
            "CREATE TABLE orders (id integer PRIMARY KEY, customer text, region varchar(10), amount numeric(10,2),"
            " day date, secret text)",
            "INSERT INTO orders SELECT i, 'customer ' || i || '@example.org', CASE i % 3 WHEN 0 THEN 'north' WHEN 1"
            " THEN 'south' ELSE NULL END, i * 1.5, date '2026-01-01' + i, 'hidden ' || i"
            f" FROM generate_series(1, {rows}) i",
            "ANALYZE orders",
        )

    def apply(self, **options: Any) -> Any:
        """What came of an apply; its first failure is raised."""
        with weft.open(self.root) as mesh:
            done = mesh.apply(**options)
        if done.failed:
            raise done.failed[0].error
        return done

    def rows(self, sql: str, **options: Any) -> list[tuple[Any, ...]]:
        with weft.open(self.root) as mesh:
            found = mesh.query(sql, **options).arrow()
        return [tuple(row.values()) for row in found.to_pylist()]
