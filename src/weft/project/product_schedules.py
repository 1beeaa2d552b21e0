"""Whether a descriptor says when its product is applied in a way that can be followed."""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from weft.errors import Diagnostic, did_you_mean, error
from weft.model.document import Pointer, entries
from weft.model.odps import Descriptor
from weft.model.product_schedule import PROPERTY, problems_of


def schedule_problems(described: Descriptor) -> Iterator[Diagnostic]:
    """What is wrong with `weft.schedule` of a descriptor."""
    stated = described.custom.get(PROPERTY)
    if stated is None:
        return
    data = described.document.data
    place: Pointer = next(
        (("customProperties", i, "value") for i, p in entries(data, "customProperties") if p["property"] == PROPERTY),
        (),
    )
    where = described.where(place)
    for problem in problems_of(stated):
        yield error("WFT-RUN-048", f"`{PROPERTY}`: {problem}", where, fix="docs/how-to/run-on-a-schedule.md")
    zone = stated.get("timezone") if isinstance(stated, dict) else None
    if zone is not None and not _is_zone(str(zone)):
        what = f"`{PROPERTY}`: there is no time zone `{zone}`"
        yield error("WFT-RUN-048", what, where, fix=did_you_mean(str(zone), available_timezones()))


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True
