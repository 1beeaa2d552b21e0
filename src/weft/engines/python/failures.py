"""How a Python model failed, as a diagnostic that names the place in its file."""

from __future__ import annotations

import signal
import sys

from weft.engines.python.apart import Taken
from weft.engines.python.process import Ended
from weft.errors import Diagnostic, Where, error
from weft.model.mesh import Model

_FRAME = "return `.to_frame()` of it"
_INSTEAD = {
    "a builtins.NoneType": ("nothing", "end the function with `return` and the table"),
    "a builtins.generator": ("a generator", "return `pyarrow.RecordBatchReader.from_batches(schema, …)` of it"),
    "a builtins.list": ("a list", "return `pyarrow.Table.from_pylist(…)` of rows that are dictionaries"),
    "a builtins.dict": ("a dict", "return `pyarrow.Table.from_pydict(…)` of columns that are lists"),
    "a polars.series.series.Series": ("a Polars series", _FRAME),
    "a pandas.core.series.Series": ("a pandas series", _FRAME),
    "a pandas.Series": ("a pandas series", _FRAME),
}
"""What is often returned in the place of a table: what it is called, and how a table is made of it."""


def place_of(model: Model) -> Where:
    """Where a model's function stands."""
    return Where(model.file, model.python.line if model.python else model.first_line)


def failure(
    model: Model, ended: Ended, timeout: str, memory: str, file_size: str, apart: Taken | None
) -> Diagnostic | None:
    """What went wrong in the child, placed in the user's file; None when nothing did."""
    name = f"model `{model.name}`"
    if apart is not None and not ended.begun and not ended.late:
        return not_begun(model, ended, apart.account.name)
    if ended.late:
        fix = 'raise it in the header: `[tool.weft]`, `timeout = "30m"`, or `python.timeout` in weft.toml'
        return error("WFT-PYM-011", f"{name} ran longer than {timeout}", place_of(model), fix=fix)
    told = ended.result
    if told is None:
        return _silent(model, ended, memory)
    if "failed" not in told:
        return None
    where = Where(model.file, told["line"]) if told.get("line") else place_of(model)
    if told["failed"] == "memory":
        return _out_of_memory(model, where, memory)
    if told["failed"] == "size":
        fix = "`python.file_size` says how much it may"
        return error("WFT-PYM-019", f"{name} wrote a file of more than {file_size}", where, fix=fix)
    if told["failed"] == "result":
        return _no_table(model, told["message"])
    line = f"`{told['text'].strip()}`" if told.get("text") else None
    what = f"{name} raised {told.get('type')}" + (f": {told['message']}" if told.get("message") else "")
    fix = "the whole message stands in the notes of the run"
    if told.get("type") in ("ImportError", "ModuleNotFoundError"):
        fix = "install it and list it under `dependencies` in the header; files beside a model cannot be imported"
    return error("WFT-PYM-009", what, where, why=line, fix=fix)


def _no_table(model: Model, returned: str) -> Diagnostic:
    called, fix = _INSTEAD.get(returned, (returned, "return one of these"))
    why = "a table is a DuckDB relation, an Arrow table or reader, or a data frame of Polars or pandas"
    return error("WFT-PYM-013", f"model `{model.name}` returned {called}", place_of(model), why=why, fix=fix)


def not_begun(model: Model | None, ended: Ended, user: str) -> Diagnostic:
    """Why a child has not come as far as the model's own code, though it has started as another user."""
    told = ended.result or {}
    if told.get("failed") == "exposed":
        what = f"{_named(model)} not run as the user `{user}`, which can reach `{told['message']}`"
        why = "what is of the mesh must be out of its reach"
        fix = "take it the right: `chmod o-rwx` of the mesh's folder, and of what lies elsewhere"
        return error("WFT-PYM-018", what, _where(model), why=why, fix=fix)
    if told.get("failed") == "writable":
        what = f"{_named(model)} not run as the user `{user}`, which can write to `{told['message']}`"
        why = "interpreter and packages are those of weft too: what is written there runs as its user"
        return error("WFT-PYM-018", what, _where(model), why=why, fix=f"`chmod -R o-w {told['message']}`")
    if told.get("failed") == "apart":
        return not_started(model, user, "it still had rights of the user that runs weft")
    return not_started(model, user, (ended.last_words.splitlines() or [f"it ended with status {ended.status}"])[-1])


def not_started(model: Model | None, user: str, why: str | None) -> Diagnostic:
    """A child that has not come as far as the model's own code."""
    fix = (
        f"let the user read and run `{sys.executable}` and its packages, and go through the folders above them; "
        "nothing of them may lie in somebody's home"
    )
    what = f"{_named(model)} not start as the user `{user}`"
    return error("WFT-PYM-016", what, _where(model), why=why, fix=fix)


def _named(model: Model | None) -> str:
    return f"model `{model.name}` does" if model is not None else "Python models do"


def _where(model: Model | None) -> Where:
    return place_of(model) if model is not None else Where("weft.toml")


def unsound(model: Model, what: str) -> Diagnostic:
    """What a child has left is not what a run leaves."""
    fix = "return a table from the function; weft writes the file"
    return error("WFT-PYM-019", f"model `{model.name}` has left {what}", place_of(model), fix=fix)


def _silent(model: Model, ended: Ended, memory: str) -> Diagnostic:
    """A child that could not tell how it ended."""
    # Polars and Arrow abort where Python would raise MemoryError
    if "memory allocation of" in ended.last_words or "bad_alloc" in ended.last_words:
        return _out_of_memory(model, place_of(model), memory)
    if ended.signal:
        try:
            by = signal.Signals(ended.signal).name
        except ValueError:
            by = f"signal {ended.signal}"
        reason = "the system may have run out of memory" if by == "SIGKILL" else "a library that it uses has crashed"
        return error(
            "WFT-PYM-012", f"the process of model `{model.name}` was killed by {by}", place_of(model), why=reason
        )
    what = f"the process of model `{model.name}` ended with status {ended.status} and told nothing"
    return error("WFT-PYM-012", what, place_of(model), why="it has left the interpreter by itself")


def _out_of_memory(model: Model, where: Where, memory: str) -> Diagnostic:
    return error(
        "WFT-PYM-010",
        f"model `{model.name}` needs more memory than {memory}",
        where,
        fix='raise it in the header: `[tool.weft]`, `memory_limit = "8GB"`, or `python.memory_limit` in weft.toml; '
        "read inputs as `pyarrow.RecordBatchReader` or `polars.LazyFrame`",
    )
