"""Roles of members: names that mean nothing are told with the nearest that does."""

from __future__ import annotations

import pytest

from weft.errors import Severity
from weft.model.document import Document
from weft.project.members import role_problems


def problems(*roles: object):
    data = {"members": [{"user": "ada", "roles": ["owner"]}, {"user": "bob", "roles": list(roles)}]}
    marks = {("members", 1, "roles", place): (9, 4 + place) for place in range(len(roles))}
    return list(role_problems(Document(file="domains/sales/domain.yaml", data=data, marks=marks)))


@pytest.mark.parametrize("role", ["owner", "domain_owner", "Product Owner", "product-owner", "compliance contact"])
def test_a_role_of_the_table_is_one_however_it_is_written(role):
    assert problems(role) == []


@pytest.mark.parametrize(
    ("role", "fix"),
    [("stewart", "did you mean `steward`?"), ("developper", "did you mean `developer`?"), ("boss", "one of owner, ")],
)
def test_a_role_that_is_none_is_a_warning_at_its_place_with_the_nearest_one(role, fix):
    (told,) = problems("developer", role)

    assert (told.code, told.severity) == ("WFT-ACC-025", Severity.WARNING)
    assert f"`{role}`" in told.what
    assert told.fix is not None and told.fix.startswith(fix)
    assert told.where is not None
    assert (told.where.file, told.where.line, told.where.column) == ("domains/sales/domain.yaml", 9, 5)


def test_a_role_in_the_whole_mesh_is_no_role_of_a_member():
    assert [told.code for told in problems("operator", "governance_lead")] == ["WFT-ACC-025"] * 2


def test_what_has_another_shape_is_the_schemas_to_tell():
    assert problems(7, None) == []
