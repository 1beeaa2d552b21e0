"""A worker's part in publishing: handovers that nobody is at are committed, runs that are over are closed.

What waited for a person goes on when somebody has agreed, and ends when nobody has in time.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

from weft.api.publishing.committer import ProcessCommitter
from weft.errors import PlatformError
from weft.registry import processes
from weft.registry.claims import Claims

if TYPE_CHECKING:
    from weft.api.platform import Platform

_AGE = timedelta(seconds=2)
"""How long a handover has waited that is taken for left behind: the server's own process is faster."""

_WAIT_S = 10.0
"""How long it waits for one; its process goes on with it meanwhile."""

_IDLE_S = 60.0
_TIDY_S = 60.0


class HandoverLoop:
    """Goes on with what a server had begun that died, and takes from one that has too much to do.

    It commits in a process of its own, which ends when there is nothing to do: a file that ends the process that
    reads it does not end the worker.

    Attributes:
        name: what messages call it.
        pause_s: how long it waits when there was nothing to do.
    """

    name = "publications"
    pause_s = 2.0

    def __init__(self, platform: Platform) -> None:
        self._publishing = platform.publishing
        self._holding = platform.holding
        self._now = platform.rooms.now
        self._claims = Claims(platform.database, processes.identity())
        self._committer = ProcessCommitter(platform.rooms.settings.root)
        self._busy = self._tidied = float("-inf")

    def step(self) -> bool:
        """Commits what is left behind; says whether there was anything.

        Raises:
            PlatformError: one of them could not be committed now; the others were looked at.
        """
        if time.monotonic() - self._tidied > _TIDY_S:
            self._publishing.tidy()
            self._tidied = time.monotonic()
        self._holding.look()
        left = self._claims.left(self._publishing.place, self._now(), _AGE)
        failed: PlatformError | None = None
        for one in left:
            self._busy = time.monotonic()
            try:
                self._committer.commit(one.run_id, one.product, _WAIT_S)
            except PlatformError as e:
                failed = e
        if failed is not None:
            raise failed
        if not left and time.monotonic() - self._busy > _IDLE_S:
            self._committer.close()
        return bool(left)

    def close(self) -> None:
        """Lets its process finish what it does, and end."""
        self._committer.close()
