"""Meshes with one product, `shop.sales`, and the connection `db` to a database."""

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
_DOMAIN = {
    "name": "shop",
    "title": "Shop",
    "kind": "source-aligned",
    "description": "x",
    "owner": {"team": "Shop"},
    "members": [],
}
_PRODUCT = {
    "apiVersion": "v1.0.0",
    "kind": "DataProduct",
    "id": number("shop.sales"),
    "name": "sales",
    "status": "active",
}


class ShopFiles:
    """The files of such a mesh; `dsn` says where the database is."""

    def __init__(self, root: Path, url: str, kind: str = "postgres") -> None:
        self.root, self.url = root, url
        (root / "weft.toml").write_text(
            f'[mesh]\nname = "shop"\n[connections.db]\nkind = "{kind}"\ndsn = {{ file = "dsn" }}\n'
        )
        (root / "dsn").write_text(url)
        self.write("domain.yaml", _DOMAIN)

    def write(self, path: str, content: dict[str, Any]) -> None:
        file = self.root / "domains/shop" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))

    def write_product(self, **ports: list[dict[str, Any]]) -> None:
        self.write("sales/product.odps.yaml", _PRODUCT | ports)

    def write_contract(self, table: dict[str, Any], **more: Any) -> None:
        self.write("sales/contracts/orders.odcs.yaml", CONTRACT | {"schema": [{"name": "orders", **table}], **more})

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
