"""A small mesh that is published in this process, and a repository whose sources can be changed."""

from __future__ import annotations

from pathlib import Path

import weft
from tests.meshes import TestMesh, source_rows, two_products

PORT = "sales.orders.orders@1"
ORDERS = "domains/sales/orders"


def published(root: Path, batches: int = 1) -> TestMesh:
    """Two products, applied once for each batch of 20 rows."""
    mesh = two_products(root)
    for batch in range(1, batches + 1):
        source_rows(mesh, batch, rows=20)
        with weft.open(root) as opened:
            assert opened.apply().exit_code == 0
    return mesh
