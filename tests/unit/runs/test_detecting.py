"""Sensitive data in published ports: what is found, what contracts say beside, and what is read again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.meshes import TestMesh, contract, source_rows, two_products
from weft.access.principals import named
from weft.api.governance.detecting import detected, suggested
from weft.config import load_settings
from weft.errors import UsageError
from weft.governance.detection.findings import Finding
from weft.governance.relations import BY_NAME
from weft.model.address import parse_address
from weft.model.classification import Classification
from weft.model.document import Document
from weft.model.odcs import contract as contract_of
from weft.runs.detecting import detect
from weft.wiring import Rooms

PORT = "sales.orders.orders@1"
ORDERS = "domains/sales/orders"
COLUMNS: list[dict[str, Any]] = [
    {"name": "id", "id": "id", "logicalType": "integer", "primaryKey": True, "required": True},
    {"name": "batch", "id": "batch", "logicalType": "integer", "required": True},
    {"name": "amount", "id": "amount", "logicalType": "integer"},
    {"name": "day", "id": "day", "logicalType": "integer", "required": True},
    {"name": "mail", "id": "mail", "logicalType": "string", "classification": "public"},
    {
        "name": "contact",
        "id": "contact",
        "logicalType": "object",
        "classification": "restricted",
        "properties": [{"name": "phone", "logicalType": "string", "tags": ["pii.phone"]}],
    },
]
MODEL = """
select
    id::integer as id, batch::integer as batch, amount::integer as amount, day::integer as day,
    'zyxwv' || id || '@example.org' as mail,
    {'phone': '+49 30 9018' || (100 + id::integer)} as contact
from raw
"""


@pytest.fixture
def mesh(tmp_path: Path) -> TestMesh:
    mesh = two_products(tmp_path)
    mesh.write(f"{ORDERS}/contracts/orders.odcs.yaml", contract("sales.orders.orders", COLUMNS))
    mesh.write(f"{ORDERS}/models/orders.sql", MODEL)
    publish(mesh, 1)
    return mesh


def publish(mesh: TestMesh, batch: int) -> None:
    source_rows(mesh, batch, rows=60)
    done = mesh.weft("apply")
    assert done.returncode == 0, done.stderr


def rooms_of(mesh: TestMesh) -> Rooms:
    return Rooms(load_settings(mesh.root))


def test_each_column_is_shown_with_what_its_contract_says_and_what_it_lacks(mesh: TestMesh) -> None:
    found = mesh.json("classify", "--detect", "sales")

    assert found["ports"] == found["read"] == 2
    assert [
        (c["column"], c["kind"], c["share"], c["matches"], c["contract"], c["suggested"]) for c in found["columns"]
    ] == [
        (
            "contact.phone",
            "phone",
            1.0,
            60,
            {"classification": "restricted", "tags": ["pii.phone"]},
            {"classification": None, "tags": []},
        ),
        (
            "mail",
            "email",
            1.0,
            60,
            {"classification": "public", "tags": []},
            {"classification": "confidential", "tags": ["pii.email"]},
        ),
    ]
    assert {c["port"] for c in found["columns"]} == {PORT}
    assert found["diagnostics"] == []


def test_as_text_there_is_a_line_for_each_column(mesh: TestMesh) -> None:
    done = mesh.weft("classify", "--detect")

    assert done.returncode == 0
    lines = [line.split() for line in done.stdout.splitlines()]
    assert ["mail", "email", "100.0%", "0.99", "public", "confidential", "pii.email"] in lines
    assert ["contact.phone", "phone", "100.0%", "0.88", "restricted", "pii.phone", "-"] in lines
    assert done.stdout.splitlines()[-1] == "4 ports looked at; 1 suggestion"


def test_a_snapshot_that_was_looked_at_is_not_looked_at_again(mesh: TestMesh) -> None:
    first = mesh.json("classify", "--detect")
    again = mesh.json("classify", "--detect")
    mesh.edit(f"{ORDERS}/models/totals.sql", "sum(amount)", "1 + sum(amount)")
    assert mesh.weft("apply").returncode == 0
    moved = mesh.json("classify", "--detect")

    assert (first["read"], again["read"]) == (4, 0)
    assert again["columns"] == first["columns"]
    assert moved["read"] == 3  # totals, and the two that are made from it
    assert moved["columns"] == first["columns"]


def test_no_value_rests_outside_of_the_warehouse(mesh: TestMesh) -> None:
    done = mesh.weft("classify", "--detect", "--format", "json")

    state = mesh.root / ".weft"
    holding = [p for p in state.rglob("*") if p.is_file() and b"zyxwv7@example" in p.read_bytes()]
    cached = [p for p in (state / "cache").rglob("*") if p.is_file()]
    assert cached, "what was found is kept"
    assert [p for p in holding if "warehouse" not in p.parts and "landing" not in p.parts] == []
    assert "zyxwv" not in done.stdout + done.stderr


def test_what_is_agreed_to_is_written_into_the_contract_and_suggested_no_more(mesh: TestMesh) -> None:
    written = mesh.json("classify", "--detect", "--write", "--yes")
    again = mesh.json("classify", "--detect", "--write", "--yes")

    assert written["written"] == [f"{ORDERS}/contracts/orders.odcs.yaml"]
    assert again["written"] == []
    assert [c["contract"] for c in again["columns"]] == [
        {"classification": "restricted", "tags": ["pii.phone"]},
        {"classification": "confidential", "tags": ["pii.email"]},
    ]
    assert mesh.weft("check").returncode == 0


def test_two_kinds_of_one_column_are_written_together(mesh: TestMesh) -> None:
    numbers = "'DE89370400440532013000', 'GB29NWBK60161331926819', 'NL91ABNA0417164300', 'ES9121000418450200051332'"
    some = f"[{numbers}][1 + id::integer % 4]"
    mixed = f"case when id::integer % 8 > 3 then 'zyxwv' || id || '@example.org' else {some} end as mail"
    mesh.edit(f"{ORDERS}/models/orders.sql", "'zyxwv' || id || '@example.org' as mail", mixed)
    publish(mesh, 2)

    mesh.json("classify", "--detect", "--write", "--yes")
    found = mesh.json("classify", "--detect")

    assert [(c["kind"], c["contract"], c["suggested"]["tags"]) for c in found["columns"] if c["column"] == "mail"] == [
        (kind, {"classification": "restricted", "tags": ["pii.iban", "pii.email"]}, []) for kind in ("iban", "email")
    ]


def test_a_selection_that_matches_nothing_is_told(mesh: TestMesh) -> None:
    with pytest.raises(UsageError, match="WFT-PLN-008"):
        detected(rooms_of(mesh), ["sale"])


def test_whoever_may_not_read_a_port_learns_nothing_of_it(mesh: TestMesh) -> None:
    rooms = rooms_of(mesh)
    detected(rooms)  # the owner has looked, and it is remembered

    found = detect(
        rooms.registry.ports().values(), rooms.door, named("stranger"), lambda: rooms.engine, rooms.now().date()
    )

    assert found.ports == ()
    assert {d.code for d in found.diagnostics} == {"WFT-GOV-021"}
    assert len(found.diagnostics) == 4
    assert "WFT-ACC-002" in str(found.diagnostics[0])
    rooms.close()


def test_findings_are_rows_of_the_relation_that_policies_read(mesh: TestMesh) -> None:
    rooms = rooms_of(mesh)
    state = rooms.registry.port(parse_address(PORT))
    assert state is not None

    (port,) = detect([state], rooms.door, rooms.principal(), lambda: rooms.engine, rooms.now().date()).ports

    names = BY_NAME["samples_findings"].names
    rows = [dict(zip(names, row, strict=True)) for row in port.rows()]
    assert [(r["column"], r["kind"], r["tag"], r["level"], r["snapshot_id"]) for r in rows] == [
        (f"{PORT}.contact.phone", "phone", "pii.phone", 2, state.snapshot_id),
        (f"{PORT}.mail", "email", "pii.email", 2, state.snapshot_id),
    ]
    assert {(r["port"], r["product"], r["domain"]) for r in rows} == {(PORT, "sales.orders", "sales")}
    rooms.close()


@pytest.mark.parametrize(
    ("declared", "level", "tags"),
    [
        ({}, Classification.CONFIDENTIAL, ("pii.email",)),
        ({"classification": "internal"}, Classification.CONFIDENTIAL, ("pii.email",)),
        ({"classification": "restricted"}, None, ("pii.email",)),
        ({"classification": "confidential", "tags": ["pii.email", "crm"]}, None, ()),
        ({"tags": ["pii.email"]}, Classification.CONFIDENTIAL, ()),
    ],
)
def test_no_lower_level_and_no_tag_twice_is_suggested(
    declared: dict[str, Any], level: Classification | None, tags: tuple[str, ...]
) -> None:
    promised = contract_of(Document("c.odcs.yaml", {"schema": [{"properties": [{"name": "m", **declared}]}]}))
    finding = Finding(("m",), "email", "pii.email", Classification.CONFIDENTIAL, 9, 10, 0.9)

    (said,) = suggested(parse_address(PORT), "s", [finding], promised)

    assert (said.classification, said.add_tags) == (level, tags)
    assert said.agreed == (level is None and not tags)
