"""Meshes with a port that lives in a table of a PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.domains import Repository, TestServer
from tests.shops import CONTRACT, ShopFiles

COLUMNS = {"id": "integer", "customer": "string", "region": "string", "amount": "number", "day": "date"}
SERVED = '[connections.db]\nkind = "postgres"\ndsn = { file = "dsn" }\ndomains = ["shop"]\n'
"""Settings of a server that `shop` is handed in to; the file `dsn` in its folder says where the database is."""


class LiveShop(ShopFiles):
    """A mesh with the product `shop.sales`, whose port `orders` lives in the table `orders` behind `db`."""

    def __init__(self, root: Path, url: str, source: dict[str, Any] | None = None, kind: str = "postgres") -> None:
        super().__init__(root, url, kind)
        self.contract(COLUMNS)
        self.product(source or {"connection": "db", "table": "orders"})

    def contract(self, columns: dict[str, Any], version: str = "1.0.0", **more: Any) -> None:
        listed = [
            {"name": name, **(kind if isinstance(kind, dict) else {"logicalType": kind})}
            for name, kind in columns.items()
        ]
        self.write_contract({"properties": listed, **more.pop("table", {})}, version=version, **more)

    def product(self, source: Any, version: str = "1.0.0") -> None:
        bound = [{"property": "weft.source", "value": source}] if source is not None else []
        port = {"name": "orders", "version": version, "contractId": CONTRACT["id"], "customProperties": bound}
        self.write_product(outputPorts=[port])

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

    def handed_in_to(self, server: TestServer) -> Repository:
        """The same files as the repository of a domain that publishes through a server."""
        mesh = Repository(self.root)
        mesh.token = server.token("ada")
        mesh.edit("weft.toml", 'name = "shop"\n', f'name = "shop"\nregistry = "{server.url}"\n')
        return mesh
