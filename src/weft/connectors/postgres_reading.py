"""PostgreSQL as a source of rows: each type has a stated mapping, and rows come as Arrow by ADBC."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.connectors import postgres
from weft.connectors.reading import IN_TIME, WHOLE, RemoteColumn, RemoteTable, less
from weft.connectors.servers import missing, too_long, unreachable
from weft.connectors.targets import Database, named_table
from weft.errors import SourceError, UserCodeError, WeftError, did_you_mean, error
from weft.model.remote import Remote
from weft.sql.quoting import dotted, ident, literal

if TYPE_CHECKING:
    import pyarrow as pa

_NATIVE = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "real": "FLOAT",
    "double precision": "DOUBLE",
    "boolean": "BOOLEAN",
    "bytea": "BLOB",
    "text": "VARCHAR",
    "character varying": "VARCHAR",
    "date": "DATE",
    "time without time zone": "TIME",
    "timestamp without time zone": "TIMESTAMP",
    "timestamp with time zone": "TIMESTAMPTZ",
}
"""Types whose values Arrow carries as they are."""
_AS_TEXT = {"uuid": "UUID", "json": "JSON", "jsonb": "JSON"}
"""Types that are landed as text and read as what they are; every other one is a text."""
_IN_LISTS = {"smallint", "integer", "bigint", "real", "double precision", "boolean"}
_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")
_FAILED = "[libpq] Execution error [PGRES_FATAL_ERROR]: ERROR:"
"""How the driver begins to tell what the server says of a query that goes on."""
_BATCH_BYTES = 32 << 20


class Asked(Struct, frozen=True):
    """How rows are asked for.

    Attributes:
        settings: of the transaction, beside those that every reading has.
        seconds: how long a query may take, where that is less than its connection allows.
        begun: is given what stops a query, before it is asked.
    """

    settings: Mapping[str, str] = {}
    seconds: float | None = None
    begun: Callable[[Callable[[], None]], None] = lambda stop: None


@contextmanager
def opened_source(target: Database) -> Iterator[PostgresSource]:
    """A PostgreSQL for reading: one snapshot for everything that is read."""
    with postgres.opened(target) as driver:
        yield PostgresSource(driver, target)


_AS_EVER = Asked()


class PostgresSource:
    """Implements `reading.OpenSource`."""

    def __init__(self, driver: postgres.PostgresDriver, target: Database) -> None:
        self._driver = driver
        self._target = target

    def described(self, remote: Remote) -> RemoteTable:
        """The columns of a table or a query, by the catalog alone."""
        return self._of_query(remote) if remote.query is not None else self._of_table(remote)

    def _of_table(self, remote: Remote) -> RemoteTable:
        available = self._driver.tables()
        place = named_table(str(remote.table), available, self._driver.schemas)
        if place is None:
            names = [t if s in self._driver.schemas else f"{s}.{t}" for s, t in available]
            what = f"`{self._target}` has no table `{remote.table}`"
            raise SourceError(
                error("WFT-SRC-024", what, fix=did_you_mean(str(remote.table), names, otherwise="mend its name"))
            )
        of = f"{literal(dotted(place))}::regclass"
        found = self._driver.run(
            f"SELECT a.attname, {_FORMATTED}, {_KIND}, a.attnotnull"
            " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"
            f" WHERE a.attrelid = {of} AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum"
        )
        key = self._driver.run(
            "SELECT a.attname FROM pg_catalog.pg_index i"
            " CROSS JOIN LATERAL pg_catalog.unnest(i.indkey) WITH ORDINALITY k(n, at)"
            " JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.n"
            f" WHERE i.indrelid = {of} AND i.indisprimary ORDER BY k.at"
        )
        columns = tuple(_column(str(n), str(t), str(k), remote, required=bool(r)) for n, t, k, r in found)
        return RemoteTable(dotted(place), columns, tuple(str(name) for (name,) in key))

    def _of_query(self, remote: Remote) -> RemoteTable:
        source = f"({str(remote.query).strip().rstrip(';')}\n) AS given"
        columns = []
        for name, oid, modifier in self._driver.shape(f"SELECT * FROM {source} LIMIT 0"):
            ((text, kind),) = self._driver.run(
                "SELECT CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod)"
                f" ELSE format_type({oid}, {modifier}) END, {_KIND} FROM pg_catalog.pg_type t WHERE t.oid = {oid}"
            )
            columns.append(_column(name, str(text), str(kind), remote))
        return RemoteTable(source, tuple(columns))

    def row(self, sql: str) -> tuple[Any, ...]:
        """The only row of a query."""
        return self._driver.run(sql)[0]

    def quoted(self, name: str) -> str:
        """A name as PostgreSQL writes it."""
        return ident(name)

    def text(self, item: str) -> str:
        """An item as text."""
        return f"({item})::text"

    def before(self, value: str, column: RemoteColumn, overlap: float) -> str:
        """An expression of the value that lies `overlap` before one of a cursor."""
        at = f"{literal(value)}::{'numeric' if overlap and column.base in WHOLE else column.server}"
        if column.base not in IN_TIME:
            return less(at, overlap, column)
        return f"({at} - interval '{overlap:f} seconds')" if overlap else at

    def streams(
        self, queries: Sequence[str], asked: Asked = _AS_EVER
    ) -> list[AbstractContextManager[pa.RecordBatchReader]]:
        """The rows of each query, in connections that see what this one sees."""
        snapshot = self._driver.snapshot()
        return [self._stream(sql, snapshot, asked) for sql in queries]

    @contextmanager
    def _stream(self, sql: str, snapshot: str, asked: Asked) -> Iterator[pa.RecordBatchReader]:
        try:
            from adbc_driver_postgresql import StatementOptions, dbapi
        except ImportError:
            raise missing("adbc-driver-postgresql", "postgres") from None
        seconds = min(self._target.timeout_s, asked.seconds if asked.seconds is not None else self._target.timeout_s)
        with ExitStack() as held:
            try:
                connection = held.enter_context(dbapi.connect(self._conninfo(), autocommit=True))
                cursor = held.enter_context(connection.cursor())
                for statement in (
                    "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
                    f"SET TRANSACTION SNAPSHOT {literal(snapshot)}",
                    "SET LOCAL timezone = 'UTC'",
                    "SET LOCAL intervalstyle = 'iso_8601'",
                    "SET LOCAL datestyle = 'ISO'",
                    "SET LOCAL extra_float_digits = 1",
                    f"SET LOCAL statement_timeout = {max(round(seconds * 1000), 1)}",
                    *(f"SET LOCAL {name} = {literal(value)}" for name, value in asked.settings.items()),
                ):
                    cursor.execute(statement)
                asked.begun(cursor.adbc_cancel)
                cursor.adbc_statement.set_options(**{StatementOptions.BATCH_SIZE_HINT_BYTES.value: str(_BATCH_BYTES)})
                cursor.execute(sql)
                reader = cursor.fetch_record_batch()
            except dbapi.Error as problem:
                raise self._told(problem, seconds) from None  # the original may hold values of rows, or the address
            yield _Told(reader, dbapi.Error, lambda problem: self._told(problem, seconds))

    def _conninfo(self) -> str:
        from psycopg.conninfo import make_conninfo

        at = self._target
        return make_conninfo(
            host=at.host,
            port=at.port,
            user=at.user,
            password=at.password.value if at.password else None,
            dbname=at.name or None,
            connect_timeout=10,
            application_name="weft",
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            **{name: secret.value for name, secret in at.parameters.items()},
        )

    def _told(self, problem: Exception, seconds: float) -> WeftError:
        state = str(getattr(problem, "sqlstate", None) or "")
        text = "" if state else str(problem)  # of what fails between two batches the driver has the message alone
        if state == "57014" or "canceling statement due to" in text:
            return too_long(self._target, seconds)
        if not text.startswith(_FAILED) and (not state or state[:2] in ("08", "57")):
            return unreachable(self._target, "the connection was lost")
        if state[:2] == "53":
            return unreachable(self._target, f"the server has no room for it now (SQLSTATE {state})")
        if state == "42501":
            what = f"`{self._target}`: its user may not read all that is asked of it"
            return SourceError(error("WFT-SRC-010", what, fix="grant its user SELECT on the table, or on its columns"))
        told = f" (SQLSTATE {state})" if state else ""
        return UserCodeError(error("WFT-ENG-001", f"the query failed on the server{told}"))


class _Told:
    """A reader of Arrow whose failures are those of weft."""

    def __init__(self, reader: Any, failure: type[Exception], told: Any) -> None:
        self.schema = reader.schema
        self._reader = reader
        self._failure = failure
        self._told = told

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._reader
        except (self._failure, OSError) as problem:
            raise self._told(problem) from None


_FORMATTED = (
    "CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod)"
    " ELSE format_type(a.atttypid, a.atttypmod) END"
)
_KIND = (
    "CASE WHEN t.typtype = 'd' THEN (SELECT b.typtype FROM pg_catalog.pg_type b WHERE b.oid = t.typbasetype)"
    " ELSE t.typtype END"
)


def _column(name: str, server: str, kind: str, remote: Remote, *, required: bool = False) -> RemoteColumn:
    """A column with its mapping. Source: docs/reference/types-of-databases.md."""
    quoted = ident(name)
    plain = re.sub(r"\(.*?\)", "", server)
    item, type_, endless = f"{quoted}::text", "VARCHAR", False
    if plain.endswith("[]"):
        inside = plain.removesuffix("[]")
        type_ = f"{_NATIVE[inside] if inside in _IN_LISTS else 'VARCHAR'}[]"
        item = f"array_to_json({quoted if inside in _IN_LISTS else f'{quoted}::text[]'})::text"
    elif plain in _NATIVE:
        item, type_ = quoted, _NATIVE[plain]
        if type_ in IN_TIME:
            endless = not remote.nulled
            item = f"CASE WHEN isfinite({quoted}) THEN {quoted} END" if remote.nulled else quoted
    elif plain == "numeric":
        bare = f"nullif({quoted}, 'NaN')" if remote.nulled else quoted
        item, numbers = f"{bare}::text", _NUMERIC.fullmatch(server)
        if numbers is not None and int(numbers[1]) <= 38 and 0 <= int(numbers[2]) <= int(numbers[1]):
            type_ = f"DECIMAL({numbers[1]},{numbers[2]})"
    elif plain == "money":
        item, type_ = f"{quoted}::numeric::text", "DECIMAL(19,2)"
    elif plain == "oid":
        item, type_ = f"{quoted}::bigint", "BIGINT"
    elif plain in _AS_TEXT:
        type_ = _AS_TEXT[plain]
    elif kind == "p":
        what = f"column `{name}` of {remote.subject} is {server}, which has no values"
        raise SourceError(error("WFT-SRC-026", what, fix="name the other columns in a `query`"))
    return RemoteColumn(name, server, item, type_, endless, required)
