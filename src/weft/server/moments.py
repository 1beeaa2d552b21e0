"""Times as requests name them: with a zone or in UTC, and never a number."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator


def _written(value: Any) -> Any:
    """The time of a text.

    Raises:
        ValueError: it is none; a bare number would be taken for seconds since 1970.
    """
    if not isinstance(value, str):
        raise ValueError("must be a time like 2026-11-21T08:00:00Z")
    return datetime.fromisoformat(value)


def in_utc(at: datetime) -> datetime:
    """The time in UTC; one without a zone is in it already.

    Raises:
        ValueError: no calendar has it there.
    """
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except OverflowError:
        raise ValueError("is before the first or after the last day of the calendar") from None


Moment = Annotated[datetime, BeforeValidator(_written), AfterValidator(in_utc)]
