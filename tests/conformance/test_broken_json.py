"""JSON that is broken or holds no records is told with its file, and never verified as something else."""

from __future__ import annotations

import pytest

import weft
from weft.model.document import Document
from weft.model.odcs import contract

HEAD = {"apiVersion": "v3.1.0", "kind": "DataContract", "id": "t", "version": "1.0.0", "status": "active"}
DESCRIBED = contract(Document("t.odcs.yaml", {**HEAD, "schema": [{"name": "t", "properties": [{"name": "id"}]}]}))


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.ndjson", '{"id": 1}\n{"id": 2\n{"id": 3}\n', "the source is no JSON"),
        ("a.ndjson", '{"id": 1}\n[1]\n5\n', "no records"),
        ("a.ndjson", '[1, 2]\n"x"\n', "no records"),
        ("a.json", "[1, 2]", "no records"),
        ("a.json", '"x"', "no records"),
        ("a.json", '[{"id": 1}, 2]', "no records"),
    ],
)
def test_what_is_wrong_is_told_with_the_name_of_the_file(name, text, said, tmp_path):
    (tmp_path / name).write_text(text)

    found = weft.verify(DESCRIBED, str(tmp_path / name))

    assert (found.result, found.exit_code, found.checks) == ("error", 2, ())
    (told,) = found.diagnostics
    assert told.code == "WFT-SRC-003"
    assert said in told.what
    assert told.where is not None
    assert told.where.file == name


@pytest.mark.parametrize(
    ("name", "text"), [("a.json", "[]"), ("a.json", '[{"json": 1}]'), ("a.ndjson", '{"json": {}}')]
)
def test_no_record_and_a_record_of_another_field_are_records(name, text, tmp_path):
    (tmp_path / name).write_text(text)

    found = weft.verify(DESCRIBED, str(tmp_path / name))

    assert found.result == ("failed" if "json" in text else "passed")
