"""Where the columns of a model, the contract of its port and the table that is to hold them do not go together."""

from __future__ import annotations

from msgspec.structs import replace

from weft.contracts.agreement import agree
from weft.errors import Diagnostic, Severity, Where
from weft.model.column import Column
from weft.model.materialization import VALID_FROM, VALID_TO, Materialization
from weft.model.mesh import OutputPort
from weft.model.types import duck_type, misfit
from weft.plan.binding import Columns
from weft.plan.places import Places
from weft.storage.schemas import storable_type, unstorable


def port_problems(port: OutputPort, columns: Columns, places: Places) -> tuple[Diagnostic, ...]:
    """What keeps a port from being built, each with its place, and what will keep it from being built again.

    Returns:
        What `agree` finds, WFT-STO-005 for a column that no table can hold where the contract does not ask for another
        type anyway, WFT-PLN-020 for a key that versions of a row share.
    """
    found = [_mendable(d, port, columns) for d in agree(port.contract, columns, places.of)]
    unheld = [
        replace(d, what=f"model `{port.model.name}`: {d.what}", where=places.of(c.name) or port.model.where())
        for c in columns
        if not _cast_anyway(port, c)
        for d in unstorable(c)
    ]
    return (*found, *unheld, *_shared_key(port))


def _wanted(port: OutputPort, column: Column) -> str | None:
    """The type to which the contract wants a column to be cast; None where it has it, or is asked for nothing."""
    prop = port.contract.table.property(column.name)
    return duck_type(prop) if prop is not None and misfit(prop, column.type) else None


def _cast_anyway(port: OutputPort, column: Column) -> bool:
    wanted = _wanted(port, column)
    return wanted is not None and storable_type(wanted) == wanted


def _mendable(diagnostic: Diagnostic, port: OutputPort, columns: Columns) -> Diagnostic:
    """The diagnostic with a fix that leads somewhere: to a type that tables hold, to where the column is written."""
    if diagnostic.code != "WFT-CON-003":
        return diagnostic
    column = next(c for c in columns if f"`{c.name}`" in diagnostic.what)
    added = port.model.kept.kind is Materialization.SCD2 and column.name in (VALID_FROM, VALID_TO)
    wanted = _wanted(port, column)
    if added:
        fix = f"write `physicalType: {column.type}` there: `materialized: scd2` adds the column, not the SELECT"
    elif wanted is not None and storable_type(wanted) != wanted:
        held = storable_type(wanted)
        fix = f"write `physicalType: {held}` in the contract, and cast it in the model: no table holds {wanted}"
    else:
        return diagnostic
    return replace(diagnostic, fix=fix)


def _shared_key(port: OutputPort) -> list[Diagnostic]:
    """A primary key that a second version of a row breaks."""
    key = port.contract.table.key if port.contract.objects else ()
    own = {name.lower() for name in port.model.kept.key}
    if port.model.kept.kind is not Materialization.SCD2 or not key or not {k.lower() for k in key} <= own:
        return []
    prop = port.contract.table.property(key[0])
    where: Where = port.contract.where(prop.pointer if prop is not None else ())
    listed = ", ".join(f"`{k}`" for k in key)
    return [
        Diagnostic(
            "WFT-PLN-020",
            Severity.WARNING,
            f"the primary key of `{port.address}` is {listed}, which all versions of a row share",
            where,
            f"model `{port.model.name}` is `materialized: scd2`: each change adds a row, the first breaks the key",
            f"make `{VALID_FROM}` a part of it: `primaryKey: true`, `primaryKeyPosition: {len(key) + 1}`",
        )
    ]
