"""The models of a small product as one statement.

DuckDB plans each statement anew, and binds a view again in each view above it: of twenty models over a thousand rows
that is most of the time. Over larger tables it plans better when it knows how many rows each model gave before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from weft.model.mesh import Model
from weft.sql.quoting import ident

AT_MOST = 32
"""Models in one statement: DuckDB nests them."""

SMALL_BYTES = 16 * 1024 * 1024
"""Up to this size of all that is read the rows are computed at once."""


def in_one_statement(
    models: Sequence[Model], inputs: Mapping[str, str], reads_bytes: int, readers: Mapping[str, int]
) -> str | None:
    """The SELECT of the last model with the others before it as CTEs; None where each is better run by itself.

    What several models read is computed once. Of an input that several models read DuckDB itself decides whether it is
    read once: a view would be bound, and its files scanned, for each of them.

    Args:
        models: each after those that it reads; nothing reads the last one.
        inputs: by name, the SELECT of what they read beside each other.
        reads_bytes: the size of the rows that they read.
        readers: how many models read each of them.
    """
    *private, last = models
    if not private or len(models) > AT_MOST or reads_bytes > SMALL_BYTES or readers.get(last.name):
        return None
    if any(model.python is not None or not model.kept.whole or ";" in model.sql for model in models):
        return None
    parts = [f"{ident(name)} AS ({select})" for name, select in inputs.items()]
    parts += [
        f"{ident(model.name)} AS {'MATERIALIZED ' if readers.get(model.name, 0) > 1 else ''}(\n{model.sql}\n)"
        for model in private
    ]
    return f"WITH {', '.join(parts)}\nSELECT * FROM (\n{last.sql}\n)"
