"""Rules in SQL on tables whose names are no plain words."""

from __future__ import annotations

import pyarrow as pa
import pytest

import weft
from weft.errors import UsageError
from weft.model.document import Document
from weft.model.odcs import contract


@pytest.mark.parametrize("name", ["Order Lines", "order-lines", "2024", "straße"])
def test_rules_in_sql_reach_a_table_whatever_its_name(name):
    rules = [
        {"id": "few", "type": "sql", "query": "select count(*) from {object} where v > 1", "mustBe": 0},
        {"id": "most", "type": "sql", "query": "select max(v) from {object}", "mustBe": 2},
        {"id": "known", "metric": "nullValues", "mustBe": 0, "arguments": {"filter": "id > 1"}},
    ]
    columns = [{"name": "id", "logicalType": "integer", "primaryKey": True}, {"name": "v", "quality": [rules[2]]}]
    table = {"name": name, "properties": columns, "quality": rules[:2]}
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active"}
    described = contract(Document("t.odcs.yaml", {**head, "schema": [table]}))

    found = weft.verify(described, {name: pa.table({"id": [1, 2, 3], "v": [None, 2, None]})})

    asked = {c.id: (c.result.value, c.failed_rows) for c in found.checks if c.id in ("few", "most", "known")}
    assert asked == {"few": ("failed", 1), "most": ("passed", None), "known": ("failed", 1)}
    assert [dict(s) for c in found.checks if c.id == "few" for s in c.samples] == [{"id": 2}]


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from {object}) as rule, (select 1 from read_text('/etc/passwd')",
        "select 1) as rule; drop table x; select (1",
        "select count(*) from other",
    ],
)
def test_a_table_with_an_odd_name_opens_nothing_else(query):
    rule = {"id": "r", "type": "sql", "query": query, "mustBe": 0}
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active"}
    table = {"name": "Order Lines", "properties": [{"name": "id"}], "quality": [rule]}
    described = contract(Document("t.odcs.yaml", {**head, "schema": [table]}))

    found = weft.verify(described, pa.table({"id": [1]}))

    assert [c.result.value for c in found.checks if c.id == "r"] == ["error"]
    assert "root" not in str([c.as_json() for c in found.checks])


@pytest.mark.parametrize("name", ["orders", "shop_orders_v3"])
def test_data_names_a_table_as_the_contract_or_as_its_place_does(name, tmp_path):
    head = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active"}
    tables = [
        {
            "name": "orders",
            "physicalName": "shop_orders_v3",
            "properties": [{"name": "id", "required": True}, {"name": "v"}],
        },
        {"name": "lines", "properties": [{"name": "id"}]},
    ]
    described = contract(Document("t.odcs.yaml", {**head, "schema": tables}))
    (tmp_path / "x.csv").write_text("id,v\n1,a\n,b\n")

    in_memory = weft.verify(described, {name: pa.table({"id": [1, None], "v": ["a", "b"]})})
    in_a_file = weft.verify(described, f"{name}={tmp_path / 'x.csv'}")

    for found in (in_memory, in_a_file):
        assert [(c.id, c.failed_rows) for c in found.checks if c.result.value == "failed"] == [("id.required", 1)]
    with pytest.raises(UsageError, match="no table `ordres`"):
        weft.verify(described, {"ordres": pa.table({"id": [1]})})
