"""Zones: in which time zone a column's local times and dates live."""

from __future__ import annotations

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from weft.model.odcs import Contract, Property


def zone_of(contract: Contract, prop: Property) -> str:
    """The zone in which a column's local times and dates live; UTC when nothing says.

    Source: `weft.timezone` on the column or the contract, else ODCS `logicalTypeOptions.defaultTimezone`.
    """
    named = prop.custom.get("weft.timezone") or contract.custom.get("weft.timezone")
    return str(named or prop.options.get("defaultTimezone") or "UTC")


def known_zone(zone: str) -> ZoneInfo | None:
    """The time zone of a name; None where there is no such zone.

    >>> known_zone("Europe/Paris"), known_zone("Mars/Olympus"), known_zone("../paris")
    (zoneinfo.ZoneInfo(key='Europe/Paris'), None, None)
    """
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def zone_names() -> frozenset[str]:
    """The names that time zones have here."""
    return frozenset(available_timezones())
