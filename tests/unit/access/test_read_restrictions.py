"""Masks as restrictions: what the standard says exactly, and nothing else."""

from __future__ import annotations

import pytest

from weft.access.decision import Decision
from weft.access.layers import Cell, Layer
from weft.access.masks import NULL, Mask
from weft.access.read_restrictions import read_restrictions
from weft.access.rights import Right
from weft.model.column import Column

COLUMNS = (
    Column("id", "INTEGER", 1, "id"),
    Column("born", "DATE", 2, "born"),
    Column("seen", "TIMESTAMP", 3, "seen"),
    Column("name", "VARCHAR", 4, "name"),
)
LAYER = Layer(Right("a grant"), {c.name: Cell(None) for c in COLUMNS}, None, ())


def decided(layers: int = 1, row_filter: str | None = None, without: str = "", **masks: Mask) -> Decision:
    columns = tuple(c.name for c in COLUMNS if c.name != without)
    return Decision(True, columns, "", masks=masks, row_filter=row_filter, layers=(LAYER,) * layers)


def restricted(decision: Decision, version: tuple[Column, ...] = COLUMNS) -> list[tuple[int, str]] | None:
    found = read_restrictions(decision, COLUMNS, version)
    return found and [(one["field-id"], one["action"]) for one in found["required-column-projections"]]


def test_masks_that_do_the_same_as_an_action_are_announced_by_field_id():
    masks = {"name": NULL, "born": Mask("year")}

    assert restricted(decided(**masks)) == [(2, "truncate-to-year"), (4, "replace-with-null")]
    assert restricted(decided(born=Mask("month"))) == [(2, "truncate-to-month")]


@pytest.mark.parametrize(
    "mask",
    [Mask("hash"), Mask("first", 4), Mask("last", 4), Mask("fixed", value="x"), Mask("domain"), Mask("generalise")],
    ids=str,
)
def test_a_mask_that_no_action_does_exactly_is_not_announced(mask):
    assert restricted(decided(name=mask)) is None
    assert restricted(decided(name=mask, born=NULL)) is None


def test_a_time_that_is_cut_is_not_announced_since_zones_differ():
    assert restricted(decided(seen=Mask("year"))) is None


def test_nothing_is_announced_where_rows_or_columns_are_left_out_or_nothing_is_masked():
    assert restricted(decided(row_filter="id < 3", name=NULL)) is None
    assert restricted(decided(without="born", name=NULL)) is None
    assert restricted(decided(layers=2, name=NULL)) is None
    assert restricted(decided()) is None
    assert restricted(Decision(False, (), "no")) is None


def test_a_data_version_with_other_columns_than_the_port_has_is_not_announced():
    assert restricted(decided(name=NULL), (*COLUMNS, Column("gone", "VARCHAR", 5, "gone"))) is None
    assert restricted(decided(name=NULL), COLUMNS[1:]) is None


def test_a_column_that_was_renamed_since_is_found_by_its_id():
    before = (*COLUMNS[:3], Column("surname", "VARCHAR", 4, "name"))

    assert restricted(decided(name=NULL), before) == [(4, "replace-with-null")]
