"""Glossaries: what terms mean together, and what is told of mistakes, with file and line."""

from __future__ import annotations

from weft.governance.glossary import Glossary, Standard, glossary_of, term_from_json
from weft.model.classification import Classification
from weft.model.document import Document
from weft.project import documents
from weft.project.glossary import carried_glossary, with_glossary

WHOLE = """\
kind: glossary
terms:
  - id: code
    definition: A short text that stands for something.
    type: string
    physicalType: VARCHAR
  - id: person-data
    definition: Anything about a person.
    sensitive: {level: confidential, tags: [pii]}
  - id: staff-number
    title: Staff number
    definition: The number of somebody who works here.
    owner: people
    synonyms: [staff no, employee number]
    broader: [code, person-data]
    url: https://example.org/terms/staff
    pattern: "^[0-9]{6}$"
    sensitive: {level: internal, tags: [staff]}
    status: deprecated
    replacedBy: code
  - id: country
    definition: A country.
    broader: code
    values: [{value: NO, title: Norway}, DE, 1, true]
    sensitive: false
"""


def parsed(text: str, file: str = "governance/glossary.yaml") -> Document:
    found = documents.parse(text.encode(), file, "glossary")
    assert found.problems == ()
    assert found.document is not None
    return found.document


def told(found: Glossary) -> list[tuple[str, str, str]]:
    return [(p.code, str(p.where), p.what) for p in found.problems]


def test_a_term_takes_from_broader_ones_what_it_does_not_say_itself_and_the_highest_level():
    found = glossary_of(parsed(WHOLE), {})

    assert found.problems == ()
    staff = found.terms["staff-number"]
    assert staff.says.type is None
    assert staff.standard == Standard(
        "string", "VARCHAR", None, (), "^[0-9]{6}$", Classification.CONFIDENTIAL, ("staff", "pii")
    )
    assert (staff.broader, staff.replaced_by, staff.owner) == (("code", "person-data"), "code", "people")
    assert found.narrower(found.terms["code"]) == ("country", "staff-number")
    assert found.terms["country"].standard.values == ("NO", "DE", "1", "true")
    assert (found.terms["country"].sensitive, found.terms["country"].standard.level) == (False, None)


def test_what_is_said_to_be_sensitive_without_a_level_is_confidential():
    found = glossary_of(parsed("terms: [{id: a, definition: x, sensitive: true}]"), {})

    assert found.terms["a"].standard.level is Classification.CONFIDENTIAL


def test_a_domain_means_its_own_term_before_the_meshs_and_others_by_their_full_name():
    own = parsed("terms: [{id: gate, definition: x, broader: code}]", "domains/network/glossary.yaml")
    found = glossary_of(parsed(WHOLE), {"network": own})

    gate = found.terms["network.gate"]
    assert (gate.name, gate.standard.physical_type) == ("network.gate", "VARCHAR")
    assert found.term("gate", "network") is gate is found.term("network.gate", "crew")
    assert found.term("gate", "crew") is None
    assert found.term("code", "network") is found.terms["code"]
    assert found.at("https://example.org/terms/staff") is found.terms["staff-number"]


def test_a_circle_of_broader_terms_is_told_once_with_its_way_and_its_line():
    text = """\
terms:
  - {id: a, definition: x, broader: b, type: string}
  - {id: b, definition: x, broader: [c]}
  - {id: c, definition: x, broader: a}
  - {id: d, definition: x, broader: d}
  - {id: e, definition: x, broader: a}
"""
    found = glossary_of(parsed(text), {})

    assert told(found) == [
        ("WFT-GOV-041", "governance/glossary.yaml:2:28", "the term `a` is broader than itself: a → b → c → a"),
        ("WFT-GOV-041", "governance/glossary.yaml:5:28", "the term `d` is broader than itself: d → d"),
    ]
    assert found.terms["e"].standard.type == "string"  # what hangs on a circle still has its nearest one


def test_names_that_mean_no_term_are_told_with_the_nearest_one():
    text = """\
terms:
  - {id: currency, definition: x}
  - {id: price, definition: x, broader: [currencies], replacedBy: nothing_alike}
"""
    found = glossary_of(parsed(text), {})

    assert told(found) == [
        ("WFT-GOV-042", "governance/glossary.yaml:3:42", "there is no term `currencies`"),
        ("WFT-GOV-042", "governance/glossary.yaml:3:55", "there is no term `nothing_alike`"),
    ]
    assert [p.fix for p in found.problems] == [
        "did you mean `currency`?",
        "`weft glossary list` shows all terms",
    ]
    assert glossary_of(parsed(WHOLE), {}).nearest("employee_number") == "did you mean `staff-number`?"


def test_a_term_that_is_there_already_is_told_with_the_place_of_the_first():
    own = parsed("terms:\n  - {id: code, definition: x}", "domains/network/glossary.yaml")
    text = """\
terms:
  - {id: code, definition: x, url: "https://a"}
  - {id: code, definition: y}
  - {id: other, definition: y, url: "https://a"}
"""
    found = glossary_of(parsed(text), {"network": own})

    assert told(found) == [
        ("WFT-GOV-040", "governance/glossary.yaml:3:6", "the term `code` is defined twice"),
        ("WFT-GOV-040", "governance/glossary.yaml:4:32", "the address `https://a` is defined twice"),
        ("WFT-GOV-040", "domains/network/glossary.yaml:2:6", "the term `code` is defined twice"),
    ]
    assert found.problems[2].why == "the first one stands in `governance/glossary.yaml:2:5`"
    assert found.terms["code"].definition == "x"
    assert "network.code" not in found.terms


def test_a_term_that_contradicts_itself_is_told():
    text = """\
terms:
  - {id: a, definition: x, values: [A, B, A], pattern: "^A$"}
  - {id: b, definition: x, pattern: "("}
"""
    found = glossary_of(parsed(text), {})

    assert [(code, where) for code, where, _ in told(found)] == [
        ("WFT-GOV-044", "governance/glossary.yaml:2:47"),
        ("WFT-GOV-044", "governance/glossary.yaml:2:28"),
        ("WFT-GOV-044", "governance/glossary.yaml:3:28"),
    ]


def test_what_violates_the_schema_is_told_and_the_other_terms_stand():
    text = (
        "terms:\n  - {id: A B, definition: x}\n  - {definition: x}\n  - {id: ok, definition: x, sensitive: {lvl: a}}\n"
    )
    read = documents.parse(text.encode(), "g.yaml", "glossary")

    assert {(p.code, str(p.where)) for p in read.problems} == {
        ("WFT-PRJ-005", "g.yaml:2:6"),
        ("WFT-PRJ-007", "g.yaml:3:5"),
        ("WFT-PRJ-006", "g.yaml:4:41"),
    }
    assert read.document is not None
    assert "ok" in glossary_of(read.document, {}).terms


def test_terms_of_elsewhere_can_be_broader_and_give_way_to_those_of_the_files():
    elsewhere = glossary_of(parsed(WHOLE), {"crew": parsed("terms: [{id: duty, definition: old}]")})
    sent = {n: term_from_json(t.as_json()) for n, t in elsewhere.terms.items()}
    own = parsed(
        "terms:\n  - {id: duty, definition: new, broader: person-data}\n  - {id: code, definition: z}", "own.yaml"
    )

    found = glossary_of(None, {"crew": own}, sent)

    assert found.terms["crew.duty"].definition == "new"
    assert found.terms["crew.duty"].standard.level is Classification.CONFIDENTIAL
    assert told(found) == [("WFT-GOV-040", "own.yaml:3:6", "the term `code` is defined twice")]
    assert {n: t.as_json() for n, t in found.terms.items() if n != "crew.duty"} == {
        n: t.as_json() for n, t in elsewhere.terms.items() if n != "crew.duty"
    }


def test_a_long_chain_of_terms_is_followed_to_its_end():
    lines = "\n".join(f"  - {{id: t{n}, definition: x, broader: t{n + 1}}}" for n in range(3000))
    found = glossary_of(parsed(f"terms:\n{lines}\n  - {{id: t3000, definition: x, unit: km}}"), {})

    assert found.problems == ()
    assert found.terms["t0"].standard.unit == "km"


def test_a_registered_domain_carries_its_glossary_with_its_lines_once():
    document = {"name": "network", "customProperties": [{"property": "theirs", "value": 1}]}
    glossary = parsed(WHOLE, "domains/network/glossary.yaml")

    carried = with_glossary(with_glossary(document, glossary), glossary)

    assert [p["property"] for p in carried["customProperties"]] == ["theirs", "weft.glossary"]
    found = carried_glossary(carried)
    assert found is not None
    term = glossary_of(None, {"network": found}).terms["network.country"]
    assert str(term.where) == "domains/network/glossary.yaml:21:1"
    assert carried_glossary(document) is None
    assert carried_glossary({"customProperties": [{"property": "weft.glossary", "value": ["odd"]}]}) is None
