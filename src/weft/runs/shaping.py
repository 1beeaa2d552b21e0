"""The shape of a staged table, held against its contract: identities of columns, promises, partition and order."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from weft.contracts.layouts import layout_of
from weft.errors import ProjectError, error
from weft.model.column import Column
from weft.model.handover import StagedTable
from weft.model.layout import UNORDERED, Layout
from weft.model.odcs import Contract
from weft.model.publication import is_kept_table


def require_shape(table: StagedTable, promised: Contract | None) -> None:
    """Refuses columns under another identity, and a layout that the contract does not state.

    A column is found in files of before by the identity that its contract gives it: under that of another one, their
    values would be read as its own.

    Args:
        promised: the contract of a port; None for what a private model keeps.

    Raises:
        ProjectError: WFT-SRV-037, naming each.
    """
    wrong = list(_wrong(table, promised))
    if wrong:
        raise ProjectError(
            *(
                error("WFT-SRV-037", f"the table of `{table.table}` {what}", fix="publish what weft has built")
                for what in wrong
            )
        )


def _wrong(table: StagedTable, promised: Contract | None) -> Iterator[str]:
    names = [c.name.lower() for c in table.columns]
    yield from (f"has two columns `{name}`" for name in sorted({n for n in names if names.count(n) > 1}))
    if promised is None and not is_kept_table(table.table):
        yield "is staged for a port that is not published with it"
        return
    for column in table.columns:
        key, required = _promised(column, promised)
        if column.key != key:
            yield f"has column `{column.name}` under the identity `{column.key}`, which is `{key}`"
        if column.required != required:
            yield f"has column `{column.name}` with another `required` than its contract"
    if _plain(table.layout) != _layout(table, promised):
        yield "has another partition or order than its contract states"


def _promised(column: Column, promised: Contract | None) -> tuple[str, bool]:
    found = promised.table.property(column.name) if promised is not None and promised.objects else None
    return (found.id if found is not None and found.id else column.name), bool(found is not None and found.required)


def _layout(table: StagedTable, promised: Contract | None) -> Layout:
    if promised is None or not promised.objects:
        return UNORDERED
    return _plain(layout_of(promised, table.columns))


def _plain(layout: Layout) -> Layout:
    """A layout without field ids."""
    return Layout(
        tuple(replace(f, field_id=0) for f in layout.partition), tuple(replace(f, field_id=0) for f in layout.sort)
    )
