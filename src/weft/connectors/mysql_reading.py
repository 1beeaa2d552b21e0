"""MySQL and MariaDB as sources of rows: each type has a stated mapping, and rows come as Arrow by connectorx."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from weft.connectors import mysql
from weft.connectors.reading import IN_TIME, RemoteColumn, RemoteTable, less
from weft.connectors.servers import missing, too_long, unreachable
from weft.connectors.targets import Database, named_table
from weft.errors import SourceError, UserCodeError, WeftError, did_you_mean, error
from weft.model.remote import Remote
from weft.sql.quoting import literal

if TYPE_CHECKING:
    import pyarrow as pa

_INTEGERS = {"tinyint": "TINYINT", "smallint": "SMALLINT", "mediumint": "INTEGER", "int": "INTEGER", "bigint": "BIGINT"}
_TIMES = {"date": "DATE", "datetime": "TIMESTAMP", "timestamp": "TIMESTAMPTZ"}
_BYTES = frozenset({"binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"})
_SHAPES = ("geometry", "point", "linestring", "polygon", "geometrycollection", "geomcollection")
_NUMBERS = re.compile(r"\((\d+)(?:,(\d+))?\)")
_BATCH_ROWS = 65_536
_ERROR = re.compile(r"(?:ERROR|Code:)\s*(\d{4})")


@contextmanager
def opened_source(target: Database) -> Iterator[MysqlSource]:
    """A MySQL or MariaDB for reading."""
    with mysql.opened(target) as driver:
        yield MysqlSource(driver, target)


class MysqlSource:
    """Implements `reading.OpenSource`. A server of this kind cannot lend its snapshot to other connections."""

    def __init__(self, driver: mysql.MysqlDriver, target: Database) -> None:
        self._driver = driver
        self._target = target

    def described(self, remote: Remote) -> RemoteTable:
        """The columns of a table from information_schema, those of a query from an empty result of it."""
        if remote.query is not None:
            source = f"({remote.query.strip().rstrip(';')}\n) AS given"
            shape = self._driver.shape(f"SELECT * FROM {source} LIMIT 0")
            return RemoteTable(source, tuple(self._column(n, k, t, remote) for n, k, t in shape))
        available = self._driver.tables()
        place = named_table(str(remote.table), available, self._driver.schemas)
        if place is None:
            names = [t if s in self._driver.schemas else f"{s}.{t}" for s, t in available]
            what = f"`{self._target}` has no table `{remote.table}`"
            raise SourceError(
                error("WFT-SRC-024", what, fix=did_you_mean(str(remote.table), names, otherwise="mend its name"))
            )
        found = self._driver.run(
            "SELECT column_name, data_type, column_type, is_nullable, column_key FROM information_schema.columns"
            f" WHERE table_schema = {_text(place[0])} AND table_name = {_text(place[1])} ORDER BY ordinal_position"
        )
        checked = self._driver.json_columns(*place)
        columns = tuple(
            self._column(str(name), "json" if name in checked else str(kind).lower(), str(text), remote, null == "NO")
            for name, kind, text, null, _ in found
        )
        key = self._driver.run(
            "SELECT column_name FROM information_schema.statistics WHERE index_name = 'PRIMARY'"
            f" AND table_schema = {_text(place[0])} AND table_name = {_text(place[1])} ORDER BY seq_in_index"
        )
        source = ".".join(map(self.quoted, place))
        return RemoteTable(source, columns, tuple(str(name) for (name,) in key))

    def row(self, sql: str) -> tuple[Any, ...]:
        """The only row of a query."""
        return self._driver.run(sql)[0]

    def quoted(self, name: str) -> str:
        """A name as MySQL writes it."""
        return self._driver.quoted(name)

    def text(self, item: str) -> str:
        """An item as text."""
        return f"CAST({item} AS CHAR)"

    def before(self, value: str, column: RemoteColumn, overlap: float) -> str:
        """An expression of the value that lies `overlap` before one of a cursor."""
        if column.base in IN_TIME:
            at = f"CAST({_text(value)} AS {'DATE' if column.base == 'DATE' else 'DATETIME(6)'})"
            return f"({at} - INTERVAL {overlap:f} SECOND)" if overlap else at
        at = _text(value) if column.base in ("FLOAT", "DOUBLE") else f"CAST({_text(value)} AS DECIMAL(65,30))"
        whole = column.base not in ("FLOAT", "DOUBLE", "DECIMAL")
        at = value if whole and not overlap and re.fullmatch(r"-?\d+", value) else at
        return less(at, overlap, column)

    def streams(self, queries: Sequence[str]) -> list[AbstractContextManager[pa.RecordBatchReader]]:
        """The rows of each query, in a connection of its own."""
        return [self._stream(sql) for sql in queries]

    @contextmanager
    def _stream(self, sql: str) -> Iterator[Any]:
        try:
            import connectorx
        except ImportError:
            raise missing("connectorx", "mysql") from None
        settings = ["SET time_zone = '+00:00', sql_mode = ''", "SET SESSION TRANSACTION READ ONLY"]
        try:
            reader = connectorx.read_sql(
                self._url(),
                sql,
                return_type="arrow_stream",
                protocol="binary",
                batch_size=_BATCH_ROWS,
                pre_execution_query=settings,
            )
        except BaseException as problem:
            if isinstance(problem, KeyboardInterrupt | SystemExit):
                raise
            raise self._told(problem) from None  # its text may hold the address with the password
        yield _Reader(reader, self._told)

    def _url(self) -> str:
        at = self._target
        user = quote(at.user or "", safe="")
        password = f":{quote(at.password.value, safe='')}" if at.password else ""
        return f"mysql://{user}{password}@{at.host or 'localhost'}:{at.port or 3306}/{quote(at.name, safe='')}"

    def _told(self, problem: BaseException) -> WeftError:
        number = _ERROR.search(str(problem))
        if number is None:
            return unreachable(self._target, "the connection was lost")
        if number[1] in ("1317", "1969", "3024"):
            return too_long(self._target)
        return UserCodeError(error("WFT-ENG-001", f"the query failed on the server (error {number[1]})"))

    def _column(self, name: str, kind: str, text: str, remote: Remote, required: bool = False) -> RemoteColumn:
        """A column with its mapping. Source: docs/reference/types-of-databases.md."""
        quoted, unsigned = self.quoted(name), "unsigned" in text
        item, type_ = f"CONVERT({quoted} USING utf8mb4)", "VARCHAR"
        numbers = _NUMBERS.search(text)
        if kind in _INTEGERS:
            item = f"CAST({quoted} AS {'UNSIGNED' if unsigned else 'SIGNED'})"
            type_ = f"U{_INTEGERS[kind]}" if unsigned else _INTEGERS[kind]
        elif kind in ("float", "double"):
            item, type_ = f"({quoted} + 0e0)", kind.upper()
        elif kind == "decimal":
            item = f"CAST({quoted} AS CHAR)"
            if numbers is not None and int(numbers[1]) <= 38:
                type_ = f"DECIMAL({numbers[1]},{numbers[2] or 0})"
        elif kind in _TIMES:
            type_ = _TIMES[kind]
            # a day that is not on the calendar, as 0000-00-00 and 2020-02-00 are
            given = f"IF(DAYOFMONTH({quoted}) = 0 OR MONTH({quoted}) = 0, NULL, {quoted})" if remote.nulled else quoted
            item = f"CAST({given} AS CHAR)"
        elif kind == "bit":
            item, type_ = f"CAST({quoted} + 0 AS UNSIGNED)", "UBIGINT"
        elif kind == "year":
            item, type_ = f"CAST({quoted} + 0 AS SIGNED)", "SMALLINT"
        elif kind in _BYTES:
            item, type_ = quoted, "BLOB"
        elif kind == "json":
            type_ = "JSON"
        elif kind.removeprefix("multi") in _SHAPES:
            item = f"ST_AsText({quoted})"
        elif kind in ("time", "uuid", "inet4", "inet6"):
            item = f"CAST({quoted} AS CHAR)"
        return RemoteColumn(name, text, item, type_, required=required)


class _Reader:
    """A reader of Arrow whose failures are those of weft; panics of the driver too."""

    def __init__(self, reader: Any, told: Any) -> None:
        self.schema = reader.schema
        self._reader = reader
        self._told = told

    def __iter__(self) -> Iterator[Any]:
        parts = iter(self._reader)
        while True:
            try:
                part = next(parts)
            except StopIteration:
                return
            except BaseException as problem:
                if isinstance(problem, KeyboardInterrupt | SystemExit):
                    raise
                raise self._told(problem) from None
            yield part


def _text(text: str) -> str:
    """A text as MySQL writes it, where a backslash begins an escape."""
    return literal(text.replace("\\", "\\\\"))
