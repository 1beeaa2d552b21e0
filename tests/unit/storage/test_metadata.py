"""An Iceberg table's metadata: each change gives the next value, and a client that is not ours reads it."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.table.metadata import TableMetadataV2

from weft.storage import metadata
from weft.storage.metadata import Metadata, branch, branches, fields_of, new_table, snapshot

FIELDS = [{"id": 1, "name": "a", "required": False, "type": "int"}]
MORE = [*FIELDS, {"id": 4, "name": "b", "required": False, "type": "string"}]
NESTED = [
    {
        "id": 2,
        "name": "l",
        "required": False,
        "type": {"type": "list", "element-id": 9, "element": "int", "element-required": False},
    }
]


def table() -> Metadata:
    return new_table("file:///warehouse/t", FIELDS)


def added(one: Metadata, number: int, parent: int | None = None, schema_id: int = 0) -> Metadata:
    return metadata.with_snapshot(
        one,
        number,
        parent=parent,
        schema_id=schema_id,
        manifest_list=f"file:///warehouse/t/metadata/snap-{number}.avro",
        summary={"operation": "append"},
    )


def read_elsewhere(one: Metadata) -> TableMetadataV2:
    """The metadata as PyIceberg reads the file."""
    return TableMetadataV2.model_validate_json(json.dumps(one))


def test_a_new_table_is_empty_and_has_one_schema() -> None:
    one = table()

    assert fields_of(one, 0) == FIELDS
    assert (branch(one, "main"), branches(one), snapshot(one, None), snapshot(one, 1)) == (None, {}, None, None)
    assert one["last-column-id"] == 1
    assert new_table("file:///t", NESTED)["last-column-id"] == 9
    found = read_elsewhere(one)
    assert (found.location, found.current_snapshot_id, found.schema().column_names) == (
        "file:///warehouse/t",
        None,
        ["a"],
    )


def test_two_tables_at_one_place_are_two_tables() -> None:
    assert table()["table-uuid"] != table()["table-uuid"]


def test_new_fields_make_a_schema_and_the_current_one_stays() -> None:
    after, number = metadata.with_fields(table(), MORE)

    assert (number, after["current-schema-id"], after["last-column-id"]) == (1, 0, 4)
    assert (fields_of(after, 0), fields_of(after, 1)) == (FIELDS, MORE)


def test_fields_that_the_table_had_before_take_their_schema_up_again() -> None:
    once, _ = metadata.with_fields(table(), MORE)

    assert metadata.with_fields(once, FIELDS) == (once, 0)
    assert metadata.with_fields(once, MORE) == (once, 1)
    fewer, number = metadata.with_fields(once, NESTED)
    assert (number, fewer["last-column-id"]) == (2, 9)
    assert metadata.with_fields(fewer, FIELDS)[0]["last-column-id"] == 9


def test_a_snapshot_is_shown_by_no_branch_until_one_is_moved() -> None:
    one = added(table(), 10)

    assert branch(one, "main") is None
    assert "current-snapshot-id" not in one
    found = snapshot(one, 10)
    assert found is not None
    assert "parent-snapshot-id" not in found
    assert (found["sequence-number"], one["last-sequence-number"]) == (1, 1)


def test_main_moves_the_current_snapshot_and_schema_and_is_logged() -> None:
    wider, schema_id = metadata.with_fields(added(table(), 10), MORE)
    one = metadata.with_branch(metadata.with_branch(wider, "main", 10), "run-1", 10)
    two = metadata.with_branch(added(one, 11, parent=10, schema_id=schema_id), "main", 11)

    assert branches(two) == {"main": 11, "run-1": 10}
    assert (two["current-snapshot-id"], two["current-schema-id"]) == (11, schema_id)
    assert [entry["snapshot-id"] for entry in two["snapshot-log"]] == [10, 11]
    found = read_elsewhere(two)
    assert found.current_snapshot_id == 11
    assert found.schema().column_names == ["a", "b"]
    parent = found.snapshot_by_id(11)
    assert parent is not None
    assert (parent.parent_snapshot_id, parent.sequence_number) == (10, 2)


def test_another_branch_moves_nothing_else() -> None:
    one = metadata.with_branch(added(table(), 10), "main", 10)
    two = metadata.with_branch(added(one, 11, parent=10), "run-1", 11)

    assert (two["current-snapshot-id"], len(two["snapshot-log"])) == (10, 1)
    assert metadata.without_branch(two, "run-1")["refs"] == one["refs"]
    assert metadata.without_branch(two, "no such branch")["refs"] == two["refs"]


def test_the_file_that_follows_another_remembers_it() -> None:
    first = metadata.following(table(), None)
    second = metadata.following(first, "file:///warehouse/t/metadata/00000-x.metadata.json")

    assert first["metadata-log"] == []
    assert [e["metadata-file"] for e in second["metadata-log"]] == [
        "file:///warehouse/t/metadata/00000-x.metadata.json"
    ]
    assert second["metadata-log"][0]["timestamp-ms"] == first["last-updated-ms"]
    assert second["last-updated-ms"] >= first["last-updated-ms"]


def test_only_the_newest_hundred_files_are_remembered() -> None:
    one = table()
    for i in range(103):
        one = metadata.following(one, f"file:///{i}")

    assert [e["metadata-file"] for e in one["metadata-log"]] == [f"file:///{i}" for i in range(3, 103)]


def test_fresh_numbers_are_positive_and_new() -> None:
    one = added(table(), 5)

    numbers = {metadata.fresh_snapshot_id(one) for _ in range(100)}

    assert len(numbers) == 100
    assert all(0 < n < 2**63 and n != 5 for n in numbers)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("snapshot"), st.integers(0, 5)),
        st.tuples(st.just("branch"), st.sampled_from(["main", "run-1", "run-2"])),
        st.tuples(st.just("drop"), st.sampled_from(["run-1", "run-2"])),
        st.tuples(st.just("fields"), st.sampled_from([FIELDS, MORE, NESTED])),
        st.tuples(st.just("write"), st.integers(0, 9)),
    ),
    max_size=12,
)


@settings(max_examples=60)
@given(STEPS)
def test_whatever_is_done_the_former_value_stays_and_every_client_reads_the_next(steps: list[tuple[str, Any]]) -> None:
    one, schema_id = table(), 0
    for what, how in steps:
        before, kept = one, copy.deepcopy(one)
        known = [s["snapshot-id"] for s in one["snapshots"]]
        if what == "snapshot":
            parent = known[how % len(known)] if known else None
            one = added(one, metadata.fresh_snapshot_id(one), parent=parent, schema_id=schema_id)
        elif what == "branch" and known:
            one = metadata.with_branch(one, how, known[-1])
        elif what == "drop":
            one = metadata.without_branch(one, how)
        elif what == "fields":
            one, schema_id = metadata.with_fields(one, how)
        elif what == "write":
            one = metadata.following(one, f"file:///{how}")
        assert before == kept

    found = read_elsewhere(one)
    assert {s.snapshot_id for s in found.snapshots} == {s["snapshot-id"] for s in one["snapshots"]}
    assert {n: r.snapshot_id for n, r in found.refs.items()} == branches(one)
    assert len({s["sequence-number"] for s in one["snapshots"]}) == len(one["snapshots"])
    assert found.last_column_id >= max(f.field_id for s in found.schemas for f in s.fields)
