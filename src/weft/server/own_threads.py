"""Threads that one kind of work has for itself, so that those of requests are left to others."""

from __future__ import annotations

from anyio import CapacityLimiter
from anyio.lowlevel import RunVar


def limiter_of(kept: RunVar[CapacityLimiter], most: int) -> CapacityLimiter:
    """What bounds the threads of one kind of work; made once for each event loop.

    Args:
        kept: where it is kept.
        most: how many there are.
    """
    try:
        return kept.get()
    except LookupError:
        made = CapacityLimiter(most)
        kept.set(made)
        return made
