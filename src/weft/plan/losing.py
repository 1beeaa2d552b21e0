"""Kept tables whose rows would go: all would be computed anew, and their inputs may have lost some of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from weft.errors import Diagnostic, Where, error
from weft.model.address import Address
from weft.model.column import Column
from weft.model.materialization import Materialization
from weft.model.mesh import Model, Product
from weft.model.publication import KeptTable, PortState
from weft.plan.desired import Desired, as_columns
from weft.plan.keeping import TABLE
from weft.storage.schemas import same_field

_KEEPS = frozenset({Materialization.SCD2, Materialization.APPEND, Materialization.MERGE})
"""Whose rows are more than what a SELECT gives at one time."""


def would_lose(before: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    """Whether a table takes another shape than it has: computing it anew loses what its inputs no longer have.

    Args:
        before: parts of the fingerprint that the table was built with.
        wanted: those of its model now; without a shape the model is built whole.
    """
    if TABLE not in before or before[TABLE] == wanted.get(TABLE):
        return False
    return any(_kind(parts) in _KEEPS for parts in (before, wanted))


def retyped(before: Sequence[Column], wanted: Sequence[Column]) -> list[str]:
    """Names of columns that have a type now that rows of the table cannot be read as."""
    known = {c.key: c for c in before}
    return [c.name for c in wanted if c.key in known and not same_field(known[c.key], c)]


def lost_tables(
    wanted: Sequence[Desired], ports: Mapping[Address, PortState], tables: Sequence[KeptTable]
) -> list[Diagnostic]:
    """What stands against a plan that would lose rows of kept tables.

    Args:
        wanted: the ports of the plan.
        tables: what private models keep.
    """
    problems: list[Diagnostic] = []
    for one in wanted:
        state = ports.get(one.port.address)
        if state is None or state.retired:
            continue
        if would_lose(state.parts, one.parts):
            problems.append(lost_table(f"`{one.port.address}`", one.port.model.where()))
        elif keeps_more(one.port.model) and (names := retyped(state.columns, as_columns(one))):
            problems.append(retyped_table(f"`{one.port.address}`", names[0], one.port.model))
    products = {one.product.address: one.product for one in wanted}
    for table in tables:
        if table.product in products:
            problems += _private(table, products[table.product], wanted)
    return problems


def _private(table: KeptTable, product: Product, wanted: Sequence[Desired]) -> list[Diagnostic]:
    model = product.model(table.model)
    subject = f"model `{table.model}` of `{table.product}`"
    if model is None:
        if _kind(table.parts) not in _KEEPS:
            return []
        where = Where(product.descriptor.document.file)
        return [
            error(
                "WFT-PLN-018",
                f"{subject} keeps rows, and its file is gone",
                where,
                why="what it keeps would go with it, also what its inputs no longer have",
                fix="bring the file back, or say `--full-refresh`",
            )
        ]
    one = next((one for one in wanted if model.name in one.kept), None)
    if one is None:
        elsewhere = model.kept.whole or any(port.model.name == model.name for port in product.outputs)
        return [lost_table(subject, model.where())] if elsewhere and _kind(table.parts) in _KEEPS else []
    if would_lose(table.parts, one.kept[model.name]):
        return [lost_table(subject, model.where())]
    names = retyped(table.manifest.columns, [Column(c.name, c.type, key=c.name) for c in one.kept_columns[model.name]])
    return [retyped_table(subject, names[0], model)] if names and keeps_more(model) else []


def keeps_more(model: Model) -> bool:
    """Whether the table of a model may hold rows that its SELECT gives no more."""
    return model.kept.kind in _KEEPS


def lost_table(subject: str, where: Where | None) -> Diagnostic:
    """What stands against computing a kept table anew unasked."""
    return error(
        "WFT-PLN-018",
        f"{subject} is to keep its rows in another way than it did",
        where,
        why="all would be computed anew, without those that its inputs no longer have",
        fix="take the change back, or say `--full-refresh`",
    )


def retyped_table(subject: str, column: str, model: Model) -> Diagnostic:
    """What stands against another type of a column whose former rows are kept."""
    return error(
        "WFT-PLN-018",
        f"column `{column}` of {subject} has another type than the rows that are kept",
        model.where(),
        why="they cannot be read as it; all would be computed anew, without those that its inputs no longer have",
        fix="cast it to its former type, give the column another `id` and name, or say `--full-refresh`",
    )


def _kind(parts: Mapping[str, str]) -> Materialization | None:
    return Materialization(json.loads(parts[TABLE])["kind"]) if TABLE in parts else None
