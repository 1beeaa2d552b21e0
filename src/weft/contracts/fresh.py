"""Names that are still free."""

from __future__ import annotations

import re


def fresh(wanted: str, taken: set[str]) -> str:
    """The name, with a number behind it when it is taken; it is taken from now on.

    >>> taken = {"a"}
    >>> fresh("a", taken), fresh("a", taken), fresh("b", taken)
    ('a_2', 'a_3', 'b')
    """
    found, n = wanted, 1
    while found in taken:
        n += 1
        found = f"{wanted}_{n}"
    taken.add(found)
    return found


def fresh_id(name: str, taken: set[str]) -> str:
    """The id of a property of this name, in the signs that ODCS allows.

    >>> fresh_id("ship to", {"ship_to"})
    'ship_to_2'
    """
    return fresh(re.sub(r"[^A-Za-z0-9_-]+", "_", name).strip("_") or "column", taken)
