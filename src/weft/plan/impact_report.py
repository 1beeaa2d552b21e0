"""Who is affected by a plan, product by product: as text for a terminal, as Markdown for a review."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from weft.model.address import ProductAddress
from weft.plan.downstream import port_of
from weft.plan.marking import code, prose, tagged
from weft.plan.values import Affected, Effect, Plan, Spared, Step

_TOP, _PRODUCTS = 10, 20
"""Columns of a product, and products, that are named in a terminal."""
_ENDS = 3
"""Nodes at either end of a long way that are named; what lies between is counted."""


class Reached(Struct, frozen=True):
    """One product downstream: its columns that break, that may change, and that are not affected."""

    product: ProductAddress
    owner: str
    affected: tuple[Affected, ...]
    spared: tuple[Spared, ...]

    @property
    def counts(self) -> str:
        """How many columns of each kind, in words."""
        return in_words(self.affected, self.spared)


def in_words(affected: Sequence[Affected], spared: Sequence[Spared]) -> str:
    """How many columns break, may change and are not affected.

    >>> in_words((), ())
    'no column'
    """
    breaks = len({a.column for a in affected if a.effect is Effect.BREAKS})
    may = len({a.column for a in affected if a.effect is Effect.MAY_CHANGE})
    counted = [
        f"{breaks} break{'s' if breaks == 1 else ''}" if breaks else "",
        f"{may} may change" if may else "",
        f"{len(spared)} unaffected" if spared else "",
    ]
    return ", ".join(filter(None, counted)) or "no column"


def by_product(plan: Plan) -> tuple[Reached, ...]:
    """The products that a plan reaches, those of which most breaks first."""
    affected: dict[ProductAddress, list[Affected]] = {}
    spared: dict[ProductAddress, list[Spared]] = {}
    owners: dict[ProductAddress, str] = {}
    for one in plan.affected:
        affected.setdefault(port_of(one.column).of_product, []).append(one)
        owners.setdefault(port_of(one.column).of_product, one.owner)
    for other in plan.spared:
        spared.setdefault(port_of(other.column).of_product, []).append(other)
        owners.setdefault(port_of(other.column).of_product, other.owner)
    found = [
        Reached(product, owner, tuple(affected.get(product, ())), tuple(spared.get(product, ())))
        for product, owner in owners.items()
    ]
    return tuple(sorted(found, key=_order))


def _order(one: Reached) -> tuple[int, int, ProductAddress]:
    breaks = sum(1 for a in one.affected if a.effect is Effect.BREAKS)
    return -breaks, -len(one.affected), one.product


def text_lines(plan: Plan) -> list[str]:
    """Lines for a terminal; of each product the first columns."""
    products = by_product(plan)
    if not products:
        return []
    lines = ["", f"affected downstream: {in_words(plan.affected, plan.spared)}{_cut(plan)}"]
    more = len(products) > _PRODUCTS
    for one in products[:_PRODUCTS]:
        lines.append(f"  {one.product}  owner {one.owner}: {one.counts}")
        for column in one.affected[:_TOP]:
            lines.append(f"    {column.column}  {column.effect} by {column.by}  ({column.via})")
            if len(column.path) > 1:
                lines.append(f"      {_way([_step(s) for s in column.path])}")
        if len(one.affected) > _TOP:
            lines.append(f"    … and {len(one.affected) - _TOP} more")
            more = True
    if len(products) > _PRODUCTS:
        lines.append(f"  … and {len(products) - _PRODUCTS} more products")
    if more or plan.spared:
        lines.append("  every column with its path: `weft plan --format json`")
    return lines


def markdown_lines(plan: Plan, rows: int) -> list[str]:
    """Lines of a comment, at most so many rows in each table and so many products."""
    products = by_product(plan)
    if not products:
        return []
    lines = ["", f"**Downstream: {in_words(plan.affected, plan.spared)}**{_cut(plan)}"]
    for one in products[:rows]:
        owner = tagged(f"owner {one.owner}")
        lines += ["", f"<details><summary><b>{tagged(str(one.product))}</b> · {owner} · {one.counts}</summary>", ""]
        if one.affected:
            lines += ["| column | effect | by | where | path |", "|---|---|---|---|---|"]
            lines += [_row(column) for column in one.affected[:rows]]
        if len(one.affected) > rows:
            lines += ["", f"… and {len(one.affected) - rows} more: `weft plan --format json` has all."]
        if one.spared:
            named = ", ".join(code(s.column.removeprefix(f"{one.product}.")) for s in one.spared[:rows])
            left = f" and {len(one.spared) - rows} more" if len(one.spared) > rows else ""
            lines += ["", f"Unaffected: {named}{left}"]
        lines += ["", "</details>"]
    if len(products) > rows:
        lines += ["", f"… and {len(products) - rows} more products: `weft plan --format json` has all."]
    return lines


def _row(one: Affected) -> str:
    cells = [code(one.column), one.effect.value, code(one.by), prose(one.via), _way([_coded(s) for s in one.path])]
    return f"| {' | '.join(cells)} |"


def _way(nodes: Sequence[str]) -> str:
    left = len(nodes) - 2 * _ENDS
    shown = nodes if left <= 1 else [*nodes[:_ENDS], f"… {left} more …", *nodes[-_ENDS:]]
    return " → ".join(shown)


def _step(step: Step) -> str:
    return step.node if step.where is None else f"{step.node} ({step.where.file}:{step.where.line})"


def _coded(step: Step) -> str:
    if step.where is None:
        return code(step.node)
    return f"{code(step.node)} ({code(f'{step.where.file}:{step.where.line}')})"


def _cut(plan: Plan) -> str:
    return "; there is more than was looked at" if plan.truncated else ""
