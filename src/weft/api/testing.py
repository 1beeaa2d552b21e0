"""Unit tests of a mesh: read, chosen, run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from weft.errors import Diagnostic
from weft.model.address import Address
from weft.project.unit_tests import read_tests
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.model.unit_test import TestReport
    from weft.plan.repository import Repository


def run(
    rooms: Rooms,
    loaded: Repository,
    select: Sequence[str],
    ports: Callable[[str], Iterable[Address]],
    note: Callable[[str], None] | None,
) -> TestReport:
    """Runs the tests of the models that the SELECT arguments mean.

    Args:
        ports: what an argument means among ports, where it names no model.
        note: is told what Python models print.
    """
    from weft.model.unit_test import TestReport
    from weft.plan.tested import chosen
    from weft.runs.progress import Noting
    from weft.runs.testing import bound_columns, run_tests

    tests, broken = read_tests(loaded.mesh, rooms.cache)
    wanted = chosen(tests, select, loaded.mesh, ports)
    if select:
        folders = {t.where.file.rpartition("/")[0] for t in wanted}
        broken = tuple(d for d in broken if d.where and d.where.file.rpartition("/")[0] in folders)
    context = rooms.context(loaded, Noting(note) if note else None)
    return TestReport(run_tests(wanted, loaded.mesh, bound_columns(loaded.desired), context), broken)


def problems(rooms: Rooms, loaded: Repository) -> list[Diagnostic]:
    """What is wrong with the unit tests of a mesh before any is run."""
    tests, broken = read_tests(loaded.mesh, rooms.cache)
    if not tests:
        return list(broken)
    from weft.runs.testing import bound_columns, column_problems

    return [*broken, *column_problems(tests, bound_columns(loaded.desired))]
