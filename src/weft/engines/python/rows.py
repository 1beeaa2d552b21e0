"""The rows of a Python model: inputs go from the session to files, the result comes back as a SELECT over a file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from weft.config import PythonSettings, Settings, duration, size_bytes, size_in_bytes
from weft.engines.base import Session
from weft.engines.python.apart import Taken, taken
from weft.engines.python.failures import failure, not_started, place_of, unsound
from weft.engines.python.hidden import hidden_paths
from weft.engines.python.left import UnsoundError, take
from weft.engines.python.process import Ended, Job, JobInput, run
from weft.errors import UserCodeError, WeftError, did_you_mean, error
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
        own: folders of products whose models may run as the user of this process; None: all.
        hidden: paths that models must not reach which run as another user.
    """

    limits: PythonSettings
    folder: Path
    note: Callable[[str], None]
    own: frozenset[str] | None = None
    hidden: tuple[str, ...] = ()


def run_of(settings: Settings, folder: Path, note: Callable[[str], None]) -> Run:
    """A run as settings want it."""
    hidden = hidden_paths(settings) if settings.python.users else ()
    return Run(settings.python, folder, note, settings.own_python, hidden)


def select_rows(session: Session, model: Model, columns: Sequence[Column] | None, how: Run) -> str:
    """Runs a model on what its arguments name in the session; returns the SELECT of its rows with these columns.

    Without columns it gives them as they are.

    Raises:
        UserCodeError: WFT-PYM-009 to 019, the model failed, or its rows are not of these columns.
    """
    path, untyped = _result(session, model, how)
    if columns is None:
        return f"SELECT * FROM read_parquet({literal(path)})"
    given = _columns(session, path, untyped)
    return _cast(session, model, path, given, columns)


def found_columns(session: Session, model: Model, how: Run) -> tuple[Column, ...]:
    """The columns that a model gives on the rows that are in the session: none, so that only names and types tell.

    Raises:
        UserCodeError: WFT-PYM-007, a type cannot be told without rows; WFT-PYM-009 to 019, it failed.
    """
    path, untyped = _result(session, model, how)
    if untyped:
        what = f"of what type column `{untyped[0]}` of model `{model.name}` is cannot be told on empty inputs"
        raise UserCodeError(error("WFT-PYM-007", what, place_of(model), fix=_declare(untyped[0])))
    return _columns(session, path, untyped)


def _declare(column: str) -> str:
    return f'declare it in the header: `[tool.weft.columns]`, `{column} = "VARCHAR"`'


def _result(session: Session, model: Model, how: Run) -> tuple[str, Sequence[str]]:
    code = model.python
    assert code is not None, "a SQL model has a SELECT of its own"
    _refuse_if_shared(model, how)
    folder = how.folder / f"python-{uuid.uuid4().hex}"
    (folder / "temp").mkdir(parents=True)
    output = folder / "output.parquet"
    timeout = str(model.settings.get("timeout", how.limits.timeout))
    memory = str(model.settings.get("memory_limit", how.limits.memory_limit))

    def ended_in(inside: Path, out: Path, apart: Taken | None) -> Ended:
        inputs = {}
        for number, reference in enumerate(model.references):
            path = inside / f"input-{number}.parquet"
            _hand_over(session, reference.name, path)
            if apart is not None:
                apart.give(path)
            inputs[reference.name] = JobInput(str(path), str(code.forms[reference.name]))
        job = Job(
            model.file,
            model.sql,
            f"weft_model_{model.name.partition('@')[0]}",
            code.function,
            inputs,
            str(out / "output.parquet"),
            str(out / "temp"),
            size_in_bytes(memory),
            size_bytes(how.limits.file_size),
            (apart.account.uid, apart.account.gid) if apart is not None else None,
            how.hidden,
        )
        note = _noting(model, how)
        ended = run(job, inside, duration(timeout).total_seconds(), note, apart)
        for one in inputs.values():
            Path(one.path).unlink(missing_ok=True)
        failed = failure(model, ended, timeout, memory, how.limits.file_size, apart)
        if failed is not None:
            raise UserCodeError(failed)
        if apart is not None:
            take(out, "output.parquet", output, size_bytes(how.limits.file_size), apart.account.uid)
        return ended

    try:
        ended = _apart(model, how, ended_in) if how.limits.users else ended_in(folder, folder, None)
        assert ended.result is not None, "else it has failed"
        _check_rows(session, output)
    except UnsoundError as e:
        raise UserCodeError(unsound(model, str(e))) from None
    return str(output), ended.result["untyped"]


def _noting(model: Model, how: Run) -> Callable[[str], None]:
    return lambda line: how.note(f"{model.name}: {line}")


def _apart(model: Model, how: Run, ended_in: Callable[[Path, Path, Taken], Ended]) -> Ended:
    """A run as another user.

    Raises:
        UserCodeError: WFT-PYM-016, it cannot be started as one; WFT-PYM-009 to 019, it failed.
    """
    try:
        with taken(how.limits.users, how.limits.folder, _noting(model, how)) as apart:
            try:
                return ended_in(apart.folder, apart.out, apart)
            except PermissionError as e:
                raise UserCodeError(not_started(model, apart.account.name, e.strerror)) from None
    except UserCodeError as e:
        raise UserCodeError(
            *(replace(d, where=place_of(model)) if d.code == "WFT-PYM-016" else d for d in e.diagnostics)
        ) from None


def _refuse_if_shared(model: Model, how: Run) -> None:
    """A worker of several domains runs no domain's code as its own user.

    Raises:
        UserCodeError: WFT-PYM-017, this is one.
    """
    if how.limits.users or how.own is None or how.limits.shared_workers == "own-user":
        return
    if any(model.file.startswith(f"{folder}/") for folder in how.own):
        return
    what = f"model `{model.name}` does not run as the user of this worker"
    why = "that user reads what is of other domains, and so could the model"
    fix = "set `python.users` for the worker, or start one for the domain alone: `weft worker --domain NAME`"
    raise UserCodeError(error("WFT-PYM-017", what, place_of(model), why=why, fix=fix))


def _check_rows(session: Session, path: Path) -> None:
    """What came back is a file of rows.

    Raises:
        UnsoundError: it is not.
    """
    try:
        session.columns(f"SELECT * FROM read_parquet({literal(str(path))})")
    except WeftError:
        raise UnsoundError("a file that is no Parquet") from None


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
            place_of(model),
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
            place_of(model),
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
            place_of(model),
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
            place_of(model),
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
