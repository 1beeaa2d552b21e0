"""Terms in the book of the mesh: what policies find of columns and the terms that they are bound to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from weft.governance.book import Book
from weft.governance.glossary import Glossary, glossary_of
from weft.governance.rows import PortFacts
from weft.governance.term_rows import concept_rows, term_rows
from weft.model.address import parse_address
from weft.project import documents

GLOSSARY = b"""
terms:
  - {id: money, definition: x, type: number, unit: EUR, sensitive: true}
  - {id: price, definition: x, broader: money}
  - {id: old, definition: x, status: deprecated}
"""
STANDARD = Path(documents.__file__).parent / "standard" / "policies"


@pytest.fixture
def glossary() -> Glossary:
    mesh = documents.parse(GLOSSARY, "governance/glossary.yaml", "glossary").document
    own = documents.parse(b"terms: [{id: shelf, definition: x}]", "domains/shop/glossary.yaml", "glossary").document
    assert mesh is not None
    assert own is not None
    return glossary_of(mesh, {"shop": own})


@pytest.fixture
def book() -> Iterator[Book]:
    made = Book.in_memory()
    yield made
    made.close()


def port(*columns: dict[str, Any]) -> PortFacts:
    address = parse_address("shop.sales.orders@1")
    return PortFacts(address, "active", "1.0.0", {"schema": [{"name": "orders", "properties": list(columns)}]})


def bound(name: str, term: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "customProperties": [{"property": "weft.term", "value": term}], **more}


def test_policies_find_what_columns_are_bound_to_and_what_is_not_as_the_term_has_it(book, glossary):
    nested = {"name": "line", "logicalType": "object", "properties": [bound("amount", "price", logicalType="string")]}
    facts = port(bound("place", "shelf"), nested, bound("gone", ["old", "nothing"]), {"name": "plain"})
    book.put_all("terms", term_rows(glossary))
    book.put("shop.sales", concept_rows([facts], glossary))

    named = book.ours('SELECT "column", term, known FROM bindings ORDER BY "column", term')
    found = book.ours('SELECT "column", term, aspect, expected, actual FROM concept_findings ORDER BY "column", aspect')
    terms = book.ours("SELECT term, broader, logical_type, unit, level, domain FROM terms ORDER BY term")

    assert named == [
        ("shop.sales.orders@1.gone", "nothing", 0),
        ("shop.sales.orders@1.gone", "old", 1),
        ("shop.sales.orders@1.line.amount", "price", 1),
        ("shop.sales.orders@1.place", "shop.shelf", 1),
    ]
    assert found == [
        ("shop.sales.orders@1.gone", "old", "status", "active", "deprecated"),
        ("shop.sales.orders@1.line.amount", "price", "level", "confidential", "internal"),
        ("shop.sales.orders@1.line.amount", "price", "type", "number", "string"),
        ("shop.sales.orders@1.line.amount", "price", "unit", "EUR", None),
    ]
    assert terms == [
        ("money", None, "number", "EUR", 2, None),
        ("old", None, None, None, None, None),
        ("price", "money", "number", "EUR", 2, None),
        ("shop.shelf", None, None, None, None, "shop"),
    ]


@pytest.mark.parametrize(
    ("policy", "subjects"),
    [
        ("terms-exist", {"shop.sales.orders@1.gone"}),
        ("columns-are-as-their-term", {"shop.sales.orders@1.gone", "shop.sales.orders@1.amount"}),
    ],
)
def test_the_standard_policies_about_terms_object_to_what_is_found(book, glossary, policy, subjects):
    document = documents.parse((STANDARD / f"{policy}.yaml").read_bytes(), f"{policy}.yaml", "policy").document
    assert document is not None
    facts = port(bound("amount", "price"), bound("gone", ["old", "nothing"]), bound("place", "shelf"))
    book.put_all("terms", term_rows(glossary))
    book.put("shop.sales", concept_rows([facts], glossary))

    found = book.ask(document.data["check"], document.data.get("parameters") or {})

    assert {one.subject for one in found} == subjects


def test_without_a_glossary_nothing_is_said_of_terms(glossary):
    facts = port(bound("amount", "price"))

    assert concept_rows([facts], Glossary()) == {"concept_findings": []}
    assert concept_rows([port({"name": "plain"})], glossary) == {"bindings": [], "concept_findings": []}
