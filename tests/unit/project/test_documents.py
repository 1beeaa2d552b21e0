import math
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from weft.project import yaml12
from weft.project.documents import dump, parse
from weft.project.schema import json_schema

SHARED = Path(os.environ.get("WEFT_SHARED", Path(__file__).parents[4] / "shared"))
EXAMPLES = sorted(SHARED.glob("standards/*/examples/**/*.yaml"))

texts = st.text(
    st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\x85\u2028\u2029\ufeff"), max_size=30
)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | texts | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts.filter(bool), inner, max_size=4),
    max_leaves=20,
)


def read_again(document):
    data, _, problems = yaml12.read(dump(document), "written.yaml")
    assert problems == []
    return data


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(texts.filter(bool), values, max_size=6))
def test_whatever_a_document_holds_is_read_again_as_it_was_written(document):
    assert read_again(document) == document


def made_from(schema, root):
    """Values that a JSON schema of ours allows."""
    if schema is True:
        return values
    if "$ref" in schema:
        return st.deferred(lambda: made_from(root["$defs"][schema["$ref"].rpartition("/")[2]], root))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "array":
        return st.lists(made_from(schema["items"], root), max_size=2)
    if schema["type"] == "object":
        parts = {name: made_from(part, root) for name, part in schema["properties"].items()}
        required = {name: parts.pop(name) for name in schema.get("required", ())}
        return st.fixed_dictionaries(required, optional=parts)
    return texts


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["product", "domain"]).flatmap(lambda kind: made_from(json_schema(kind), json_schema(kind))))
def test_documents_made_from_the_schemas_are_valid_and_read_again_unchanged(document):
    kind = "product" if "apiVersion" in document else "domain"

    found = parse(dump(document).encode(), "made.yaml", kind)

    assert [p for p in found.problems if p.severity == "error"] == []
    assert found.document.data == document


@pytest.mark.shared
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_the_standards_examples_are_read_and_written_unchanged(path):
    kind = "product" if "odps" in path.parts else "contract"

    found = parse(path.read_bytes(), path.name, kind)

    whole = path.name not in {"kafka-server.odcs.yaml", "azure-server.odcs.yaml"}
    if found.document is None:
        assert not whole or found.problems, path
        return
    assert read_again(found.document.data) == found.document.data


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("2022-10-03", "2022-10-03"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("true", True),
        ("~", None),
        ("0o17", 15),
        ("0x1F", 31),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("'12'", "12"),
        ('"true"', "true"),
    ],
)
def test_plain_scalars_follow_the_core_schema_of_yaml_1_2(text, value):
    data, _, _ = yaml12.read(f"a: {text}\n", "x")

    assert data["a"] == value
    assert type(data["a"]) is type(value)


def test_infinities_are_numbers():
    data, _, _ = yaml12.read("a: .inf\nb: .nan\n", "x")

    assert data["a"] == math.inf
    assert math.isnan(data["b"])


def test_every_part_knows_its_line_and_column():
    _, marks, _ = yaml12.read("a:\n  - b: 1\n    c: 2\n", "x")

    assert marks[("a",)] == (1, 1)
    assert marks[("a", 0)] == (2, 5)
    assert marks[("a", 0, "c")] == (3, 5)


def test_a_key_that_stands_twice_is_refused():
    _, _, problems = yaml12.read("a: 1\na: 2\n", "f.yaml")

    assert [(p.code, p.where.line) for p in problems] == [("WFT-PRJ-002", 2)]


CONTRACT = {
    "apiVersion": "v3.1.0",
    "kind": "DataContract",
    "id": "1",
    "version": "1.0.0",
    "status": "active",
    "schema": [{"name": "t", "properties": [{"name": "a", "logicalType": "string"}]}],
}


def problems_of(**changes):
    return parse(dump(CONTRACT | changes).encode(), "t.odcs.yaml", "contract").problems


def test_a_sound_contract_has_no_problems():
    assert problems_of() == ()


def test_an_unknown_field_is_a_warning_with_the_nearest_name_and_is_kept():
    found = parse(dump(CONTRACT | {"versoin": "1"}).encode(), "t.odcs.yaml", "contract")

    assert [(p.code, p.severity) for p in found.problems] == [("WFT-PRJ-006", "warning")]
    assert found.problems[0].fix == "did you mean `version`?"
    assert found.document.data["versoin"] == "1"


def test_all_problems_are_told_at_once_each_with_its_line():
    schema = [{"name": "t", "properties": [{"name": "a", "logicalType": "strng"}, {"name": "b", "required": "yes"}]}]

    found = [p for p in problems_of(schema=schema, version=1) if p.severity == "error"]

    assert len(found) == 3
    assert all(p.where.line for p in found)
    assert any(p.fix == "did you mean `string`?" for p in found)


def test_a_file_that_is_not_utf_8_is_named_with_its_line():
    [found] = parse(b"a: 1\nb: \xe9\n", "f.yaml", "contract").problems

    assert (found.code, found.where.line) == ("WFT-PRJ-021", 2)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("dataContractSpecification: 1.1.0\n", "WFT-PRJ-003"),
        ("apiVersion: v3.1.0\nkind: DataProduct\n", "WFT-PRJ-003"),
        ("apiVersion: v2.2.2\nkind: DataContract\n", "WFT-PRJ-004"),
        ("", "WFT-PRJ-005"),
        ("- 1\n", "WFT-PRJ-005"),
    ],
)
def test_documents_of_another_standard_or_version_are_refused(text, code):
    [found] = parse(text.encode(), "f.yaml", "contract").problems

    assert found.code == code
