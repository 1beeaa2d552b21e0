"""A query's rows as an aligned table."""

from __future__ import annotations

from collections.abc import Sequence

from weft.cli.text import counted, table, width

LONGEST_CELL = 60


def rows_table(
    columns: Sequence[tuple[str, str]],
    rows: Sequence[Sequence[str | None]],
    *,
    columns_wide: int | None = None,
    truncated: bool = False,
    null: str = "∅",
) -> str:
    """Rows under the names of their columns, with a last line that counts them.

    `columns` are (name, type), values the engine's texts. Columns that do not fit in `columns_wide` are left out at the
    right, and named.
    """
    right = [i for i, (_, kind) in enumerate(columns) if _numeric(kind)]
    cells = [[_cell(value, null, cut_long=columns_wide is not None) for value in row] for row in rows]
    shown = _fitting(columns, cells, columns_wide)
    lines = []
    if columns:
        lines.append(
            table(
                [name for name, _ in columns[:shown]],
                [row[:shown] for row in cells],
                right=[i for i in right if i < shown],
                columns=columns_wide,
            )
        )
    lines.append("")
    end = counted(len(rows), "row")
    if truncated:
        end = f"the first {end}; --limit N shows more"
    if shown < len(columns):
        left_out = ", ".join(name for name, _ in columns[shown:])
        end += f"; not shown for want of width: {left_out}"
    lines.append(end)
    return "\n".join(lines)


def _cell(value: str | None, null: str, *, cut_long: bool) -> str:
    if value is None:
        return null
    text = value
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return text if not cut_long or len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"


def _numeric(kind: str) -> bool:
    return (
        kind.upper().startswith(
            (
                "TINYINT",
                "SMALLINT",
                "INT",
                "BIGINT",
                "HUGEINT",
                "UTINY",
                "USMALL",
                "UINT",
                "UBIG",
                "UHUGE",
                "FLOAT",
                "DOUBLE",
                "REAL",
                "DECIMAL",
                "NUMERIC",
                "LONG",
                "BIGNUM",
            )
        )
        and not kind.upper().startswith("INTERVAL")
        and not kind.endswith("]")
    )


def _fitting(columns: Sequence[tuple[str, str]], cells: Sequence[Sequence[str]], columns_wide: int | None) -> int:
    """How many columns fit when each text column may shrink to 8."""
    if columns_wide is None:
        return len(columns)
    used, shown = 0, 0
    for i, (name, kind) in enumerate(columns):
        widest = max([width(name), *(width(row[i]) for row in cells)])
        used += (widest if _numeric(kind) else min(widest, 8)) + (2 if i else 0)
        if used > columns_wide and i:
            break
        shown += 1
    return shown
