"""`weft.schedule` of a descriptor is looked at when its files are read."""

from __future__ import annotations

import weft
from tests.meshes import two_products


def test_a_schedule_that_cannot_be_followed_is_said_with_its_line(tmp_path):
    mesh = two_products(tmp_path)
    stated = '{"cron": "0 25 * * *", "timezone": "Europe/Berlim"}'
    mesh.edit(
        "domains/sales/orders/product.odps.yaml",
        '"name": "orders",\n  "status"',
        f'"name": "orders",\n  "customProperties": [\n    {{"property": "weft.schedule",\n     "value": {stated}}}],\n'
        '  "status"',
    )

    with weft.open(tmp_path) as opened:
        found = [d for d in opened.check().diagnostics if d.code == "WFT-RUN-048"]

    assert [d.what for d in found] == [
        "`weft.schedule`: `0 25 * * *` is no cron expression: its hour `25` is not 0 to 23",
        "`weft.schedule`: there is no time zone `Europe/Berlim`",
    ]
    assert found[1].fix == "did you mean `Europe/Berlin`?"
    assert {(d.where.file, d.where.line) for d in found} == {("domains/sales/orders/product.odps.yaml", 8)}


def test_the_products_in_a_folder_are_known_by_their_files_alone(tmp_path):
    from weft.config import load_settings
    from weft.project.product_files import products_in

    mesh = two_products(tmp_path)
    mesh.edit(
        "domains/sales/orders/product.odps.yaml",
        '"status"',
        '"customProperties": [{"property": "weft.slug", "value": "orders_of_old"}], "status"',
    )
    mesh.write("domains/sales/no_product/readme.md", "")
    mesh.write("elsewhere/domain.yaml", "")

    assert sorted(products_in(load_settings(tmp_path))) == ["report.daily", "sales.orders_of_old"]
