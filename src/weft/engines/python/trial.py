"""Tries the users as which Python models run before a worker needs them."""

from __future__ import annotations

from weft.config import Settings, duration, size_bytes, size_in_bytes
from weft.engines.python.apart import accounts, end_left, is_taken, taken
from weft.engines.python.failures import not_begun, not_started
from weft.engines.python.hidden import hidden_paths
from weft.engines.python.process import Job, run
from weft.errors import Diagnostic, ProjectError, UserCodeError

_SOURCE = "def trial():\n    import pyarrow\n    return pyarrow.table({'works': [True]})\n"


def try_users(settings: Settings) -> None:
    """Ends what runs before have left, and runs a model of one row as each user that nobody has taken.

    Raises:
        ProjectError: WFT-PYM-016, none can be started as one of them; WFT-PYM-018, one reaches what it must not.
    """
    python, hidden = settings.python, hidden_paths(settings)
    try:
        end_left(python.users, python.folder)
        free = [one.name for one in accounts(python.users) if not is_taken(one)]
        problems = [p for name in free if (p := _problem(name, settings, hidden)) is not None]
    except UserCodeError as e:
        raise ProjectError(*e.diagnostics) from None
    if problems:
        raise ProjectError(*problems)


def _problem(name: str, settings: Settings, hidden: tuple[str, ...]) -> Diagnostic | None:
    python = settings.python
    with taken((name,), python.folder, lambda _: None) as apart:
        job = Job(
            "trial.py",
            _SOURCE,
            "weft_trial",
            "trial",
            {},
            str(apart.out / "output.parquet"),
            str(apart.out / "temp"),
            size_in_bytes(python.memory_limit),
            size_bytes(python.file_size),
            (apart.account.uid, apart.account.gid),
            hidden,
        )
        try:
            ended = run(job, apart.folder, duration(python.timeout).total_seconds(), lambda _: None, apart)
        except PermissionError as e:
            return not_started(None, name, e.strerror)
        return None if ended.result is not None and "rows" in ended.result else not_begun(None, ended, name)
