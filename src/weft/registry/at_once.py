"""What is answered at once: where a thread serves everybody, nothing that is done in it may wait for anybody.

A question that only reads rows of a local file is answered faster where it was asked than by another thread: two
threads take the interpreter from each other at every row. Whatever may take long says so before it begins, and the
question is asked again in a thread that may wait.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_here = threading.local()


class MustWaitError(Exception):
    """It cannot be answered at once."""


@contextmanager
def at_once() -> Iterator[None]:
    """Lets nothing in this thread wait for anybody."""
    _here.held = True
    try:
        yield
    finally:
        _here.held = False


def may_wait() -> None:
    """Says that what follows may take as long as somebody else does: a writer, a network, a large index.

    Raises:
        MustWaitError: in this thread nothing may.
    """
    if getattr(_here, "held", False):
        raise MustWaitError
