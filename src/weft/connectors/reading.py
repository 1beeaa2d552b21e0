"""Reading from database servers for building: what a table is there, and how its rows come as Arrow."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from decimal import Decimal
from itertools import pairwise
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from weft.config import Connection, Secret
from weft.connectors.servers import is_installed, missing
from weft.connectors.targets import Database, database, is_database
from weft.errors import SourceError, did_you_mean, error
from weft.model.remote import Remote

if TYPE_CHECKING:
    import pyarrow as pa

TIMEOUT_S = 3600.0
"""How long one query may take, where the connection says nothing."""

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")
IN_TIME = frozenset(("DATE", "TIMESTAMP", "TIMESTAMPTZ"))
WHOLE = frozenset(_WHOLE)
_BITS = {"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, "BIGINT": 63}
"""Of the numbers below zero of a type."""
ORDERED = frozenset((*_WHOLE, *IN_TIME, "FLOAT", "DOUBLE", "DECIMAL"))
"""Types of which servers and DuckDB know the same order, so that one can be a cursor."""


class RemoteColumn(Struct, frozen=True):
    """A column of a table that is read.

    Attributes:
        server: its type there.
        item: the server's expression that is read, without its name.
        type: DuckDB's type, which the landed value is given when it is read.
        endless: whether values may come beyond what the type holds, as `infinity` of a timestamp does.
        required: whether the server promises a value in each row.
    """

    name: str
    server: str
    item: str
    type: str
    endless: bool = False
    required: bool = False

    @property
    def base(self) -> str:
        """The type without its numbers."""
        return self.type.partition("(")[0]

    def within(self, number: str) -> str:
        """The number itself, or the smallest of the column's type where it lies below that.

        >>> RemoteColumn("id", "smallint", "id", "SMALLINT").within("-99995")
        '-32768'
        """
        if self.base not in WHOLE:
            return number
        return str(max(int(number.partition(".")[0]), 0 if self.base.startswith("U") else -(1 << _BITS[self.base])))


class RemoteTable(Struct, frozen=True):
    """A table or query as its server describes it.

    Attributes:
        source: a FROM item of the server.
        key: the columns of its primary key.
    """

    source: str
    columns: tuple[RemoteColumn, ...]
    key: tuple[str, ...] = ()

    def column(self, name: str, remote: Remote, use: str) -> RemoteColumn:
        """A column that the binding names.

        Raises:
            SourceError: WFT-SRC-025, there is none of its name.
        """
        for column in self.columns:
            if column.name == name:
                return column
        fix = did_you_mean(name, [c.name for c in self.columns])
        raise SourceError(error("WFT-SRC-025", f"{remote.subject} has no column `{name}`, its `{use}`", fix=fix))


class OpenSource(Protocol):
    """A server in a transaction that only reads."""

    def described(self, remote: Remote) -> RemoteTable:
        """The columns of a table or a query; no row is read.

        Raises:
            SourceError: WFT-SRC-024 no such table, WFT-SRC-026 a column whose type has no mapping.
        """
        ...

    def row(self, sql: str) -> tuple[Any, ...]:
        """The only row of a query in the server's words."""
        ...

    def quoted(self, name: str) -> str:
        """A name as the server writes it."""
        ...

    def before(self, value: str, column: RemoteColumn, overlap: float) -> str:
        """An expression of the value that lies `overlap` before one of a cursor."""
        ...

    def text(self, item: str) -> str:
        """An expression of an item as text."""
        ...

    def streams(self, queries: Sequence[str]) -> list[AbstractContextManager[pa.RecordBatchReader]]:
        """The rows of each query, one connection for each; all see the same state where the server allows that."""
        ...


def less(at: str, overlap: float, column: RemoteColumn) -> str:
    """An expression of the number that lies `overlap` before one; every digit of it counts."""
    if not overlap:
        return at
    whole = column.base in WHOLE or overlap == int(overlap)
    return f"({at} - {ceil(overlap) if whole else f'{Decimal(repr(overlap)):f}'})"


def target_of(connection: Connection) -> Database:
    """The database of a connection.

    Raises:
        SourceError: WFT-SRC-021, a secret is not where it should be; WFT-SRC-020, its address is none.
    """
    dsn, options = connection.secret("dsn"), connection.options
    seconds = float(options.get("timeout_s", TIMEOUT_S))
    kind = "postgresql" if connection.kind == "postgres" else "mysql"
    if dsn is None:
        return Database(
            kind,
            options["database"],
            host=options.get("host", "localhost"),
            port=int(options["port"]) if "port" in options else 5432 if kind == "postgresql" else 3306,
            user=options.get("user"),
            password=connection.secret("password"),
            schema=options.get("schema"),
            timeout_s=seconds,
            parameters={key: Secret(options[key]) for key in ("sslmode", "sslrootcert") if key in options},
        )
    fix = f"write `{kind}://user:password@host/database` to where the reference leads"
    if not is_database(dsn.value):
        raise SourceError(error("WFT-SRC-020", f"`dsn` of the connection `{connection.name}` is no address", fix=fix))
    found = database(dsn.value if "timeout_s=" in dsn.value else _with_timeout(dsn.value, seconds), {})
    if found.kind != kind:
        what = f"`dsn` of the connection `{connection.name}` leads to {found.kind}, and its kind is {connection.kind}"
        raise SourceError(error("WFT-SRC-020", what, fix=fix))
    return found


def _with_timeout(url: str, seconds: float) -> str:
    return f"{url}{'&' if '?' in url else '?'}timeout_s={seconds:g}"


def open_source(connection: Connection) -> AbstractContextManager[OpenSource]:
    """The server of a connection, for reading.

    Raises:
        SourceError: WFT-SRC-006 its driver is not installed, WFT-SRC-010 it cannot be reached.
    """
    if connection.kind == "postgres":
        from weft.connectors import postgres_reading

        return postgres_reading.opened_source(target_of(connection))
    from weft.connectors import mysql_reading

    return mysql_reading.opened_source(target_of(connection))


def readable(connection: Connection) -> None:
    """Makes sure of the package that reads rows, which describing a table does not need.

    Raises:
        SourceError: WFT-SRC-006, it is not installed.
    """
    postgres = connection.kind == "postgres"
    package = "adbc-driver-postgresql" if postgres else "connectorx"
    if not is_installed(package.replace("-", "_")):
        raise missing(package, "postgres" if postgres else "mysql")


def checked(table: RemoteTable, remote: Remote) -> None:
    """Refuses a binding that names columns which the table lacks, or which cannot serve.

    Raises:
        SourceError: WFT-SRC-025; WFT-SRC-052, two columns have one name.
    """
    names: dict[str, str] = {}
    for column in table.columns:
        other = names.setdefault(column.name.lower(), column.name)
        if other is not column.name:
            what = f"the columns `{other}` and `{column.name}` of {remote.subject} cannot be told apart"
            why = "names are the same here whether letters are large or small"
            raise SourceError(error("WFT-SRC-052", what, why=why, fix="give one of them another name in a `query`"))
    for name in remote.key:
        table.column(name, remote, "key")
    if remote.deleted:
        table.column(remote.deleted, remote, "deletes")
    wanted = ((remote.cursor, "cursor", ORDERED), (remote.watermark, "watermark", ORDERED))
    for named, use, types in (*wanted, (remote.partition_by, "partition_by", WHOLE)):
        if named is None:
            continue
        column = table.column(named, remote, use)
        if column.base not in types:
            kinds = "a whole number" if types is WHOLE else "a number, a date or a time with its date"
            what = f"`{named}` of {remote.subject} is {column.server}, and `{use}` has to be {kinds}"
            raise SourceError(error("WFT-SRC-025", what, fix="name another column"))


def queries(server: OpenSource, table: RemoteTable, remote: Remote, since: str | None) -> list[str]:
    """The queries that read a table: one, or one for each range of `partition_by`.

    Args:
        since: the first value of the cursor that is read; rows without one are always read.
    """
    listed = ", ".join(f"{c.item} AS {server.quoted(c.name)}" for c in table.columns)
    conditions = []
    if since is not None and remote.cursor is not None:
        cursor = server.quoted(remote.cursor)
        kind = table.column(remote.cursor, remote, "cursor")
        conditions.append(f"({cursor} >= {server.before(since, kind, 0)} OR {cursor} IS NULL)")
    ranges: Sequence[str | None] = (None,)
    if remote.partition_by is not None and remote.parallel > 1:
        ranges = tuple(_ranges(server, table, remote, conditions))
    found = []
    for part in ranges:
        every = [*conditions, part] if part is not None else conditions
        where = f" WHERE {' AND '.join(every)}" if every else ""
        found.append(f"SELECT {listed} FROM {table.source}{where}")
    return found


def _ranges(server: OpenSource, table: RemoteTable, remote: Remote, conditions: Sequence[str]) -> Iterator[str | None]:
    """Conditions that part the rows by the column's range, the first with the rows that have no value."""
    assert remote.partition_by is not None, "the caller looked"
    name = server.quoted(remote.partition_by)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    low, high = server.row(f"SELECT min({name}), max({name}) FROM {table.source}{where}")
    if low is None or int(high) - int(low) < remote.parallel:
        yield None
        return
    step = (int(high) - int(low)) // remote.parallel + 1
    bounds = [int(low) + step * i for i in range(1, remote.parallel)]
    yield f"({name} < {bounds[0]} OR {name} IS NULL)"
    for start, end in pairwise(bounds):
        yield f"{name} >= {start} AND {name} < {end}"
    yield f"{name} >= {bounds[-1]}"


def at_once(works: Sequence[Callable[[], None]]) -> None:
    """Does all of it at the same time, and raises the first failure when everything has ended."""
    failures: list[BaseException] = []

    def one(work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 (it is raised again where the threads were started)
            failures.append(problem)

    if len(works) == 1:
        works[0]()
        return
    threads = [threading.Thread(target=one, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
