"""What DDL says of one column's type."""

from __future__ import annotations

import pytest

from weft.sql.ddl import column_type


@pytest.mark.parametrize("place", ["price", "price: net"])
def test_what_of_a_type_is_not_understood_is_told_without_the_place_whatever_the_column_is_called(place: str) -> None:
    field, notes = column_type("geometry(point)", "postgres", place)

    assert field.type == "VARCHAR"
    assert notes == ("the type GEOMETRY(POINT) is not understood: a text is taken",)
