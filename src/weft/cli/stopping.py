"""Stopping: Ctrl-C and SIGTERM end a command, in time, whatever the engine is doing."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

GRACE_S = 5.0
"""How long a command that was told to stop may tidy up."""

EXIT_INTERRUPTED = 130
_ENDED = b"interrupted; the engine did not stop by itself and was ended; the next `weft apply` repairs what is left\n"


def stop_when_told() -> None:
    """From now on SIGTERM means what Ctrl-C means, and a command that does not end is ended.

    An interrupted DuckDB may wait for itself for ever (measured with 2.0.0: 1 in 20 interrupts of a COPY on a busy
    machine; duckdb#24961 has the same picture), and Python's handlers only run when it returns. A second thread is
    told by the signal itself, through its wake-up descriptor. What an ended process leaves, the next apply repairs.
    """
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_after_grace, args=(told,), daemon=True).start()


def _end_after_grace(told: int) -> None:
    while (number := os.read(told, 1)) and number[0] not in (signal.SIGINT, signal.SIGTERM):
        pass
    time.sleep(GRACE_S)
    with contextlib.suppress(OSError):  # whoever listened may be gone, which is why it ends
        os.write(2, _ENDED)
    os._exit(EXIT_INTERRUPTED)
