"""What is wrong with one SQL text, placed by offset: the caller knows the file."""

from __future__ import annotations

from msgspec import Struct

from weft.errors import Severity


class Problem(Struct, frozen=True):
    """One problem of a SQL text.

    Attributes:
        offset: the character (from 0) of the SQL at which it shows, None for the text as a whole.
    """

    code: str
    severity: Severity
    what: str
    offset: int | None = None
    why: str | None = None
    fix: str | None = None
