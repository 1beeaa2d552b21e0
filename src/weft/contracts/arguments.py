"""Arguments: what a metric of a quality rule is told besides its column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from weft.errors import did_you_mean

_KNOWN = ("filter", "missingValues", "pattern", "properties", "property", "validValues")


def misshapen_arguments(arguments: Any, entry: Mapping[str, Any]) -> str | None:
    """What is wrong with a metric's arguments, which the standard's schema leaves open; None where nothing is.

    One that nobody reads is a fault: whoever wrote it believes that it counts.
    """
    if not isinstance(arguments, Mapping):
        return "`arguments` is no group of fields"
    for name in arguments:
        if name not in _KNOWN:
            meant = did_you_mean(str(name), _KNOWN, otherwise=f"it has {', '.join(_KNOWN)}")
            return f"`arguments` knows no `{name}`: {meant}"
    for name in ("validValues", "missingValues", "properties"):
        for given in (arguments.get(name), entry.get(name)):
            if given is not None and (not isinstance(given, list) or any(isinstance(v, Mapping | list) for v in given)):
                return f"`{name}` is no list of values"
    if arguments.get("validValues") == [] or entry.get("validValues") == []:
        return "`validValues` is empty: nothing would be valid"
    for name in ("pattern", "filter"):
        given = arguments.get(name)
        if given is not None and (not isinstance(given, str) or not given.strip()):
            return f"`{name}` is no text"
    return None
