"""Lines over time: where they begin and end, where they break, and where steps turn."""

from __future__ import annotations

from weft.server.portal.drawn_lines import drawn, floor_of

DAYS = ("2026-01-01T00:00:00+00:00", "2026-01-02T00:00:00+00:00", "2026-01-03T00:00:00+00:00")


def points(*values: float | None) -> list[dict]:
    return [{"at": at, "score": value} for at, value in zip(DAYS, values, strict=False)]


def test_a_line_goes_from_edge_to_edge_and_high_is_up():
    assert drawn(points(0.0, 0.5, 1.0), 106, 56) == ["3.0,53.0 53.0,28.0 103.0,3.0"]


def test_where_nothing_was_known_a_line_has_a_gap_and_a_single_point_can_be_seen():
    assert drawn(points(1.0, None, 0.0), 106, 56) == ["0.0,3.0 3.0,3.0", "100.0,53.0 103.0,53.0"]
    assert drawn([], 106, 56) == []
    assert drawn(points(None), 106, 56) == []


def test_a_step_stands_until_the_next_value():
    assert drawn(points(1.0, 0.0), 106, 56, steps=True) == ["3.0,3.0 103.0,3.0 103.0,53.0"]


def test_what_lies_outside_the_axis_is_drawn_at_its_edge():
    assert drawn(points(2.0, -1.0), 106, 56, low=0.0, high=1.0) == ["3.0,3.0 103.0,53.0"]


def test_an_axis_begins_below_the_lowest_share_and_at_a_half_at_most():
    assert floor_of(points(0.97, 0.99)) == 0.5
    assert floor_of(points(0.34, None, 0.9)) == 0.3
    assert floor_of([]) == 0.0
