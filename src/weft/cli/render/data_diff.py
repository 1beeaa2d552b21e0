"""How a port's rows differ between an environment and production, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weft.cli.text import counted, number, table

if TYPE_CHECKING:
    from weft.runs.data_diff import DataDiff


def data_diff_text(found: DataDiff) -> str:
    """What differs, from the whole to the column."""
    where = "production" if found.compared_with == found.address else f"production (`{found.compared_with}`)"
    title = f"{found.address}: {counted(found.before, 'row')} in {where}, {number(found.after)} in {found.environment}"
    if found.same_snapshot:
        return f"{title}\nboth show snapshot {found.snapshots[0]}"
    parts = [title]
    if found.same:
        parts.append("the same rows")
    else:
        told = [(found.added, "added"), (found.removed, "removed"), (found.changed, "changed")]
        by = f"by {', '.join(found.key)}" if found.key else "as wholes: the contract has no primary key"
        parts.append(f"rows, compared {by}: " + ", ".join(f"{number(n)} {word}" for n, word in told))
    parts += [f"column {name} is new" for name in found.added_columns]
    parts += [f"column {name} is gone" for name in found.removed_columns]
    parts += [f"column {name} is {after}, was {before}" for name, before, after in found.changed_types]
    if found.columns:
        rows = [[c.name, number(c.rows), f"{c.share:.2%}"] for c in found.columns]
        parts.append(f"{counted(len(rows), 'column')} changed, with the share of the rows that both have:")
        parts.append(table(["column", "rows", "share"], rows, right=[1, 2]))
    return "\n".join(parts)
