"""What a contract says of partition and order, and what files cannot have."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.contracts.support import a_contract
from weft.contracts.digests import physical_digest
from weft.contracts.layouts import layout_of, layout_problems
from weft.model.column import Column
from weft.model.odcs import Contract


def custom(name: str, value: Any) -> dict[str, Any]:
    return {"customProperties": [{"property": name, "value": value}]}


def column(name: str, logical: str = "string", **fields: Any) -> dict[str, Any]:
    return {"name": name, "logicalType": logical, **fields}


def typed(contract: Contract, **types: str) -> tuple[Column, ...]:
    return tuple(Column(p.name, types.get(p.name, "VARCHAR")) for p in contract.table.properties)


def told(contract: Contract, **types: str) -> list[tuple[str, str]]:
    return [(d.code, f"{d.what} | {d.why} | {d.fix}") for d in layout_problems(contract, typed(contract, **types))]


def test_a_time_is_parted_by_its_day_and_rows_are_sorted_by_partition_and_key() -> None:
    contract = a_contract(
        column("b", "integer", primaryKey=True, primaryKeyPosition=2),
        column("at", "timestamp", partitioned=True, partitionKeyPosition=2),
        column("a", primaryKey=True, primaryKeyPosition=1),
        column("country", partitioned=True, partitionKeyPosition=1),
    )

    found = layout_of(contract, typed(contract, at="TIMESTAMPTZ", b="BIGINT"))

    assert [(f.column, f.transform) for f in found.partition] == [("country", "identity"), ("at", "day")]
    assert [f.column for f in found.sort] == ["country", "at", "a", "b"]
    assert told(contract, at="TIMESTAMPTZ", b="BIGINT") == []


def test_a_stated_order_and_transform_are_taken() -> None:
    contract = a_contract(
        column("at", "timestamp", partitioned=True, **custom("weft.partitionTransform", "month")),
        column("a", **custom("weft.sortKeyPosition", 2)),
        column("b", **custom("weft.sortKeyPosition", 1)),
    )

    found = layout_of(contract, typed(contract, at="TIMESTAMP"))

    assert [(f.column, f.transform) for f in found.partition] == [("at", "month")]
    assert [f.column for f in found.sort] == ["b", "a"]


def test_a_contract_without_wishes_has_no_layout() -> None:
    contract = a_contract(column("a", primaryKey=True), column("b", partitioned=False, partitionKeyPosition=-1))

    assert not layout_of(contract, typed(contract))


@pytest.mark.parametrize(
    ("fields", "type_", "words"),
    [
        ({}, "DOUBLE", "parted by identity of column `v`, whose type is DOUBLE | rows of this type share no value"),
        ({}, "DECIMAL(10,2)", "whose type is DECIMAL(10,2)"),
        ({}, "STRUCT(a INTEGER)", "whose type is STRUCT(a INTEGER)"),
        (custom("weft.partitionTransform", "day"), "VARCHAR", "of this type there are: identity, truncate[N]"),
        (custom("weft.partitionTransform", "hour"), "DATE", "of this type there are: identity, year, month, day"),
        (custom("weft.partitionTransform", "identity"), "TIMESTAMP", "there are: year, month, day, hour"),
        (custom("weft.partitionTransform", "bucket[16]"), "BIGINT", "there are identity, year, month, day, hour"),
        (custom("weft.partitionTransform", "truncate[0]"), "BIGINT", "is none that weft writes"),
        (custom("weft.partitionTransform", "mouth"), "DATE", "did you mean `month`"),
    ],
)
def test_a_partition_that_files_cannot_have_is_told_with_those_that_they_can(
    fields: dict[str, Any], type_: str, words: str
) -> None:
    contract = a_contract(column("v", partitioned=True, **fields))

    ((code, text),) = told(contract, v=type_)

    assert code == "WFT-CON-020" and words in text


def test_a_transform_beside_a_column_that_is_not_partitioned_is_told() -> None:
    ((code, text),) = told(a_contract(column("v", **custom("weft.partitionTransform", "day"))))

    assert code == "WFT-CON-020" and "write `partitioned: true`" in text


@pytest.mark.parametrize(("position", "type_"), [(0, "VARCHAR"), ("first", "VARCHAR"), (True, "VARCHAR"), (1, "BLOB")])
def test_an_order_that_files_cannot_have_is_told(position: Any, type_: str) -> None:
    ((code, _),) = told(a_contract(column("v", **custom("weft.sortKeyPosition", position))), v=type_)

    assert code == "WFT-CON-021"


def test_every_wish_moves_the_physical_digest_and_no_wish_leaves_it() -> None:
    plain = a_contract(column("a"), column("b", primaryKey=True))
    wishes: list[list[dict[str, Any]]] = [
        [column("a", partitioned=True), column("b", primaryKey=True)],
        [
            column("a", partitioned=True, **custom("weft.partitionTransform", "truncate[2]")),
            column("b", primaryKey=True),
        ],
        [column("a"), column("b", primaryKey=True, partitioned=True)],
        [column("a", **custom("weft.sortKeyPosition", 1)), column("b", primaryKey=True)],
        [column("a", partitioned=True), column("b", primaryKey=True, **custom("weft.sortKeyPosition", 1))],
    ]

    digests = {physical_digest(c) for c in (plain, *(a_contract(*w) for w in wishes))}

    assert len(digests) == 6
    assert physical_digest(a_contract(column("a", partitioned=False), column("b", primaryKey=True))) == physical_digest(
        plain
    )
