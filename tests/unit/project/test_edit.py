from weft.project import yaml12
from weft.project.edit import merged

WRITTEN = """\
# Ours.
version: 1.2.0   # by hand
schema:
  - name: t
    properties:
      - name: b  # second in the table, first here
        description: said by a person
      - name: a
"""


def test_what_a_person_wrote_stays_with_comments_and_order():
    drafted = {
        "version": "1.0.0",
        "id": "new",
        "schema": [
            {
                "name": "t",
                "properties": [
                    {"name": "a", "logicalType": "string"},
                    {"name": "b", "description": "drafted"},
                    {"name": "c"},
                ],
            }
        ],
    }

    text, notes = merged(WRITTEN, drafted)

    data, _, _ = yaml12.read(text, "x")
    assert "# Ours." in text
    assert "# by hand" in text
    assert "# second in the table, first here" in text
    assert data["version"] == "1.2.0"
    assert data["id"] == "new"
    assert [p["name"] for p in data["schema"][0]["properties"]] == ["b", "a", "c"]
    assert data["schema"][0]["properties"][0]["description"] == "said by a person"
    assert data["schema"][0]["properties"][1]["logicalType"] == "string"
    assert len(notes) == 3


def test_a_draft_that_adds_nothing_leaves_the_text_to_the_letter():
    assert merged(WRITTEN, {"version": "9.9.9"}) == (WRITTEN, [])


def test_an_empty_file_gets_the_whole_draft():
    text, notes = merged("", {"a": 1})

    assert text == "a: 1\n"
    assert len(notes) == 1
