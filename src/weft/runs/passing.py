"""Which failures may pass by themselves, so that doing the same again later makes sense."""

from __future__ import annotations

from weft.errors import Conflict, TransientError, WeftError


def may_pass(failed: WeftError) -> bool:
    """Whether a failure is one of reaching something, or somebody else was faster."""
    return isinstance(failed, TransientError | Conflict)
