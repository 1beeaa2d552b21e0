"""The search index: an SQLite FTS5 file derived from the registry, thrown away and made anew whenever in doubt."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from weft.catalog.entries import Catalogue, Entry
from weft.catalog.words import name_terms, names_terms, parts, squashed
from weft.registry.base import RegistryReader

VERSION = 2
"""Counts the shapes of the index; another one is made anew."""

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE grouping (name TEXT PRIMARY KEY, digest TEXT NOT NULL);
CREATE TABLE entry (
  id INTEGER PRIMARY KEY, grouping TEXT NOT NULL, address TEXT NOT NULL, unpinned TEXT NOT NULL, kind TEXT NOT NULL,
  name TEXT NOT NULL, title TEXT NOT NULL, domain TEXT NOT NULL, standing INTEGER NOT NULL,
  squashed_name TEXT NOT NULL, squashed_title TEXT NOT NULL, texts TEXT NOT NULL
);
CREATE INDEX entry_grouping ON entry (grouping);
CREATE INDEX entry_name ON entry (squashed_name);
CREATE INDEX entry_title ON entry (squashed_title);
CREATE INDEX entry_address ON entry (address);
CREATE INDEX entry_unpinned ON entry (unpinned);
CREATE VIRTUAL TABLE word USING fts5(
  name, title, tags, columns, owners, description, column_texts, inherited, tokenize = 'unicode61', prefix = '2 3'
);
CREATE VIRTUAL TABLE vocabulary USING fts5vocab(word, 'row');
"""


@contextlib.contextmanager
def opened(path: Path | None, reader: RegistryReader) -> Iterator[sqlite3.Connection]:
    """The index as a connection, brought up to the registry's newest event.

    A file that cannot be written or read (a read-only mesh, a full disk, a damaged index) is no reason to fail:
    the index is then made in memory for this one search.
    """
    connection = _usable(path, reader)
    try:
        yield connection
    finally:
        connection.close()


def _usable(path: Path | None, reader: RegistryReader) -> sqlite3.Connection:
    if path is not None:
        for attempt in (1, 2):
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                connection = sqlite3.connect(path, timeout=5, isolation_level=None)
            except (OSError, sqlite3.Error):
                break
            try:
                _follow(connection, reader)
                return connection
            except sqlite3.DatabaseError:
                connection.close()
                if attempt == 1:
                    with contextlib.suppress(OSError):
                        path.unlink()
    connection = sqlite3.connect(":memory:", isolation_level=None)
    _follow(connection, reader)
    return connection


def _follow(connection: sqlite3.Connection, reader: RegistryReader) -> None:
    newest = str(reader.last_event())
    if _state(connection) == (str(VERSION), newest):
        return
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        version, event = _state(connection)
        if version != str(VERSION):
            _drop_all(connection)
            for statement in _TABLES.split(";\n"):
                connection.execute(statement)
        if (version, event) != (str(VERSION), newest):
            _update(connection, Catalogue(reader))
            connection.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", [("version", str(VERSION)), ("event", newest)]
            )
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _state(connection: sqlite3.Connection) -> tuple[str | None, str | None]:
    try:
        found = dict(connection.execute("SELECT key, value FROM meta"))
    except sqlite3.OperationalError:
        return None, None
    return found.get("version"), found.get("event")


def _drop_all(connection: sqlite3.Connection) -> None:
    for table in ("vocabulary", "word", "entry", "grouping", "meta"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def _update(connection: sqlite3.Connection, catalogue: Catalogue) -> None:
    wanted = {g.name: g.digest for g in catalogue.groups()}
    known = dict(connection.execute("SELECT name, digest FROM grouping"))
    for name in known:
        if wanted.get(name) != known[name]:
            connection.execute("DELETE FROM word WHERE rowid IN (SELECT id FROM entry WHERE grouping = ?)", [name])
            connection.execute("DELETE FROM entry WHERE grouping = ?", [name])
            connection.execute("DELETE FROM grouping WHERE name = ?", [name])
    for name, digest in wanted.items():
        if known.get(name) != digest:
            connection.execute("INSERT INTO grouping VALUES (?, ?)", [name, digest])
            for entry in catalogue.entries(name):
                _insert(connection, name, entry)


def _insert(connection: sqlite3.Connection, group: str, entry: Entry) -> None:
    texts = {
        "tags": list(entry.tags),
        "columns": list(entry.columns),
        "owners": list(entry.owners),
        "inherited": list(entry.inherited),
        "description": entry.description,
        "column_texts": entry.column_texts,
    }
    cursor = connection.execute(
        "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            group,
            entry.address,
            _without_major(entry.address),
            entry.kind,
            entry.name,
            entry.title,
            entry.domain,
            entry.standing,
            squashed(entry.name),
            squashed(entry.title),
            json.dumps(texts, ensure_ascii=False),
        ],
    )
    fields = (
        name_terms(entry.name),
        parts(entry.title),
        names_terms(entry.tags),
        names_terms(entry.columns),
        parts(" ".join(entry.owners)),
        parts(entry.description),
        parts(entry.column_texts),
        parts(" ".join(entry.inherited)),
    )
    connection.execute(
        "INSERT INTO word (rowid, name, title, tags, columns, owners, description, column_texts, inherited) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [cursor.lastrowid, *(" ".join(f) for f in fields)],
    )


def _without_major(address: str) -> str:
    head, at, rest = address.partition("@")
    return head + rest.lstrip("0123456789") if at else head
