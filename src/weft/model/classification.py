"""Classification: how sensitive a column is."""

from __future__ import annotations

from enum import IntEnum


class Classification(IntEnum):
    """public < internal < confidential < restricted; absent means internal (Source: ODCS schema, `classification`)."""

    PUBLIC = 0
    INTERNAL = 1
    CONFIDENTIAL = 2
    RESTRICTED = 3

    def __str__(self) -> str:
        return self.name.lower()


def parse_classification(text: str | None) -> Classification:
    """The level that a contract names; absent is internal, an unknown word is restricted (fail closed).

    >>> parse_classification(None), parse_classification("Confidential"), parse_classification("secret")
    (<Classification.INTERNAL: 1>, <Classification.CONFIDENTIAL: 2>, <Classification.RESTRICTED: 3>)
    """
    if text is None:
        return Classification.INTERNAL
    return Classification.__members__.get(text.strip().upper(), Classification.RESTRICTED)
