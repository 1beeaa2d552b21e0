"""Tables that Python holds, as Arrow has them: what is in Arrow's layout already is not copied."""

from __future__ import annotations

from typing import Any

from weft.errors import Diagnostic, SourceError, error


def readable(held: Any) -> Any:
    """Rows in a form in which no value is silently made into one of another type.

    A pandas column of Python objects may hold values of several types, which DuckDB would turn into texts.

    Raises:
        SourceError: WFT-SRC-007, a column does so.
    """
    if type(held).__module__.partition(".")[0] == "pandas":
        import pyarrow as pa

        frame = held.to_frame() if hasattr(held, "to_frame") else held
        try:
            return pa.Table.from_pandas(frame, preserve_index=False)
        except pa.ArrowException:
            raise SourceError(_mixed(frame)) from None  # the original may hold a value
    return held


def _mixed(frame: Any) -> Diagnostic:
    import pyarrow as pa

    broken = []
    for name in frame.columns:
        try:
            pa.Table.from_pandas(frame[[name]], preserve_index=False)
        except pa.ArrowException:
            broken.append(f"`{name}`")
    named = ", ".join(broken) or "the columns' names"
    what = f"in the data frame {named} cannot be read as of one type"
    return error("WFT-SRC-007", what, fix="give it one type: `frame.astype({…})`")
