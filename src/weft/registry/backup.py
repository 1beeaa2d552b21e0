"""Backups: all that a registry holds at one moment in one file, which can be restored into any database.

The file is compressed lines of JSON: a head, then each table's name and columns with its rows, then what it was in all.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import zlib
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from msgspec import Struct

from weft.errors import UsageError, error
from weft.registry import codec, log, schema
from weft.registry.database import Database, Statements
from weft.registry.tables import EventRow
from weft.release import VERSION

_FORMAT = "weft-registry-backup"
_UNKEPT = ("locks", "signing_keys")
"""Tables whose rows mean something only to the processes that are there, or are keys: servers make new ones."""
_PASSING = ("sessions", "sign_ins", "attempts", "scans")
"""Tables of who is signed in, or about to be, and of which files somebody is reading just then."""
_AT_ONCE = 500
_EVENT = ["seq", "at", "kind", "actor", "subject", "body", "previous", "hash"]


class Backup(Struct, frozen=True):
    """What a backup holds.

    Attributes:
        version: of the tables, when it was made.
        events: how many, their chain of hashes checked.
        rows: of all tables.
    """

    made_at: datetime
    version: int
    events: int
    rows: int


def write(database: Database, file: Path, at: datetime) -> Backup:
    """Writes a backup of one moment; the file is there whole, or as it was before.

    Args:
        at: when it is made.

    Raises:
        PlatformError: WFT-REG-002 the database cannot be read, WFT-REG-004 its event log is broken.
    """
    version, events = len(schema.STEPS), 0
    counts: dict[str, int] = {}
    with _whole(file) as out, database.moment() as statements:
        out.write(_line({"format": _FORMAT, "version": version, "weft": VERSION, "made_at": at.isoformat()}))
        for table in schema.tables(version):
            columns = _columns(statements, database, table)
            out.write(_line({"table": table, "columns": columns}))
            written = _written(out, _rows(statements, table, columns), counts, table)
            if table == "events":
                events = log.verify(codec.event(cast(EventRow, tuple(row))) for row in written)
            else:
                deque(written, maxlen=0)
        out.write(_line({"end": counts}))
    return Backup(at, version, events, sum(counts.values()))


def opened(file: Path) -> int:
    """The version of the tables of a backup.

    Raises:
        UsageError: WFT-REG-012, it is none that can be restored.
    """
    with _reading(file) as lines:
        return _head(file, lines)[0]


def restore(database: Database, file: Path, *, replace: bool = False) -> Backup:
    """Puts what a backup holds in the place of what a registry holds: all of it, or nothing.

    Nobody comes in again by it who was shut out meanwhile: sessions and sign-ins that are under way are left out. What
    the registry that it replaces knows of tokens that were revoked, users who were disabled or removed, passwords that
    were changed and grants that were ended stays so; who was removed is disabled. Roles are those of the backup.

    Args:
        replace: whether what is there may go; else the registry has to be empty.

    Raises:
        UsageError: WFT-REG-012 the file cannot be restored, WFT-REG-013 the registry is not empty.
        PlatformError: WFT-REG-002 the database cannot be written, WFT-REG-004 the event log of the backup is broken.
    """
    with _reading(file) as lines, database.rebuilding() as statements:
        version, made_at = _head(file, lines)
        shut = _shut_out(statements)
        _emptied(statements, database, replace=replace)
        _built(statements, database, 0, version)
        counts = _filled(statements, database, file, lines, schema.tables(version))
        _built(statements, database, version, len(schema.STEPS))
        _shut_again(statements, shut)
        found = statements.each(f"SELECT {', '.join(_EVENT)} FROM events ORDER BY seq")
        events = log.verify(codec.event(cast(EventRow, row)) for row in found)
    return Backup(made_at, version, events, sum(counts.values()))


def _shut_out(statements: Statements) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Statements that end again what has been ended, with their values."""
    gone = "NOT EXISTS (SELECT 1 FROM users u WHERE 'user:' || u.name = e.subject)"
    return [
        (
            "UPDATE tokens SET revoked_at = ? WHERE token_id = ? AND revoked_at IS NULL",
            statements.rows("SELECT revoked_at, token_id FROM tokens WHERE revoked_at IS NOT NULL"),
        ),
        (
            "UPDATE users SET disabled_at = ? WHERE name = ? AND disabled_at IS NULL",
            statements.rows("SELECT disabled_at, name FROM users WHERE disabled_at IS NOT NULL"),
        ),
        (
            "UPDATE users SET disabled_at = ? WHERE 'user:' || name = ? AND disabled_at IS NULL",
            statements.rows(
                "SELECT max(e.at), e.subject FROM events e WHERE e.kind IN ('user.removed', 'user.renamed') "
                f"AND {gone} GROUP BY e.subject"
            ),
        ),
        (
            "UPDATE users SET hash = ? WHERE name = ? AND kind = 'local'",
            statements.rows(
                "SELECT u.hash, u.name FROM users u WHERE u.kind = 'local' AND 'user:' || u.name IN "
                "(SELECT subject FROM events WHERE kind IN ('user.password', 'user.removed'))"
            ),
        ),
        (
            "UPDATE grants SET ends_at = ?, told = ?, ended_by = ? "
            "WHERE grant_id = ? AND (ends_at IS NULL OR ends_at > ?)",
            statements.rows("SELECT ends_at, told, ended_by, grant_id, ends_at FROM grants WHERE ends_at IS NOT NULL"),
        ),
    ]


def _shut_again(statements: Statements, shut: list[tuple[str, list[tuple[Any, ...]]]]) -> None:
    for sql, values in shut:
        statements.many(sql, values)
    for table in _PASSING:
        statements.run(f"DELETE FROM {table}")


def _rows(statements: Statements, table: str, columns: Sequence[str]) -> Iterable[Sequence[Any]]:
    if table in _UNKEPT:
        return ()
    order = " ORDER BY seq" if table == "events" else ""
    return statements.each(f"SELECT {', '.join(columns)} FROM {table}{order}")


def _written(
    out: IO[str], rows: Iterable[Sequence[Any]], counts: dict[str, int], table: str
) -> Iterator[Sequence[Any]]:
    """The rows, each written and counted."""
    counts[table] = 0
    for row in rows:
        out.write(_line(list(row)))
        counts[table] += 1
        yield row


def _emptied(statements: Statements, database: Database, *, replace: bool) -> None:
    mine = schema.tables(len(schema.STEPS))
    if statements.row("SELECT 1 FROM events LIMIT 1") and not replace:  # nothing is registered without its event
        what = f"the registry `{database.name}` is not empty"
        why = "a backup takes the place of all that is there"
        raise UsageError(error("WFT-REG-013", what, why=why, fix="say so with `--replace`, after a backup of it"))
    for table in mine:
        statements.run(f"DROP TABLE {table}")


def _built(statements: Statements, database: Database, after: int, to: int) -> None:
    for step in schema.STEPS[after:to]:
        for statement in schema.statements_of(step, database.dialect):
            statements.run(statement)


def _filled(
    statements: Statements, database: Database, file: Path, lines: Iterator[Any], tables: Sequence[str]
) -> dict[str, int]:
    """Reads all tables into the database; how many rows each has. No other word of the file gets into a statement."""
    counts: dict[str, int] = {}
    table, insert, waiting = "", "", []
    columns: list[str] = []
    for line in lines:
        if isinstance(line, list):
            if len(line) != len(columns):
                raise _damaged(file, "a row has other columns than its table")
            waiting.append([base64.b64decode(v["base64"]) if isinstance(v, dict) else v for v in line])
            counts[table] += 1
        if waiting and (len(waiting) >= _AT_ONCE or isinstance(line, dict)):
            statements.many(insert, waiting)
            waiting = []
        if isinstance(line, dict) and "end" in line:
            if line["end"] != counts:
                raise _damaged(file, "rows are missing")
            return counts
        if isinstance(line, dict):
            table, columns = line["table"], line["columns"]
            if table not in tables or not set(columns) <= set(_columns(statements, database, table)):
                raise _damaged(file, "it has tables that its version of the registry has not")
            counts[table] = 0
            statements.run(f"DELETE FROM {table}")  # a step may have put rows in when it made the table
            insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' for _ in columns)})"
    raise _damaged(file, "its end is missing")


def _columns(statements: Statements, database: Database, table: str) -> list[str]:
    if database.dialect == "sqlite":
        rows = statements.rows("SELECT name FROM pragma_table_info(?) ORDER BY cid", (table,))
    else:
        sql = (
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(?) AND attnum > 0 AND NOT attisdropped "
            "ORDER BY attnum"
        )
        rows = statements.rows(sql, (table,))
    return [str(name) for (name,) in rows]


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_blob) + "\n"


def _blob(value: Any) -> Any:
    assert isinstance(value, bytes | memoryview), "the tables hold numbers, texts and bytes"
    return {"base64": base64.b64encode(value).decode()}


def _head(file: Path, lines: Iterator[Any]) -> tuple[int, datetime]:
    head = next(lines, None)
    if not isinstance(head, dict) or head.get("format") != _FORMAT:
        raise _damaged(file, "it does not begin like one")
    version = int(head["version"])
    if version < 1:
        raise _damaged(file, "it names no version of the tables")
    if version > len(schema.STEPS):
        what = f"the backup `{file}` has version {version} of the tables, this weft knows {len(schema.STEPS)}"
        why = f"weft {head.get('weft')} has written it"
        raise UsageError(error("WFT-REG-012", what, why=why, fix="pip install --upgrade weft"))
    return version, datetime.fromisoformat(head["made_at"])


@contextmanager
def _reading(file: Path) -> Iterator[Iterator[Any]]:
    try:
        with gzip.open(file, "rt", encoding="utf-8") as text:
            yield map(json.loads, text)
    except FileNotFoundError as e:
        raise UsageError(error("WFT-REG-012", f"there is no file `{file}`")) from e
    except (gzip.BadGzipFile, EOFError, zlib.error, ValueError, KeyError, TypeError, RecursionError) as e:
        raise _damaged(file, type(e).__name__) from e


def _damaged(file: Path, why: str) -> UsageError:
    what = f"`{file}` is no backup of a registry that is whole"
    return UsageError(error("WFT-REG-012", what, why=why, fix="take another one, made by `weft db backup`"))


@contextmanager
def _whole(file: Path) -> Iterator[IO[str]]:
    """A compressed file for its owner alone, which takes its place when all is written."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8", compresslevel=6) as text:
                yield text
            raw.flush()
            os.fsync(raw.fileno())
        beside.replace(file)
    except BaseException:
        with suppress(FileNotFoundError):
            beside.unlink()
        raise
