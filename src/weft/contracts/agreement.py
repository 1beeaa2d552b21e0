"""Agreement: a contract against the columns that a model gives, before any row is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from weft.contracts.layouts import layout_problems
from weft.errors import Diagnostic, Severity, Where, did_you_mean, error, nearest
from weft.model.column import Column
from weft.model.odcs import Contract, SchemaObject
from weft.model.types import duck_type, misfit, normalise
from weft.sql.quoting import ident

Places = Callable[[str], Where | None]
"""Where in the model's file the expression stands that gives a column; None where nobody can say."""


def _nowhere(column: str) -> Where | None:
    return None


def agree(contract: Contract, columns: Sequence[Column], places: Places = _nowhere) -> tuple[Diagnostic, ...]:
    """Where the columns of a model and the contract of its port differ.

    A diagnostic points at the expression in the model that gives the column, where there is one, and names the place
    in the contract beside it.

    Returns:
        WFT-CON-001 for a column that the model does not give, -002 for one that the contract does not know (by
        `weft.extraColumns`: `forbid`, the default for what weft builds, `warn` or `allow`), -003 for another type,
        -020 and -021 for a partition or an order that files cannot have.
    """
    table = contract.table
    given = {column.name: column for column in columns}
    return (
        *_missing(contract, table, given, places),
        *_extra(contract, table, columns, places),
        *(
            error(
                "WFT-CON-003",
                f"column `{prop.name}` is {normalise(given[prop.name].type)} in the model: {reason}",
                places(prop.name) or contract.where(prop.pointer),
                why=f"readers rely on the type that the contract says ({contract.where(prop.pointer)})",
                fix=_retype(prop.name, duck_type(prop)),
            )
            for prop in table.properties
            if prop.name in given and (reason := misfit(prop, given[prop.name].type))
        ),
        *layout_problems(contract, columns),
    )


def agree_live(contract: Contract, columns: Sequence[Column], table: str) -> tuple[Diagnostic, ...]:
    """Where the columns of a table in which a port lives and the port's contract differ.

    What the table has beside is nobody's concern: it is not shown.

    Returns:
        WFT-CON-001 for a column that the table lacks, -003 for another type.
    """
    given = {column.name: column for column in columns}
    missing = [prop for prop in contract.table.properties if prop.name not in given]
    return (
        *(
            error(
                "WFT-CON-001",
                f"column `{prop.name}` of the contract is not in {table}",
                contract.where(prop.pointer),
                why="a port keeps every column that its contract promises",
                fix=did_you_mean(prop.name, given, otherwise="add it to the table, or let the port live in a view"),
            )
            for prop in missing
        ),
        *(
            error(
                "WFT-CON-003",
                f"column `{prop.name}` is {normalise(given[prop.name].type)} in {table}: {reason}",
                contract.where(prop.pointer),
                why="readers rely on the type that the contract says",
                fix="let the port live in a view that casts it, or change the contract",
            )
            for prop in contract.table.properties
            if prop.name in given and (reason := misfit(prop, given[prop.name].type))
        ),
    )


def _retype(name: str, wanted: str | None) -> str:
    if wanted is None:
        return "change the contract"
    return f"cast it in the model: `{ident(name)}::{wanted} as {ident(name)}`, or change the contract"


def _missing(contract: Contract, table: SchemaObject, given: dict[str, Column], places: Places) -> list[Diagnostic]:
    unknown = [name for name in given if table.property(name) is None]
    found = []
    for prop in table.properties:
        if prop.name in given:
            continue
        like = next((name for name in unknown if name.lower() == prop.name.lower()), None)
        like = like or nearest(prop.name, unknown)
        found.append(
            error(
                "WFT-CON-001",
                f"column `{prop.name}` of the contract is not given by the model",
                (places(like) if like else None) or contract.where(prop.pointer),
                why=f"a port keeps every column that its contract promises ({contract.where(prop.pointer)})",
                fix=f"was it renamed? the model gives `{like}`: write `{ident(like)} as {ident(prop.name)}`"
                if like
                else "add it to the model, or take it out of the contract with a new major version",
            )
        )
    return found


def _extra(contract: Contract, table: SchemaObject, columns: Sequence[Column], places: Places) -> list[Diagnostic]:
    policy = str(contract.custom.get("weft.extraColumns", "forbid"))
    if policy == "allow":
        return []
    severity = Severity.WARNING if policy == "warn" else Severity.ERROR
    promised = [prop.name for prop in table.properties]
    return [
        Diagnostic(
            "WFT-CON-002",
            severity,
            f"column `{column.name}` of the model is not in the contract",
            places(column.name) or contract.where((*table.pointer, "properties")),
            why="what is not promised is not published (weft.extraColumns: forbid)" if policy != "warn" else None,
            fix="add it to the contract (`weft contract sync` does), or leave it out of the model",
        )
        for column in columns
        if column.name not in promised
    ]
