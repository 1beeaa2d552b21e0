"""Which failures may pass by themselves, so that doing the same again later makes sense."""

from __future__ import annotations

from weft.errors import TransientError, WeftError

_PASSING = frozenset({"WFT-REG-002", "WFT-REG-003", "WFT-SRC-027", "WFT-STO-003"})
"""The registry or a source that could not be reached, a lock that somebody else held, a table that moved."""


def may_pass(failed: WeftError) -> bool:
    """Whether a failure is one of reaching something, and not of what was reached."""
    return isinstance(failed, TransientError) or all(d.code in _PASSING for d in failed.diagnostics)
