"""Runs one Python model in a process of its own. Started as a script: it imports nothing of weft.

`child.py JOB` reads what to do from a JSON file and writes `result.json` beside its output, see `process.Job`.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import importlib
import json
import linecache
import os
import signal
import sys
import traceback
import types
from pathlib import Path
from typing import Any

_BATCH_ROWS = 65_536


_MOST_PROCESSES = 2048
"""Processes and threads of a user that Python models run as: whoever starts more runs in circles."""


class WrongResultError(Exception):
    """The function gave something that is no table, or none that a file can hold."""


def main() -> None:
    """Runs the job and tells how it ended."""
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(job["output"]).parent
    _end_with(job["parent"])
    result = _apart(job) if job["user"] is not None else None
    if result is None:
        result = _result(job)
    sys.stdout.flush()
    sys.stderr.flush()
    written = folder / "result.json.new"
    written.write_text(json.dumps(result), encoding="utf-8")
    written.rename(folder / "result.json")
    os._exit(0)  # threads of the user's code are not waited for


def _result(job: dict[str, Any]) -> dict[str, Any]:
    _import_libraries(job)
    _limit_memory(job["memory_limit"])
    _limit_files(job["file_size"])
    os.write(job["begun"], b"1")  # whatever goes wrong from here on is the model's
    os.close(job["begun"])
    try:
        return _run(job)
    except BaseException as e:  # noqa: BLE001  the user's code may raise anything
        return _failure(e, job)


def _apart(job: dict[str, Any]) -> dict[str, Any] | None:
    """Gives up all that another user's process could still do; what is wrong where that does not do."""
    user, group = job["user"]
    libc = ctypes.CDLL(None)
    refused = libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS: no program gives it other rights
    libc.prctl(47, 4, 0, 0, 0)  # PR_CAP_AMBIENT_CLEAR_ALL: a worker that is not root hands its capabilities on by these
    libc.capset((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
    told = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    held = any(int(told[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
    groups = set(told["Groups"].split()) - {str(group)}
    if refused or held or groups or set(told["Uid"].split()) != {str(user)} or set(told["Gid"].split()) != {str(group)}:
        return {"failed": "apart"}
    for path in job["hidden"]:
        if any(os.access(path, how) for how in (os.R_OK, os.W_OK, os.X_OK)):
            return {"failed": "exposed", "message": path[-1000:]}
    # whoever changes the code of weft or of its packages is whoever runs weft next; the folder of this run is nobody's
    for path in (sys.executable, str(Path(sys.executable).parent), str(Path(__file__).parent), *sys.path):
        if os.access(path, os.W_OK) and not Path(path).samefile("."):
            return {"failed": "writable", "message": path[-1000:]}
    import resource

    most = min([_MOST_PROCESSES, *(n for n in resource.getrlimit(resource.RLIMIT_NPROC) if n >= 0)])
    resource.setrlimit(resource.RLIMIT_NPROC, (most, most))
    return None


def _limit_files(most: int) -> None:
    try:
        import resource

        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        most = most if hard < 0 else min(most, hard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    except (ImportError, OSError, ValueError):
        return  # a system that cannot limit it


def _end_with(parent: int) -> None:
    """Nobody would end a child whose parent was killed: where the system can, it does."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG of Linux
    except (OSError, AttributeError):
        return
    if os.getppid() != parent:
        os._exit(1)  # it was killed just before


def _import_libraries(job: dict[str, Any]) -> None:
    """Libraries are there before the limit is set: what they take themselves is no fault of the model."""
    for name in ("pyarrow.parquet", *sorted({i["form"].partition(".")[0] for i in job["inputs"].values()})):
        importlib.import_module(name)


def _limit_memory(limit: int) -> None:
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (taken + limit, taken + limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):
        return  # a system that cannot limit it


def _run(job: dict[str, Any]) -> dict[str, Any]:
    shown, source = job["file"], job["source"]
    linecache.cache[shown] = (len(source), None, source.splitlines(keepends=True), shown)
    module = types.ModuleType(job["module"])
    module.__file__ = shown
    sys.modules[job["module"]] = module
    exec(compile(source, shown, "exec", dont_inherit=True), module.__dict__)
    function = getattr(module, job["function"])
    given = {name: _opened(one["path"], one["form"], job) for name, one in job["inputs"].items()}
    return _written(function(**given), job["output"])


def _opened(path: str, form: str, job: dict[str, Any]) -> Any:
    """The rows of a file as the function wants them."""
    if form == "duckdb.DuckDBPyRelation":
        return _duckdb(job["memory_limit"], job["temp"]).read_parquet(path)
    if form == "polars.DataFrame":
        import polars as pl

        return pl.read_parquet(path)
    if form == "polars.LazyFrame":
        import polars as pl

        return pl.scan_parquet(path)
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    if form == "pyarrow.RecordBatchReader":
        import pyarrow as pa

        return pa.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches(_BATCH_ROWS))
    table = file.read()
    return _pandas(table) if form == "pandas.DataFrame" else table


@functools.cache
def _duckdb(memory_limit: int, temp: str) -> Any:
    """The one connection of all relations, so that they can be joined; what does not fit it writes to `temp`."""
    import duckdb

    most = f"{max(memory_limit * 6 // 10 // 10**6, 64)}MB"
    connection = duckdb.connect(config={"memory_limit": most, "temp_directory": temp})
    connection.execute("SET enable_progress_bar = false")  # it is drawn on the output, after two seconds
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _pandas(table: Any) -> Any:
    """As pandas with its nullable integers and booleans, since a null would make floats of the others.

    Decimals, dates and times have Arrow's types: as pandas' own they would be an object of Python for each value.
    """
    import pandas as pd
    import pyarrow as pa

    kinds = {pa.bool_(): pd.BooleanDtype()}
    for bits in (8, 16, 32, 64):
        kinds[getattr(pa, f"int{bits}")()] = getattr(pd, f"Int{bits}Dtype")()
        kinds[getattr(pa, f"uint{bits}")()] = getattr(pd, f"UInt{bits}Dtype")()

    def mapped(kind: Any) -> Any:
        if pa.types.is_decimal(kind) or pa.types.is_date(kind) or pa.types.is_time(kind):
            return pd.ArrowDtype(kind)
        return kinds.get(kind)

    return table.to_pandas(types_mapper=mapped)


def _written(given: Any, path: str) -> dict[str, Any]:
    """Writes what the function gave; returns the columns of which it cannot be told what they hold."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    reader = _reader(given)
    names = reader.schema.names
    if not names:
        raise WrongResultError("a table without columns")
    twice = sorted({n for n in names if [m.lower() for m in names].count(n.lower()) > 1})
    if twice:
        raise WrongResultError(f"a table with two columns named `{twice[0]}`")
    rows = 0
    try:
        # without bounds: DuckDB 2.0 concludes from those of PyArrow that there is no NaN
        with pq.ParquetWriter(path, reader.schema, write_statistics=False) as writer:
            for batch in reader:
                rows += batch.num_rows
                writer.write_batch(batch)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid) as e:
        raise WrongResultError(f"a table that no file can hold: {_first_line(e)}") from e
    return {"rows": rows, "untyped": [f.name for f in reader.schema if pa.types.is_null(f.type)]}


def _reader(given: Any) -> Any:
    """What the function gave as a stream of Arrow batches."""
    import pyarrow as pa

    if isinstance(given, pa.RecordBatchReader):
        return given
    if isinstance(given, pa.RecordBatch):
        given = pa.Table.from_batches([given])
    if isinstance(given, pa.Table):
        return given.to_reader(_BATCH_ROWS)
    if _is(given, "duckdb", "DuckDBPyRelation"):
        return given.to_arrow_reader(_BATCH_ROWS)
    if _is(given, "polars", "LazyFrame"):
        given = given.collect()
    if _is(given, "polars", "DataFrame"):
        import polars as pl

        return given.to_arrow(compat_level=pl.CompatLevel.oldest()).to_reader(_BATCH_ROWS)
    if _is(given, "pandas", "DataFrame"):
        names = [n for n in given.columns if not isinstance(n, str)]
        if names:
            raise WrongResultError("a pandas data frame with columns whose names are no texts")
        try:
            return pa.Table.from_pandas(given, preserve_index=False).to_reader(_BATCH_ROWS)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as e:
            # the text may hold a value; the column stands in the arguments behind it
            column = next((str(a).rpartition("column ")[2] for a in e.args if "column " in str(a)), "")
            told = f", column {column.partition(' with type')[0]}" if column else ""
            raise WrongResultError(f"a pandas data frame whose values are not of one type{told}") from e
    raise WrongResultError(f"a {type(given).__module__}.{type(given).__qualname__}")


def _is(given: Any, package: str, name: str) -> bool:
    module = sys.modules.get(package)
    return module is not None and isinstance(given, getattr(module, name))


def _failure(e: BaseException, job: dict[str, Any]) -> dict[str, Any]:
    """How the job failed: the last line of the user's file on the way there; the message goes to the notes alone."""
    shown = job["file"]
    frames = [f for f in traceback.extract_tb(e.__traceback__) if f.filename == shown]
    line = frames[-1].lineno if frames else None
    told = {"type": type(e).__name__, "line": line, "text": frames[-1].line if frames else None}
    if isinstance(e, SyntaxError) and e.filename == shown:
        told["line"] = e.lineno
    if isinstance(e, WrongResultError):
        return {"failed": "result", **told, "message": str(e)}
    if isinstance(e, OSError) and e.errno == errno.EFBIG:
        return {"failed": "size", **told}
    if isinstance(e, MemoryError) or type(e).__name__ == "OutOfMemoryException":
        return {"failed": "memory", **told}
    _print_users_part(e, shown)
    # these speak of names in the code, never of what stands in a row
    speaks = isinstance(e, NameError | ImportError | AttributeError) or type(e).__name__ == "ColumnNotFoundError"
    return {"failed": "raised", **told, "message": _first_line(e) if speaks else None}


def _print_users_part(e: BaseException, shown: str) -> None:
    """The traceback from the user's first line on."""
    trace = e.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != shown:
        trace = trace.tb_next
    traceback.print_exception(type(e), e.with_traceback(trace), trace, file=sys.stderr)


def _first_line(e: BaseException) -> str:
    return (str(e).splitlines() or [""])[0][:300]


if __name__ == "__main__":
    main()
