"""Columns against the terms that they are bound to."""

from __future__ import annotations

from typing import Any

import pytest

from weft.governance.concepts import bindings, mismatches
from weft.governance.glossary import Glossary, glossary_of
from weft.governance.suggesting import Suggester, tokens
from weft.model.document import Document
from weft.model.odcs import Property, contract
from weft.project import documents

GLOSSARY = """\
terms:
  - {id: currency, title: Currency, definition: ISO 4217., type: string, values: [EUR, USD, CHF], synonyms: [ccy]}
  - {id: amount, title: Amount of money, definition: x, type: number, physicalType: "DECIMAL(18,2)", unit: EUR}
  - {id: distance, definition: x, type: number, unit: km}
  - {id: email, definition: x, pattern: "^.+@.+$", sensitive: {level: confidential, tags: [pii.email]}}
  - {id: old, definition: x, status: deprecated, replacedBy: distance}
  - {id: web, definition: x, url: "https://example.org/web"}
"""


@pytest.fixture
def glossary() -> Glossary:
    mesh = documents.parse(GLOSSARY.encode(), "governance/glossary.yaml", "glossary").document
    own = documents.parse(b"terms: [{id: gate, definition: x, synonyms: [stand]}]", "g.yaml", "glossary").document
    assert mesh is not None
    assert own is not None
    found = glossary_of(mesh, {"network": own})
    assert found.problems == ()
    return found


def column(name: str = "c", **data: Any) -> Property:
    document = {"schema": [{"name": "t", "properties": [{"name": name, **data}]}]}
    return contract(Document("c.odcs.yaml", document)).table.properties[0]


def custom(**values: Any) -> list[dict[str, Any]]:
    return [{"property": name.replace("__", "."), "value": value} for name, value in values.items()]


def test_a_column_binds_by_its_definitions_and_by_its_custom_property(glossary):
    one = column(
        authoritativeDefinitions=[
            {"type": "tutorial", "url": "https://elsewhere"},
            {"type": "businessDefinition", "url": "https://example.org/web"},
            {"type": "businessDefinition", "url": "weft:term/currency"},
        ],
        customProperties=custom(weft__term=["gate", "currency", "weft:term/amount", "curency"]),
    )

    found = {b.name: (b.term.name if b.term else None, b.pointer[-3:]) for b in bindings(one, "network", glossary)}

    assert found == {
        "web": ("web", ("authoritativeDefinitions", 1, "url")),
        "currency": ("currency", ("authoritativeDefinitions", 2, "url")),
        "gate": ("network.gate", ("customProperties", 0, "value")),
        "amount": ("amount", ("customProperties", 0, "value")),
        "curency": (None, ("customProperties", 0, "value")),
    }
    (of_others,) = bindings(column(customProperties=custom(weft__term="gate")), "crew", glossary)
    assert of_others.term is None


@pytest.mark.parametrize(
    ("term", "data", "told"),
    [
        ("currency", {"logicalType": "string", "enum": [{"value": "EUR"}]}, {}),
        ("currency", {"logicalType": "integer", "enum": [{"value": "EUR"}]}, {"type": "is of type integer"}),
        ("currency", {"physicalType": "DATE", "enum": [{"value": "EUR"}]}, {"type": "is of type date"}),
        ("currency", {}, {"values": "promises no code list, and `currency` has one of 3 codes"}),
        (
            "currency",
            {"quality": [{"metric": "invalidValues", "arguments": {"validValues": ["EUR", "GBP", "SEK"]}}]},
            {"values": "allows `GBP`, `SEK`, not of the code list"},
        ),
        ("amount", {"physicalType": "DECIMAL(18,2)", "customProperties": custom(unit="EUR")}, {}),
        (
            "amount",
            {"physicalType": "DOUBLE", "customProperties": custom(unit="USD")},
            {"type": "is DOUBLE, and `amount` is DECIMAL(18,2)", "unit": "is in USD, and `amount` is in EUR"},
        ),
        ("amount", {"physicalType": "DECIMAL(9,2)", "customProperties": custom(unit="EUR")}, {"type": "DECIMAL(9,2)"}),
        ("distance", {"logicalType": "integer"}, {"unit": "states no unit, and `distance` is in km"}),
        (
            "email",
            {"classification": "internal", "tags": ["x"]},
            {
                "pattern": "does not promise the pattern",
                "level": "is internal, and `email` is confidential",
                "tags": "lacks `pii.email`",
            },
        ),
        (
            "email",
            {
                "classification": "restricted",
                "tags": ["pii.email"],
                "quality": [{"metric": "invalidValues", "arguments": {"pattern": "^.+@.+$"}}],
            },
            {},
        ),
        ("old", {}, {"status": "is bound to `old`, which is deprecated"}),
    ],
)
def test_what_of_a_column_is_not_as_its_term_has_it(glossary, term, data, told):
    found = {m.kind: m for m in mismatches(column(**data), glossary.terms[term])}

    assert found.keys() == told.keys()
    for kind, words in told.items():
        assert words in found[kind].what
        assert found[kind].fix
        assert found[kind].pointer[:4] == ("schema", 0, "properties", 0)


def suggested(glossary: Glossary, *columns: Property, domain: str = "network", least: float = 0.5) -> dict[str, Any]:
    found = Suggester(glossary).suggestions(domain, columns, least)
    return {column.name: (one.term, one.confidence, one.why) for column, one in found}


def test_a_column_named_like_a_term_is_suggested_and_more_so_where_its_codes_are_the_terms(glossary):
    found = suggested(
        glossary,
        column("Currency", logicalType="string"),
        column("ccy", enum=[{"value": "EUR"}], description="The currency of the price."),
        column("payment_currencies"),
        column("currency_rate"),
        column("stand"),
        column("x", businessName="Amount of Money"),
        column("weather"),
    )

    assert found == {
        "Currency": ("currency", 0.85, "its name is the name"),
        "ccy": (
            "currency",
            0.95,
            "its name is the synonym `ccy`; its codes are the term's; its description names it",
        ),
        "payment_currencies": ("currency", 0.68, "its name has the name"),
        "stand": ("network.gate", 0.8, "its name is the synonym `stand`"),
        "x": ("amount", 0.85, "its business name is the title"),
    }


def test_a_column_of_another_type_is_suggested_with_half_the_confidence_and_other_codes_speak_against(glossary):
    found = suggested(
        glossary,
        column("currency", logicalType="integer"),
        column("distance", logicalType="number", customProperties=custom(unit="km")),
        column("ccy", enum=[{"value": "GBP"}]),
        least=0.4,
    )

    assert {name: confidence for name, (_, confidence, _) in found.items()} == {
        "currency": 0.42,
        "distance": 0.9,
        "ccy": 0.7,
    }


def test_nothing_is_suggested_for_what_is_bound_nor_terms_of_other_domains_or_deprecated_ones(glossary):
    bound = column("currency", customProperties=custom(weft__term="amount"))

    assert suggested(glossary, bound, column("gate"), column("old"), domain="crew") == {}


def test_words_of_a_name_are_found_however_they_are_joined():
    assert tokens("shipToAddressID2") == ("ship", "to", "address", "id", "2")
    assert tokens("ORDER-STATUS codes") == ("order", "status", "code")
    assert tokens("größen_klassen") == tokens("Größen klassen")
    assert tokens("") == ()
