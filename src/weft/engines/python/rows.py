"""The rows of a Python model: inputs go from the session to files, the result comes back as a SELECT over a file."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from weft.config import PythonSettings, duration, size_in_bytes
from weft.engines.base import Session
from weft.engines.python.process import Ended, Job, JobInput, run
from weft.errors import Diagnostic, UserCodeError, Where, did_you_mean, error
from weft.model.column import Column
from weft.model.mesh import Model
from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import ident, literal

_AS_TEXT = frozenset(
    {"UHUGEINT", "BIGNUM", "INTERVAL", "UUID", "BIT", "TIMETZ", "UNION", "VARIANT", "GEOMETRY", "JSON", "ENUM", "TYPE"}
)
"""Types that Arrow, Polars and pandas have not all: they are given as text."""

_NUMBERS = frozenset(
    {
        *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BIGNUM"),
        *("FLOAT", "DOUBLE", "DECIMAL"),
    }
)
_LOCAL = frozenset({"TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE"})
_ZONED = frozenset({"TIMESTAMPTZ", "TIMESTAMPTZ_NS"})
_TIMES = frozenset({"TIME", "TIME_NS"})
_FROM_TEXT = frozenset({"VARCHAR", *_AS_TEXT})


class Run(Struct, frozen=True):
    """Where and how a Python model runs.

    Attributes:
        folder: for the files that go in and out; the SELECT is good as long as it is there.
        note: is told each line that the model prints.
    """

    limits: PythonSettings
    folder: Path
    note: Callable[[str], None]


def select_rows(session: Session, model: Model, columns: Sequence[Column] | None, how: Run) -> str:
    """Runs a model on what its arguments name in the session; returns the SELECT of its rows with these columns.

    Without columns it gives them as they are.

    Raises:
        UserCodeError: WFT-PYM-009 to 015, the model failed, or its rows are not of these columns.
    """
    path, untyped = _result(session, model, how)
    if columns is None:
        return f"SELECT * FROM read_parquet({literal(path)})"
    given = _columns(session, path, untyped)
    return _cast(session, model, path, given, columns)


def found_columns(session: Session, model: Model, how: Run) -> tuple[Column, ...]:
    """The columns that a model gives on the rows that are in the session: none, so that only names and types tell.

    Raises:
        UserCodeError: WFT-PYM-007, a type cannot be told without rows; WFT-PYM-009 to 015, it failed.
    """
    path, untyped = _result(session, model, how)
    if untyped:
        what = f"of what type column `{untyped[0]}` of model `{model.name}` is cannot be told on empty inputs"
        raise UserCodeError(error("WFT-PYM-007", what, _place(model), fix=_declare(untyped[0])))
    return _columns(session, path, untyped)


def _declare(column: str) -> str:
    return f'declare it in the header: `[tool.weft.columns]`, `{column} = "VARCHAR"`'


def _result(session: Session, model: Model, how: Run) -> tuple[str, Sequence[str]]:
    code = model.python
    assert code is not None, "a SQL model has a SELECT of its own"
    folder = how.folder / f"python-{uuid.uuid4().hex}"
    (folder / "temp").mkdir(parents=True)
    inputs = {}
    for number, reference in enumerate(model.references):
        path = folder / f"input-{number}.parquet"
        _hand_over(session, reference.name, path)
        inputs[reference.name] = JobInput(str(path), str(code.forms[reference.name]))
    timeout = str(model.settings.get("timeout", how.limits.timeout))
    memory = str(model.settings.get("memory_limit", how.limits.memory_limit))
    output = str(folder / "output.parquet")
    job = Job(
        model.file,
        model.sql,
        f"weft_model_{model.name.partition('@')[0]}",
        code.function,
        inputs,
        output,
        str(folder / "temp"),
        size_in_bytes(memory),
    )
    ended = run(job, folder, duration(timeout).total_seconds(), lambda line: how.note(f"{model.name}: {line}"))
    for one in inputs.values():
        Path(one.path).unlink(missing_ok=True)
    failed = _failure(model, ended, timeout, memory)
    if failed is not None:
        raise UserCodeError(failed)
    assert ended.result is not None, "else it has failed"
    return output, ended.result["untyped"]


def _hand_over(session: Session, name: str, path: Path) -> None:
    """Writes a table of the session to a file, in types that every kind of data frame knows."""
    items = []
    for column in session.columns(f"SELECT * FROM {ident(name)}"):
        tree = parse_type(column.type)
        plain = _plain(tree) if tree is not None else None
        item = ident(column.name)
        items.append(item if plain is None or plain == tree else f"CAST({item} AS {plain}) AS {item}")
    session.rows(
        f"COPY (SELECT {', '.join(items)} FROM {ident(name)}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION lz4)"
    )


def _plain(tree: TypeText) -> TypeText:
    if tree.name in _AS_TEXT:
        return TypeText("VARCHAR")
    if tree.name == "HUGEINT":
        return TypeText("DECIMAL", parameters=(38, 0))
    return replace(tree, parts=tuple((label, _plain(part)) for label, part in tree.parts)) if tree.parts else tree


def _columns(session: Session, path: str, untyped: Sequence[str]) -> tuple[Column, ...]:
    found = session.columns(f"SELECT * FROM read_parquet({literal(path)})")
    return tuple(Column(c.name, "NULL") if c.name in untyped else c for c in found)


def _cast(session: Session, model: Model, path: str, given: Sequence[Column], wanted: Sequence[Column]) -> str:
    """The SELECT of the rows in the types that are wanted, when no value changes by it.

    Raises:
        UserCodeError: WFT-PYM-014, a column lacks or is too many; WFT-PYM-015, a type or a value does not fit.
    """
    types = {c.name: c.type for c in given}
    names = [c.name for c in wanted]
    problems = [
        error(
            "WFT-PYM-014",
            f"model `{model.name}` returns no column `{name}`",
            _place(model),
            why="its contract or its header names it",
            fix=did_you_mean(name, [n for n in types if n not in names], otherwise="return it too"),
        )
        for name in names
        if name not in types
    ]
    problems += [
        error(
            "WFT-PYM-014",
            f"model `{model.name}` returns a column `{name}` that nothing names",
            _place(model),
            why="columns of a Python model are those of its contract, or of its header",
            fix="leave it out, or add it to the contract",
        )
        for name in types
        if name not in names
    ]
    problems += [
        error(
            "WFT-PYM-015",
            f"column `{c.name}` of model `{model.name}` is {types[c.name]}, which is no {c.type}",
            _place(model),
            fix=_zone_hint(types[c.name], c.type) or "convert it in the function",
        )
        for c in wanted
        if c.name in types and not convertible(types[c.name], c.type)
    ]
    if problems:
        raise UserCodeError(*problems)
    other = [c for c in wanted if types[c.name] not in (c.type, "NULL")]
    changed = [c for c in other if not _always(types[c.name], c.type)]
    if changed:
        _check_values(session, model, path, types, changed)
    items = [
        f"CAST({ident(c.name)} AS {c.type}) AS {ident(c.name)}" if types[c.name] != c.type else ident(c.name)
        for c in wanted
    ]
    return f"SELECT {', '.join(items)} FROM read_parquet({literal(path)})"


def _check_values(
    session: Session, model: Model, path: str, types: Mapping[str, str], changed: Sequence[Column]
) -> None:
    """Each value has to come back from its new type as it was."""
    counts = []
    for column in changed:
        name = ident(column.name)
        cast = f"TRY_CAST({name} AS {column.type})"
        # a text may be written in several ways for one value
        kept = cast if types[column.name] == "VARCHAR" else f"TRY_CAST({cast} AS {types[column.name]})"
        differs = f"{kept} IS NULL AND {name} IS NOT NULL" if kept == cast else f"{kept} IS DISTINCT FROM {name}"
        counts.append(f"count(*) FILTER (WHERE {differs})")
    found = session.rows(f"SELECT {', '.join(counts)} FROM read_parquet({literal(path)})")[0]
    problems = [
        error(
            "WFT-PYM-015",
            f"column `{c.name}` of model `{model.name}` is {types[c.name]}; {number:,} "
            f"{'value does' if number == 1 else 'values do'} not fit {c.type} without loss",
            _place(model),
            fix="round or convert it in the function, or widen the type in the contract",
        )
        for c, number in zip(changed, found, strict=True)
        if number
    ]
    if problems:
        raise UserCodeError(*problems)


def convertible(given: str, wanted: str) -> bool:
    """Whether values of a type may be asked whether they fit another: both are numbers, or times of one kind …

    >>> convertible("BIGINT", "DECIMAL(10,2)"), convertible("VARCHAR", "BIGINT")
    (True, False)
    """
    if given in (wanted, "NULL"):
        return True
    before, after = parse_type(given), parse_type(wanted)
    return before is not None and after is not None and _alike(before, after)


def _alike(before: TypeText, after: TypeText) -> bool:
    for kinds in (_NUMBERS, _LOCAL, _ZONED, _TIMES):
        if before.name in kinds and after.name in kinds:
            return True
    if before.name == "VARCHAR" and after.name in _FROM_TEXT:
        return True
    if before.name != after.name or len(before.parts) != len(after.parts):
        return False
    if not before.parts:
        return before.name == after.name
    return all(
        label == other and _alike(part, wider)
        for (label, part), (other, wider) in zip(before.parts, after.parts, strict=True)
    )


def _always(given: str, wanted: str) -> bool:
    """Whether every value of a type is one of the other, so that none need be looked at."""
    from weft.model.types import widens

    return widens(given, wanted)


def _zone_hint(given: str, wanted: str) -> str | None:
    if wanted.startswith("TIMESTAMPTZ") and given.startswith("TIMESTAMP"):
        return "give the moments their zone, UTC, in the function"
    return None


def _place(model: Model) -> Where:
    return Where(model.file, model.python.line if model.python else model.first_line)


def _failure(model: Model, ended: Ended, timeout: str, memory: str) -> Diagnostic | None:
    """What went wrong in the child, placed in the user's file; None when nothing did."""
    name = f"model `{model.name}`"
    if ended.late:
        fix = 'raise it in the header: `[tool.weft]`, `timeout = "30m"`, or `python.timeout` in weft.toml'
        return error("WFT-PYM-011", f"{name} ran longer than {timeout}", _place(model), fix=fix)
    told = ended.result
    if told is None:
        return _silent(model, ended, memory)
    if "failed" not in told:
        return None
    where = Where(model.file, told["line"]) if told["line"] else _place(model)
    if told["failed"] == "memory":
        return _out_of_memory(model, where, memory)
    if told["failed"] == "result":
        why = "a table is a DuckDB relation, an Arrow table or reader, or a data frame of Polars or pandas"
        return error("WFT-PYM-013", f"{name} returned {told['message']}", _place(model), why=why)
    line = f"`{told['text'].strip()}`" if told["text"] else None
    what = f"{name} raised {told['type']}" + (f": {told['message']}" if told["message"] else "")
    return error("WFT-PYM-009", what, where, why=line, fix="the whole message stands in the notes of the run")


def _silent(model: Model, ended: Ended, memory: str) -> Diagnostic:
    """A child that could not tell how it ended."""
    # Polars and Arrow abort where Python would raise MemoryError
    if "memory allocation of" in ended.last_words or "bad_alloc" in ended.last_words:
        return _out_of_memory(model, _place(model), memory)
    if ended.signal:
        try:
            by = signal.Signals(ended.signal).name
        except ValueError:
            by = f"signal {ended.signal}"
        reason = "the system may have run out of memory" if by == "SIGKILL" else "a library that it uses has crashed"
        return error(
            "WFT-PYM-012", f"the process of model `{model.name}` was killed by {by}", _place(model), why=reason
        )
    what = f"the process of model `{model.name}` ended with status {ended.status} and told nothing"
    return error("WFT-PYM-012", what, _place(model), why="it has left the interpreter by itself")


def _out_of_memory(model: Model, where: Where, memory: str) -> Diagnostic:
    return error(
        "WFT-PYM-010",
        f"model `{model.name}` needs more memory than {memory}",
        where,
        fix='raise it in the header: `[tool.weft]`, `memory_limit = "8GB"`, or `python.memory_limit` in weft.toml; '
        "read inputs as `pyarrow.RecordBatchReader` or `polars.LazyFrame`",
    )
