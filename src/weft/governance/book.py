"""The book: the relations of the mesh in SQLite, and policies that read them and can do nothing else.

SQLite asks an authorizer about everything that a statement would touch before it runs it, so that a policy reads the
relations and no more, whatever its SQL says: it cannot write, open a file, attach or set anything.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.governance.relations import BY_NAME, RELATIONS, SCHEMA, SQL_TYPES, Relation
from weft.governance.rows import Row

_DERIVED = 6
"""Counts the ways in which rows are made; goes up when the same registry gives other rows."""
VERSION = zlib.crc32(repr((_DERIVED, [(r.name, r.names, r.keys) for r in RELATIONS])).encode()) & 0x7FFF_FFFF
"""Of the shape of the relations and of what stands in them; a file of another one is made anew."""

_FUNCTIONS = frozenset(
    """abs avg cast ceil ceiling char coalesce count cume_dist date datetime dense_rank exp first_value floor format
    glob group_concat hex iif ifnull instr json json_array json_array_length json_each json_extract json_group_array
    json_group_object json_object json_quote json_tree json_type json_valid julianday lag last_value lead length
    level_name like ln log log10 log2 lower ltrim max min mod nth_value ntile nullif percent_rank pow power printf quote
    rank replace round row_number rtrim sign sqrt strftime string_agg substr substring sum time total trim trunc typeof
    unicode unixepoch upper -> ->>""".split()  # noqa: SIM905 - a list of words, read as one
)
_TABLE_FUNCTIONS = frozenset({"json_each", "json_tree"})
_LEVELS = ("public", "internal", "confidential", "restricted")
_OPCODES = 10_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""
_TEXT_BYTES = 1_000_000
_STATEMENTS = 1_000
"""Checks that are remembered: what they return does not change, and asking for it costs as much as one product."""
_MAPPED_BYTES = 1 << 30
_MAIN, _LIKE_BYTES, _EXPRESSION_DEPTH = "main", 256, 200


class Found(Struct, frozen=True):
    """One row of an answer: the address of what violates, and a sentence about it."""

    subject: str
    detail: str | None = None


class _Statements(Struct, frozen=True):
    """What asks a check everywhere and within one place, and the relations that it reads."""

    whole: str
    inside: str
    reads: frozenset[str]


class Refused(Exception):
    """A check that cannot be run, or not to its end. `why` is a sentence without values of rows."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Limits(Struct, frozen=True):
    """What one check may use.

    Attributes:
        seconds: wall time of one check over the whole mesh.
        rows: violations of one check.
    """

    seconds: float = 10.0
    rows: int = 200_000


class Book:
    """Relations of the mesh. One thread at a time; a file may be written by several processes, one after another."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ours = True
        self._fills = False
        self._until = 0.0
        self._known: dict[str, _Statements] = {}
        self._read: set[str] = set()
        connection.isolation_level = None
        connection.create_function("level_name", 1, _level_name, deterministic=True)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _TEXT_BYTES * 16)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, _LIKE_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_EXPR_DEPTH, _EXPRESSION_DEPTH)
        for relation in RELATIONS:
            for statement in _made(relation):
                connection.execute(statement)
        connection.execute(
            "SELECT count(*) FROM json_each('[]'), json_tree('[]')"
        )  # made once, before it is asked who may
        connection.set_authorizer(self._allowed)
        connection.set_progress_handler(self._over, _OPCODES)

    @classmethod
    def in_memory(cls) -> Book:
        """An empty book."""
        return cls(_connected(":memory:"))

    @classmethod
    def at(cls, path: Path) -> Book:
        """The book in a file; one of another shape, or a damaged one, is made anew."""
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return cls(_of_this_version(path))
        except sqlite3.DatabaseError:
            for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
                name.unlink(missing_ok=True)
            return cls(_of_this_version(path))

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """One change of the book: all of it, or nothing."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    @contextlib.contextmanager
    def supposing(self) -> Iterator[None]:
        """What is put inside is seen inside, and gone afterwards."""
        self._connection.execute("SAVEPOINT supposed")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK TO supposed")
            self._connection.execute("RELEASE supposed")

    @contextlib.contextmanager
    def filling(self) -> Iterator[None]:
        """Fills a book in which nothing stands yet: what is put replaces nothing, and is indexed at the end."""
        self._fills = True
        for relation in RELATIONS:
            for key in _keys(relation):
                self._connection.execute(f"DROP INDEX IF EXISTS {SCHEMA}.{relation.name}_by_{key}")
        try:
            yield
        finally:
            self._fills = False
        for relation in RELATIONS:
            for statement in _made(relation):
                self._connection.execute(statement)

    def put(self, name: str, rows: Mapping[str, Sequence[Row]], relations: Sequence[str] | None = None) -> None:
        """Replaces the rows of a domain itself or of a product.

        Args:
            name: `domain` or `domain.product`.
            relations: those whose rows are replaced; None: all that are given.
        """
        whole = "." in name
        for relation_name in relations if relations is not None else rows:
            relation = BY_NAME[relation_name]
            where = (
                ("product = ?" if whole else "domain = ? AND product IS NULL")
                if _of_products(relation)
                else ("domain = ?")
            )
            if not self._fills:
                self._connection.execute(f"DELETE FROM {relation.name} WHERE {where}", (name,))
            self._insert(relation, rows.get(relation_name, ()))

    def put_all(self, relation: str, rows: Sequence[Row]) -> None:
        """Replaces all rows of a relation."""
        self._connection.execute(f"DELETE FROM {relation}")
        self._insert(BY_NAME[relation], rows)

    def put_rows(self, relation: str, rows: Sequence[Row]) -> None:
        """Adds rows to a relation."""
        self._insert(BY_NAME[relation], rows)

    def forget(self, name: str) -> None:
        """Takes away a domain itself or a product."""
        if "." in name:
            for relation in RELATIONS:
                if _of_products(relation):
                    self._connection.execute(f"DELETE FROM {relation.name} WHERE product = ?", (name,))
            return
        self.put(name, dict.fromkeys(("domains", "properties", "tags", "owners"), ()))

    def ours(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of a statement that weft itself has written."""
        return self._connection.execute(sql, parameters).fetchall()

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """A statement of weft's own for each of some rows."""
        self._connection.executemany(sql, rows)

    def ask(
        self,
        check: str,
        parameters: Mapping[str, Any],
        within: str | None = None,
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
    ) -> list[Found]:
        """What violates a check, everywhere or within one domain or product, in the order of addresses.

        Args:
            within: `domain` or `domain.product`.

        Raises:
            Refused: the check does not parse, touches what it may not, has other columns, fails or takes too long.
        """
        statements = self._statements(check, parameters)
        sql, given = statements.whole, dict(parameters)
        if within is not None:
            sql = statements.inside
            given |= {"_from": within, "_to": f"{within}/"}  # `/` is the sign after the dot
        rows = self._run(sql, given, limits)
        found: dict[str, Found] = {}
        for subject, detail in rows:
            if not isinstance(subject, str):
                raise Refused("`subject` is to be the address of a domain, product, port or column, as text")
            if within is None or subject == within or subject.startswith(f"{within}."):
                found.setdefault(subject, Found(subject, None if detail is None else str(detail)))
        return [found[subject] for subject in sorted(found)]

    def close(self) -> None:
        """Gives the connection back."""
        self._connection.close()

    def reads(self, check: str, parameters: Mapping[str, Any]) -> frozenset[str]:
        """The relations that a check reads.

        Raises:
            Refused: the check does not parse, touches what it may not, or has other columns.
        """
        return self._statements(check, parameters).reads

    def _statements(self, check: str, parameters: Mapping[str, Any]) -> _Statements:
        known = self._known.get(check)
        if known is not None:
            return known
        names = self._shape(check, parameters)
        if sorted(names) not in (["subject"], ["detail", "subject"]):
            told = ", ".join(f"`{n}`" for n in names) or "nothing"
            raise Refused(f"a check returns `subject` and, if it wants, `detail`; this one returns {told}")
        whole = f"SELECT subject, {'detail' if 'detail' in names else 'NULL'} FROM (\n{check}\n)"
        if len(self._known) >= _STATEMENTS:
            self._known.clear()
        inside = f"{whole} WHERE subject >= :_from AND subject < :_to"
        self._known[check] = found = _Statements(whole, inside, frozenset(self._read))
        return found

    def _shape(self, check: str, parameters: Mapping[str, Any]) -> list[str]:
        self._ours, self._until = False, time.monotonic() + 1.0
        self._read.clear()
        try:
            cursor = self._connection.execute(f"SELECT * FROM (\n{check}\n) LIMIT 0", dict(parameters))
            return [str(d[0]).lower() for d in cursor.description or ()]
        except (sqlite3.Error, sqlite3.Warning) as e:
            raise Refused(_told(e)) from e
        finally:
            self._ours = True

    def _run(self, sql: str, parameters: Mapping[str, Any], limits: Limits) -> list[tuple[Any, Any]]:
        self._ours, self._until = False, time.monotonic() + limits.seconds
        try:
            rows = self._connection.execute(sql, parameters).fetchmany(limits.rows + 1)
        except (sqlite3.Error, sqlite3.Warning, MemoryError) as e:
            if time.monotonic() >= self._until:
                raise Refused(f"it was ended after {limits.seconds:g} s") from e
            raise Refused(_told(e)) from e
        finally:
            self._ours = True
        if len(rows) > limits.rows:
            raise Refused(f"it returns more than {limits.rows:,} rows")
        return rows

    def _insert(self, relation: Relation, rows: Sequence[Row]) -> None:
        if rows:
            marks = ", ".join("?" * len(relation.columns))
            self._connection.executemany(f"INSERT INTO {relation.name} VALUES ({marks})", rows)

    def _over(self) -> int:
        return 0 if self._ours else int(time.monotonic() >= self._until)

    def _allowed(
        self, action: int, first: str | None, second: str | None, database: str | None, _source: str | None
    ) -> int:
        if self._ours:
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_READ:
            known = first in BY_NAME and database in (SCHEMA, None)
            if first in BY_NAME:
                self._read.add(str(first))
            return sqlite3.SQLITE_OK if known or first in _TABLE_FUNCTIONS or not first else sqlite3.SQLITE_DENY
        if action == sqlite3.SQLITE_FUNCTION:
            return sqlite3.SQLITE_OK if (second or "").lower() in _FUNCTIONS else sqlite3.SQLITE_DENY
        known = action in (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE)
        return sqlite3.SQLITE_OK if known else sqlite3.SQLITE_DENY


def _connected(place: str) -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=512)
    connection.execute(f"ATTACH ? AS {SCHEMA}", (place,))
    return connection


def _of_this_version(path: Path) -> sqlite3.Connection:
    connection = _connected(str(path))
    connection.execute(f"PRAGMA {SCHEMA}.journal_mode = WAL")
    connection.execute(f"PRAGMA {SCHEMA}.synchronous = OFF")  # it is made anew from the registry whenever in doubt
    connection.execute("PRAGMA busy_timeout = 30000")
    connection.execute(f"PRAGMA {SCHEMA}.mmap_size = {_MAPPED_BYTES}")  # a scan reads every page for each policy
    found: int = connection.execute(f"PRAGMA {SCHEMA}.user_version").fetchone()[0]
    if found not in (0, VERSION):
        connection.close()
        raise sqlite3.DatabaseError("another shape")
    connection.execute(f"PRAGMA {SCHEMA}.user_version = {VERSION}")
    return connection


def _of_products(relation: Relation) -> bool:
    return any(c.name == "product" for c in relation.columns)


def _made(relation: Relation) -> Iterator[str]:
    columns = ", ".join(f"{c.name} {SQL_TYPES[c.type]}" for c in relation.columns)
    yield f"CREATE TABLE IF NOT EXISTS {SCHEMA}.{relation.name} ({columns})"
    for key in _keys(relation):
        yield f"CREATE INDEX IF NOT EXISTS {SCHEMA}.{relation.name}_by_{key} ON {relation.name} ({key})"


def _keys(relation: Relation) -> list[str]:
    """The columns that are indexed."""
    keys = list(relation.keys)
    if _of_products(relation):
        keys.append("product")
    elif not relation.wide:
        keys.append("domain")
    return keys


def _level_name(level: Any) -> str | None:
    return _LEVELS[level] if isinstance(level, int) and 0 <= level < len(_LEVELS) else None


def _told(problem: Exception) -> str:
    """What SQLite says, in words that mean something to the author of a policy."""
    text = str(problem)
    if "prohibited" in text or "not authorized" in text:
        return f"it may read the relations of the mesh and nothing else: {text}"
    if "one statement at a time" in text:
        return "it is more than one statement"
    return text
