"""Text formats: what `logicalTypeOptions.format` of a text means, as a pattern that its values match."""

from __future__ import annotations

_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = rf"({_BYTE}\.){{3}}{_BYTE}"
_GROUP = "[0-9a-fA-F]{1,4}"


def _ipv6() -> str:
    """Eight groups, or fewer with `::` in one place; the last two may be written as IPv4."""
    end = f"({_GROUP}:{_GROUP}|{_IPV4})"
    forms = [f"({_GROUP}:){{6}}{end}"]
    for before in range(7):
        head = "" if before == 0 else f"({_GROUP}:){{0,{before - 1}}}{_GROUP}"
        optional = f"({head})?" if head else ""
        after = 5 - before
        if after >= 0:
            groups = f"({_GROUP}:){{{after}}}" if after else ""
            forms.append(f"{optional}::{groups}{end}")
    forms.append(f"(({_GROUP}:){{0,5}}{_GROUP})?::{_GROUP}")
    forms.append(f"(({_GROUP}:){{0,6}}{_GROUP})?::")
    return "|".join(forms)


_PATTERNS = {
    "email": r"^[^@\s]+@[^@\s]+$",
    "uuid": "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    "uri": r"^[A-Za-z][A-Za-z0-9+.-]*:[^\s<>]+$",
    "hostname": rf"^{_LABEL}(\.{_LABEL})*$",
    "ipv4": f"^{_IPV4}$",
    "ipv6": f"^({_ipv6()})$",
}


def pattern_of(text_format: str) -> str | None:
    """The pattern of a format's values; None for a format that no pattern tells (`password`, `binary`).

    >>> pattern_of("ipv6") is None, pattern_of("password") is None
    (False, True)

    Source: ODCS, `logicalTypeOptions.format` of `string`, which are the formats of JSON Schema and OpenAPI.
    """
    return _PATTERNS.get(text_format.lower())
