"""The process of one job: applies a product and tells its worker what happens, a line of JSON for each thing.

It is spawned with `python -m weft.cli.job` and reads what it has to do from its first line of input. When its input
ends its worker is gone, and so is the lease of the job: it stops.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.cli.stopping import EXIT_INTERRUPTED, stop_when_told

if TYPE_CHECKING:
    from weft.errors import Diagnostic

Tell = Callable[[dict[str, Any]], None]


def main() -> int:
    """Runs the job and returns its exit code."""
    tell = _own_output()
    stop_when_told()
    asked = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_worker, daemon=True).start()
    try:
        return run(asked, tell)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED


def run(asked: dict[str, Any], tell: Tell) -> int:
    """Applies what a worker asks for.

    Args:
        asked: `root`, `subject`, perhaps a `window`, and in `own_python` folders of products whose Python models may
            run as the user of this process.
    """
    from msgspec.structs import replace

    from weft.api.mesh import Mesh
    from weft.config import load_settings
    from weft.errors import PlatformError, WeftError, error
    from weft.plan.keeping import window_from_json
    from weft.runs.passing import may_pass

    try:
        settings = replace(load_settings(Path(asked["root"])), own_python=frozenset(asked.get("own_python", ())))
        with Mesh(settings) as mesh:
            progress = _Told(tell, mesh.run_of_this_process)
            done = mesh.apply([asked["subject"]], window=window_from_json(asked.get("window")), progress=progress)
    except WeftError as e:
        for diagnostic in e.diagnostics:
            tell({"line": _said(diagnostic)})
        tell({"failed": [d.as_json() for d in e.diagnostics], "passing": may_pass(e)})
        return e.exit_code
    except Exception as e:  # noqa: BLE001  the entrance: what is unforeseen is told by its type, its text may quote a row
        unforeseen = PlatformError(error("WFT-CLI-003", f"weft itself failed: {type(e).__name__}"))
        tell({"failed": [d.as_json() for d in unforeseen.diagnostics], "passing": False})
        return unforeseen.exit_code
    for failed in done.failed:
        for diagnostic in failed.diagnostics:
            tell({"line": f"{failed.address}: {_said(diagnostic)}"})
    if done.run_id is None and not done.failed:
        tell({"line": "nothing has changed, so nothing was built"})
    passing = bool(done.failed) and all(may_pass(f.error) for f in done.failed)
    tell({"done": done.as_json(), "run": done.run_id, "exit_code": done.exit_code, "passing": passing})
    return 0


def _said(diagnostic: Diagnostic) -> str:
    return f"{diagnostic.severity} {diagnostic.code}: {diagnostic.what}"


class _Told:
    """What a run tells, as lines of the job's log."""

    def __init__(self, tell: Tell, run_id: Callable[[], str | None]) -> None:
        self._tell = tell
        self._run_id = run_id

    def started(self, total_stages: int) -> None:
        """Says which run it is."""
        found = self._run_id()
        if found is not None:
            self._tell({"run": found})

    def stage(self, address: str, kind: str) -> None:
        """Says which step begins."""
        self._tell({"line": f"{kind} {address}"})

    def finished(self, address: str, outcome: str, rows: int | None, seconds: float) -> None:
        """Says what came of a port."""
        from weft.cli.progress import finished_text

        self._tell({"line": finished_text(address, outcome, rows, seconds)})

    def note(self, text: str) -> None:
        """Hands a remark on."""
        self._tell({"line": text})


def _own_output() -> Tell:
    """A way to the worker that nothing else writes to: what a library prints goes to the log."""
    sys.stdout.flush()
    own = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    guard = threading.Lock()

    def tell(what: dict[str, Any]) -> None:
        with guard:
            own.write(json.dumps(what, default=str) + "\n")
            own.flush()

    return tell


def _end_with_worker() -> None:
    while sys.stdin.buffer.readline():
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
