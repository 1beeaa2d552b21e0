"""Names and texts written into SQL, quoted so that they are only ever names and texts."""

from __future__ import annotations

from collections.abc import Iterable


def ident(name: str) -> str:
    """A name as SQL.

    >>> ident('a "b"')
    '"a ""b\"""'
    """
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL.

    >>> literal("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def dotted(names: Iterable[str]) -> str:
    """A qualified name as SQL.

    >>> dotted(["a", "b"])
    '"a"."b"'
    """
    return ".".join(ident(name) for name in names)
