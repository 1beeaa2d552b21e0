"""When a product is applied by itself: what its descriptor or its contracts say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from msgspec import Struct

from weft.model.document import custom_properties, entries, text
from weft.model.schedule import cron_problem

PROPERTY = "weft.schedule"
_KEYS = frozenset({"cron", "timezone", "on", "missed", "jitter", "priority", "timeout", "attempts", "engine"})
_DURATION = re.compile(r"([0-9]{1,6})\s*([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class ProductSchedule(Struct, frozen=True):
    """When a product is applied.

    Attributes:
        cron: five fields of cron, or a word such as `@daily`; None: by its inputs alone.
        timezone: the zone whose clock cron reads.
        on: `any` or `all`: applied when any, or when all of its inputs were published since; None: by the clock alone.
        missed: what becomes of times that nobody could see to: `last` runs once for all of them, `each` for each,
            `skip` for none.
        jitter_s: how much later than due it may begin, the same for the same time.
        attempts: how often it is tried when it fails by chance.
    """

    cron: str | None = None
    timezone: str = "UTC"
    on: str | None = None
    missed: str = "last"
    jitter_s: int = 0
    priority: int = 5
    timeout_s: int = 6 * 3600
    attempts: int = 5
    engine: str = "duckdb"

    @property
    def words(self) -> str:
        """The schedule in words."""
        said = [f"{self.cron} ({self.timezone})"] if self.cron else []
        return " or ".join([*said, *([f"{self.on} input published"] if self.on else [])])


def schedule_of(
    descriptor: Mapping[str, Any], contracts: Iterator[Mapping[str, Any]] | list[Mapping[str, Any]]
) -> ProductSchedule | None:
    """The schedule of a product by its documents; None when it has none, or one that cannot be read.

    `weft.schedule` of the descriptor decides. Without it the first service level `frequency` of a contract that has a
    cron schedule does (Source: ODCS, `slaProperties`, `schedule` and `scheduler`).
    """
    stated = custom_properties(descriptor).get(PROPERTY)
    if stated is not None:
        return None if list(problems_of(stated)) else _read(stated)
    for contract in contracts:
        for _, level in entries(contract, "slaProperties"):
            cron = text(level, "schedule")
            named = (text(level, "scheduler") or "cron").strip().lower()
            if text(level, "property") == "frequency" and cron is not None and named in ("cron", "crontab"):
                return None if cron_problem(cron) else ProductSchedule(cron)
    return None


def problems_of(stated: Any) -> Iterator[str]:
    """What is wrong with the value of `weft.schedule`; its time zone is looked up by whoever knows zones.

    >>> list(problems_of({"cron": "0 6 * * *", "on": "some"}))
    ['its `on` is `some`, not any or all']
    """
    if isinstance(stated, str):
        stated = {"cron": stated}
    if not isinstance(stated, Mapping):
        yield "it is neither a cron expression nor a group of fields"
        return
    for key in sorted(map(str, set(stated) - _KEYS)):
        yield f"it has no `{key}`, only {', '.join(sorted(_KEYS))}"
    if stated.get("cron") is None and stated.get("on") is None:
        yield "it has neither `cron` nor `on`"
    if stated.get("cron") is not None:
        problem = cron_problem(str(stated["cron"]))
        if problem is not None:
            yield f"`{stated['cron']}` is no cron expression: {problem}"
    for key, allowed in (("on", ("any", "all")), ("missed", ("last", "each", "skip"))):
        if stated.get(key) is not None and stated[key] not in allowed:
            yield f"its `{key}` is `{stated[key]}`, not {', '.join(allowed[:-1])} or {allowed[-1]}"
    for key, least, greatest in (("priority", 0, 9), ("attempts", 1, 100)):
        value = stated.get(key)
        if value is not None and (type(value) is not int or not least <= value <= greatest):
            yield f"its `{key}` is `{value}`, not a number of {least} to {greatest}"
    for key in ("jitter", "timeout"):
        if stated.get(key) is not None and _seconds(str(stated[key])) is None:
            yield f"its `{key}` is `{stated[key]}`, not a duration such as 30s, 10m or 6h"


def _read(stated: Any) -> ProductSchedule:
    fields: Mapping[str, Any] = {"cron": stated} if isinstance(stated, str) else stated
    return ProductSchedule(
        cron=text(fields, "cron"),
        timezone=text(fields, "timezone") or "UTC",
        on=text(fields, "on"),
        missed=text(fields, "missed") or "last",
        jitter_s=_seconds(text(fields, "jitter") or "0s") or 0,
        priority=fields.get("priority", 5),
        timeout_s=_seconds(text(fields, "timeout") or "6h") or 6 * 3600,
        attempts=fields.get("attempts", 5),
        engine=text(fields, "engine") or "duckdb",
    )


def _seconds(stated: str) -> int | None:
    match = _DURATION.fullmatch(stated.strip())
    return int(timedelta(**{_UNITS[match[2]]: int(match[1])}).total_seconds()) if match else None
