"""Classification and tags are put into a contract's text, and nothing else of it moves."""

from __future__ import annotations

from weft.project.property_edits import PropertyEdit, with_edits

TEXT = """\
# ours
schema:
  - name: people
    properties:
      - name: email   # the address
        logicalType: string
        description: Where letters go.
        required: true

      # how old
      - name: age
        logicalType: integer
        classification: public   # everybody
        tags: [key]
      - name: note
"""


def at(number: int) -> tuple[str | int, ...]:
    return ("schema", 0, "properties", number)


def test_a_level_that_is_there_is_replaced_where_it_stands() -> None:
    assert with_edits(TEXT, [PropertyEdit(at(1), "confidential")]) == TEXT.replace(
        "classification: public   #", "classification: confidential   #"
    )


def test_what_is_missing_stands_behind_what_the_column_is_and_comments_stay_where_they_were() -> None:
    changed = with_edits(TEXT, [PropertyEdit(at(0), "restricted", ("pii.email",)), PropertyEdit(at(2), "internal")])

    assert changed == TEXT.replace(
        "        description: Where letters go.\n",
        "        description: Where letters go.\n        classification: restricted\n        tags:\n"
        "          - pii.email\n",
    ).replace("      - name: note\n", "      - name: note\n        classification: internal\n")


def test_tags_are_added_to_those_that_are_there_each_once() -> None:
    changed = with_edits(TEXT, [PropertyEdit(at(1), None, ("key", "pii.age"))])

    assert changed == TEXT.replace("tags: [key]", "tags: [key, pii.age]")


def test_edits_one_after_the_other_find_their_column_still() -> None:
    edits = [PropertyEdit(at(number), "restricted", ("t",)) for number in (2, 1, 0)]

    changed = with_edits(TEXT, edits)

    assert changed.count("classification: restricted") == 3
    assert with_edits(changed, edits) == changed
