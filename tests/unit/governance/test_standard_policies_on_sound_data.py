"""False alarms are what kills a policy: sound products of several trades, of which no shipped policy may object."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from weft.governance.book import Book
from weft.governance.judging import judge
from weft.governance.policies import PolicySet
from weft.governance.policy_files import policies_of
from weft.governance.rows import PortFacts, domain_rows, of_port, product_rows
from weft.model.address import Address
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.records import DomainRecord, ProductRecord
from weft.project.policies import fresh, read_policies
from weft.project.standard_set import FOLDER

NOW = datetime(2026, 5, 20, tzinfo=UTC)
PUBLISHED = datetime(2026, 5, 19, tzinfo=UTC)
FIRST = datetime(2024, 1, 1, tzinfo=UTC)
TIME = {"timezone": True}


def column(name: str, kind: str = "string", physical: str = "VARCHAR", **more: Any) -> dict[str, Any]:
    words = {"classification": "internal", "description": f"What the source says of {name}, as it came."}
    return {"name": name, "logicalType": kind, "physicalType": physical, **words, **more}


def unit(name: str) -> list[dict[str, str]]:
    return [{"property": "weft.unit", "value": name}]


ORDERS = [
    column("order_id", primaryKey=True, required=True),
    column("ordered_at", "timestamp", "TIMESTAMPTZ", logicalTypeOptions=TIME),
    column("order_date", "date", "DATE"),
    column("update_count", "integer", "INTEGER"),
    column("date_format"),
    column("bought_at"),
    column("candidate"),
    column("price_index", "number", "DOUBLE"),
    column("price_eur", "number", "DECIMAL(18,2)"),
    column("unit_price", "number", "DECIMAL(18,2)", customProperties=unit("EUR")),
    column("fee_count", "integer", "INTEGER"),
    column("shipping_cost", "integer", "BIGINT", customProperties=unit("EUR")),
    column("coffee", "number", "DOUBLE"),
    column("cost_center"),
    column("tax_rate", "number", "DOUBLE", customProperties=unit("%")),
    column("weight_kg", "number", "DOUBLE"),
    column("weight", "number", "DOUBLE", customProperties=unit("kg")),
    column("height_class"),
    column("email_opt_in", "boolean", "BOOLEAN"),
    column("phone_verified", "boolean", "BOOLEAN"),
    column("delivery_country_code", logicalTypeOptions={"pattern": "^[A-Z]{2}$"}),
    column(
        "lines",
        "array",
        "STRUCT[]",
        items={"logicalType": "object", "properties": [{"name": "lineNo", "id": "lineNo"}]},
    ),
]
PEOPLE = [
    column("customer_id", primaryKey=True, required=True),
    column("email", classification="confidential", tags=["pii.email"], logicalTypeOptions={"format": "email"}),
    column("allergies", classification="restricted", tags=["pii.health"]),
    column("birth_date", "date", "DATE", classification="restricted", tags=["pii.birth_date"]),
    column("segment", tags=["marketing"], quality=[{"metric": "invalidValues", "arguments": {"validValues": ["a"]}}]),
    column("country_code", logicalTypeOptions={"pattern": "^(DE|FR)$"}),
    column("currency", quality=[{"metric": "invalidValues", "arguments": {"validValues": ["EUR", "CHF"]}}]),
]
READINGS = [
    column("reading_id", "integer", "BIGINT", unique=True, required=True, classification="public"),
    column("latitude", "number", "DOUBLE", logicalTypeOptions={"minimum": -90, "maximum": 90}, classification="public"),
    column(
        "longitude",
        "number",
        "DOUBLE",
        logicalTypeOptions={"minimum": -180, "exclusiveMaximum": 180},
        classification="public",
    ),
    column("temperature_c", "number", "DOUBLE", classification="public"),
    column("wind_speed", "number", "DOUBLE", classification="public", customProperties=unit("m/s")),
    column(
        "local_time",
        "timestamp",
        "TIMESTAMP",
        classification="public",
        logicalTypeOptions={"defaultTimezone": "Europe/Berlin"},
    ),
    column("customers", "integer", "BIGINT", classification="public"),
]
PERSONAL = {"weft.legalBasis": "contract", "weft.processingPurpose": "Delivery of what was ordered"}
MESH = {
    "sales.orders.orders@1": (ORDERS, {}, []),
    "sales.customers.customers@1": (PEOPLE, PERSONAL, []),
    "weather.stations.readings@1": (READINGS, {"weft.licence": "CC0-1.0"}, ["sales.customers.customers@1"]),
}


def _contract(port: Address, columns: list[dict[str, Any]], custom: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": str(port),
        "name": port.port,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": "What it is", "limitations": "What it is not"},
        "schema": [{"name": port.port, "properties": columns}],
        "slaProperties": [
            {"property": "freshness", "value": 1, "unit": "d"},
            {"property": "retention", "value": 2, "unit": "y"},
        ],
        "customProperties": [{"property": name, "value": value} for name, value in custom.items()],
    }


@pytest.fixture(scope="module")
def shipped() -> PolicySet:
    return policies_of(read_policies(FOLDER / "policies", fresh(FOLDER), []), {}, {})


@pytest.fixture
def book() -> Iterator[Book]:
    found = Book.in_memory()
    for name in ("sales", "weather"):
        people = [{"user": "ada@example.com", "roles": ["owner"]}, {"user": "eve@example.com", "roles": ["steward"]}]
        domain = DomainRecord(name, name, "source-aligned", "About it", "Team", None, {"name": name, "members": people})
        found.put(name, domain_rows(domain))
        for text, (columns, custom, reads) in MESH.items():
            port = Address(*text.removesuffix("@1").split("."), 1)
            if port.domain == name:
                product = ProductRecord(port.of_product, port.product, "active", "Why", (), "m", tuple(reads), {})
                contract = _contract(port, columns, custom)
                facts = PortFacts(
                    port, "active", "1.0.0", contract, rows=9, published_at=PUBLISHED, first_published_at=FIRST
                )
                found.put(str(port.of_product), product_rows(domain, product, [facts], _edges(text)))
    _live(found)
    yield found
    found.close()


def _edges(port: str) -> list[LineageEdge]:
    if not port.startswith("weather"):
        return []
    people = "sales.customers.customers@1"
    return [
        LineageEdge(f"{people}.email", f"{port}.customers", EdgeKind.DIRECT, Transformation.AGGREGATION, True),
        LineageEdge(f"{people}.birth_date", f"{port}.customers", EdgeKind.INDIRECT, Transformation.FILTER),
        LineageEdge(f"{people}.segment", f"{port}.reading_id", EdgeKind.DIRECT, Transformation.IDENTITY),
    ]


def _live(book: Book) -> None:
    later, day = "2027-01-01T00:00:00+00:00", "2026-05-02"
    ports = [of_port(port) for port in MESH]
    book.put_all("runs", [("r", *p, "succeeded", "published", "2026-05-19", "2026-05-19") for p in ports])
    book.put_all("check_results", [("c", *p, None, "range", "warning", "failed", 3, 9) for p in ports])
    book.put_all("freshness", [(*p, 86_400, 4_000, 0) for p in ports])
    book.put_all("grants", [("g", *p, "bob", "user", day, later, 1, None) for p in ports])
    book.put_all("usage", [(*p, "bob", day, 4, 40) for p in ports])
    people = of_port("sales.customers.customers@1")
    book.put_all("restrictions", [(*people, None, "filter", "own-region", "access.yaml")])
    email = f"{people[0]}.email"
    book.put_all("samples_findings", [(email, *people, "email", 1.0, 0.99, "pii.email", 2, "s")])


def test_no_shipped_policy_objects_to_sound_products(book: Book, shipped: PolicySet) -> None:
    judgement = judge(book, shipped, NOW)

    assert [(o.policy, o.subject, o.detail) for o in judgement.objections] == []
    assert not judgement.unasked
    assert judgement.asked == len(shipped.policies)


def test_asked_of_one_product_the_answer_is_the_same(book: Book, shipped: PolicySet) -> None:
    book.put_all("restrictions", [])
    book.ours("UPDATE columns SET physical_type = 'DOUBLE', description = NULL, classification = NULL")
    book.ours("UPDATE products SET owner_team = NULL, support = NULL")
    book.ours("DELETE FROM slas")
    book.ours("UPDATE contracts SET legal_basis = NULL, retention = NULL")

    whole = judge(book, shipped, NOW).objections
    apart = [o for product in ("sales.customers", "sales.orders", "weather.stations")
             for o in judge(book, shipped, NOW, within=[product]).objections]  # fmt: skip

    key = lambda o: (o.policy, o.subject, o.detail or "")  # noqa: E731
    assert len(whole) > 50
    assert sorted(map(key, apart)) == sorted(map(key, whole))


def test_a_draft_owes_no_documentation_and_its_personal_data_are_looked_after_all_the_same(
    book: Book, shipped: PolicySet
) -> None:
    book.ours("UPDATE products SET status = 'draft' WHERE product = 'sales.customers'")
    book.ours("UPDATE columns SET description = NULL, level = 1 WHERE product = 'sales.customers'")

    found = {o.policy for o in judge(book, shipped, NOW, within=["sales.customers"]).objections}

    assert found == {"personal-data-are-confidential", "special-categories-are-restricted", "findings-are-classified"}
