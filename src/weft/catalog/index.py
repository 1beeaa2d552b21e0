"""The search index: an SQLite FTS5 file derived from the registry, thrown away and made anew whenever in doubt."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from weft.catalog.entries import Catalogue, Entry
from weft.catalog.looks import busy_word, facets_of, scope_word
from weft.catalog.words import name_terms, names_terms, parts, squashed
from weft.registry import groups
from weft.registry.base import RegistryReader
from weft.registry.groups import Group

VERSION = 6
"""Counts the shapes of the index; another one is made anew."""

_SO_MANY = 200
"""Domains and products after which the words that were written are put together."""
_APART, _JOINING = (1, 4, 5, 6, 7), (0, 2, 3)
"""Fields whose words stand as they are, and those in which they stand joined as well; see `words.names_terms`."""
_NEVER_JOINED = 1_000

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE grouping (name TEXT PRIMARY KEY, digest TEXT NOT NULL);
CREATE TABLE entry (
  id INTEGER PRIMARY KEY, grouping TEXT NOT NULL, address TEXT NOT NULL, unpinned TEXT NOT NULL, kind TEXT NOT NULL,
  name TEXT NOT NULL, title TEXT NOT NULL, domain TEXT NOT NULL, standing INTEGER NOT NULL,
  squashed_name TEXT NOT NULL, squashed_title TEXT NOT NULL, draft INTEGER NOT NULL, status TEXT NOT NULL,
  level TEXT NOT NULL, owner TEXT NOT NULL, late_from TEXT, used INTEGER NOT NULL, tags TEXT NOT NULL
);
CREATE TABLE written (id INTEGER PRIMARY KEY, names TEXT NOT NULL);
CREATE INDEX entry_grouping ON entry (grouping);
CREATE INDEX entry_name ON entry (squashed_name, kind = 'column', used DESC, address);
CREATE INDEX entry_title ON entry (squashed_title, kind = 'column', used DESC, address);
CREATE TABLE reading (port TEXT NOT NULL, grouping TEXT NOT NULL, PRIMARY KEY (port, grouping)) WITHOUT ROWID;
CREATE INDEX reading_grouping ON reading (grouping);
CREATE INDEX entry_address ON entry (address);
CREATE INDEX entry_unpinned ON entry (unpinned);
CREATE INDEX entry_order ON entry (standing = 2, kind, address);
CREATE INDEX entry_draft ON entry (kind, address) WHERE draft;
CREATE TABLE listed (
  id INTEGER PRIMARY KEY, kind TEXT NOT NULL, address TEXT NOT NULL, domain TEXT NOT NULL, product TEXT,
  status TEXT, owner TEXT, draft INTEGER NOT NULL, line TEXT NOT NULL
);
CREATE INDEX listed_address ON listed (kind, address);
CREATE INDEX listed_owner ON listed (kind, owner, address);
CREATE INDEX listed_status ON listed (kind, status, address);
CREATE TABLE listed_tag (kind TEXT, tag TEXT, address TEXT, id INTEGER, PRIMARY KEY (kind, tag, address)) WITHOUT ROWID;
CREATE INDEX listed_tag_id ON listed_tag (id);
CREATE TABLE term (
  term TEXT PRIMARY KEY, docs INTEGER NOT NULL, alone INTEGER NOT NULL, lead INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX term_letters ON term (length(term), term) WHERE term NOT GLOB '*[0-9]*';
CREATE TABLE tally (
  facet TEXT, value TEXT, kind TEXT, domain TEXT, draft INTEGER, docs INTEGER NOT NULL,
  PRIMARY KEY (facet, kind, domain, draft, value)
) WITHOUT ROWID;
CREATE VIRTUAL TABLE word USING fts5(
  name, title, tags, columns, owners, description, column_texts, inherited, scope, tokenize = 'unicode61',
  prefix = '2 3'
);
CREATE VIRTUAL TABLE column_word USING fts5(
  name, title, tags, columns, owners, description, column_texts, inherited, scope, tokenize = 'unicode61',
  prefix = '2 3'
);
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
                follow(connection, reader)
                return connection
            except sqlite3.DatabaseError:
                connection.close()
                if attempt == 1:
                    with contextlib.suppress(OSError):
                        path.unlink()
    connection = sqlite3.connect(":memory:", isolation_level=None)
    follow(connection, reader)
    return connection


def follow(connection: sqlite3.Connection, reader: RegistryReader) -> None:
    """Brings an index up to the registry's newest event: by what moved since, or from end to end where in doubt."""
    newest = reader.last_event()
    if is_at(connection, newest):
        return
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not is_usable(connection):
            _drop_all(connection)
            for statement in _TABLES.split(";\n"):
                connection.execute(statement)
        if not is_at(connection, newest):
            update = _Update(connection, Catalogue(reader))
            groups.bring_up(update, groups.Groups(reader), moved_since(connection, reader))
            update.finish()
            mark = groups.mark_of(reader, newest)
            connection.executemany(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)",
                [("version", str(VERSION)), ("event", str(mark.event)), ("hash", mark.hash)],
            )
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def is_usable(connection: sqlite3.Connection) -> bool:
    """Whether an index has the shape that this weft reads."""
    return _state(connection).get("version") == str(VERSION)


def is_at(connection: sqlite3.Connection, event: int) -> bool:
    """Whether an index shows what the registry had at an event."""
    state = _state(connection)
    return state.get("version") == str(VERSION) and state.get("event") == str(event)


def moved_since(connection: sqlite3.Connection, reader: RegistryReader) -> frozenset[str] | None:
    """What moved since the event that an index shows; None where nobody can tell, so that all has to be read."""
    state = _state(connection)
    mark = groups.Mark(int(state["event"]), state.get("hash", "")) if "event" in state else None
    return groups.moved_since(reader, mark)


def _state(connection: sqlite3.Connection) -> dict[str, str]:
    try:
        return dict(connection.execute("SELECT key, value FROM meta"))
    except sqlite3.OperationalError:
        return {}


def _drop_all(connection: sqlite3.Connection) -> None:
    for table in (
        "vocabulary",
        "word",
        "column_word",
        "term",
        "tally",
        "reading",
        "entry",
        "written",
        "listed",
        "listed_tag",
        "grouping",
        "meta",
    ):
        connection.execute(f"DROP TABLE IF EXISTS {table}")


class _Update:
    """Brings entries up to the registry, inside one transaction. Counts are kept in memory until `finish`."""

    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._terms: Counter[str] = Counter()
        self._alone: Counter[str] = Counter()
        self._leads: dict[str, int] = {}
        self._put = 0
        self._tally: Counter[tuple[str, str, str, str, int]] = Counter()
        self._read = set[str]()  # ports of which somebody began or ended to read

    def names(self) -> Collection[str]:
        """The groups that the index has."""
        return {name for (name,) in self._connection.execute("SELECT name FROM grouping")}

    def finish(self) -> None:
        """Writes the counts, and by how many products ports are read now."""
        for port in self._read:
            self._recount(port)
        self._connection.executemany(
            "INSERT INTO term VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "docs = docs + excluded.docs, alone = alone + excluded.alone, lead = min(lead, excluded.lead)",
            [
                (word, docs, self._alone[word], self._leads.get(word, _NEVER_JOINED))
                for word, docs in self._terms.items()
                if docs or self._alone[word] or word in self._leads
            ],
        )
        self._connection.executemany(
            "INSERT INTO tally VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET docs = docs + excluded.docs",
            [(*key, count) for key, count in self._tally.items() if count],
        )
        self._connection.execute(
            "INSERT OR REPLACE INTO meta "
            "SELECT 'entries', cast(coalesce(sum(docs), 0) AS TEXT) FROM tally WHERE facet = 'kind'"
        )
        if self._put > _SO_MANY:  # they were written in several pieces, and each question would be asked of each
            for table in ("word", "column_word"):
                self._connection.execute(f"INSERT INTO {table} ({table}) VALUES ('optimize')")

    def put(self, group: Group) -> bool:
        """Puts a group in the place of what the index has of it; whether that was something else."""
        known = self._connection.execute("SELECT digest FROM grouping WHERE name = ?", [group.name]).fetchone()
        if known is not None and known[0] == group.digest:
            return False
        self.remove(group.name)
        self._put += 1
        self._connection.execute("INSERT INTO grouping VALUES (?, ?)", [group.name, group.digest])
        for port in group.product.reads if group.product is not None else ():
            self._connection.execute("INSERT OR IGNORE INTO reading VALUES (?, ?)", [port, group.name])
            self._read.add(port)
        for entry in self._catalogue.entries(group):
            self._insert(group.name, entry)
            if entry.kind == "port":
                self._read.add(entry.address)
        return True

    def remove(self, name: str) -> None:
        """Takes the entries of a group away."""
        mine = "IN (SELECT id FROM entry WHERE grouping = ?)"
        for table in ("word", "column_word"):
            for texts in self._connection.execute(f"SELECT * FROM {table} WHERE rowid {mine}", [name]):
                self._count(texts, -1)
            self._connection.execute(f"DELETE FROM {table} WHERE rowid {mine}", [name])
        had = "SELECT kind, domain, draft, status, level, owner, late_from, tags FROM entry WHERE grouping = ?"
        for kind, domain, draft, status, level, owner, late_from, tags in self._connection.execute(had, [name]):
            values = facets_of(kind, domain, status, level, owner, json.loads(tags))
            counted = _counted(values, kind, late_from)
            self._tally.subtract((facet, value, kind, domain, draft) for facet, value in counted)
        reads = self._connection.execute("SELECT port FROM reading WHERE grouping = ?", [name])
        self._read.update(port for (port,) in reads)
        self._connection.execute("DELETE FROM reading WHERE grouping = ?", [name])
        for table in ("written", "listed", "listed_tag"):
            self._connection.execute(f"DELETE FROM {table} WHERE id {mine}", [name])
        self._connection.execute("DELETE FROM entry WHERE grouping = ?", [name])
        self._connection.execute("DELETE FROM grouping WHERE name = ?", [name])

    def _count(self, texts: Sequence[str], by: int) -> None:
        """Counts the words of an entry in (1) or out (-1)."""
        found = _terms(texts)
        alone = [word for word, lead in found.items() if not lead]
        if by < 0:
            self._terms.subtract(found.keys())
            self._alone.subtract(alone)
            return
        self._terms.update(found.keys())
        self._alone.update(alone)
        for word, lead in found.items():
            if lead:
                self._leads[word] = min(lead, self._leads.get(word, lead))

    def _recount(self, port: str) -> None:
        """Notes with a port, its columns and its product how many products read it."""
        product = ".".join(port.split(".")[:2])
        (used,) = self._connection.execute("SELECT count(*) FROM reading WHERE port = ?", [port]).fetchone()
        (most,) = self._connection.execute(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM reading WHERE port GLOB ? GROUP BY port)", [f"{product}.*"]
        ).fetchone()
        mine = self._connection.execute(
            "SELECT id, kind, used FROM entry WHERE grouping = ? AND (address IN (?, ?) OR address GLOB ?)",
            [product, product, port, f"{port}.*"],
        ).fetchall()
        for number, kind, before in mine:
            now = (most or 0) if kind == "product" else used
            if now != before:
                self._connection.execute("UPDATE entry SET used = ? WHERE id = ?", [now, number])
            if busy_word(now) != busy_word(before):
                table = "column_word" if kind == "column" else "word"
                (scope,) = self._connection.execute(f"SELECT scope FROM {table} WHERE rowid = ?", [number]).fetchone()
                kept = [word for word in scope.split() if word != busy_word(before)]
                written = " ".join([*kept, busy_word(now)]).strip()
                self._connection.execute(f"UPDATE {table} SET scope = ? WHERE rowid = ?", [written, number])

    def _insert(self, group: str, entry: Entry) -> None:
        cursor = self._connection.execute(
            "INSERT INTO entry VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
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
                entry.draft,
                entry.status,
                entry.level,
                entry.owner,
                entry.late_from,
                json.dumps(list(dict.fromkeys(entry.tags)), ensure_ascii=False) if entry.tags else "[]",
            ],
        )
        number = cursor.lastrowid
        assert number is not None, "a row was inserted"
        names = {
            "tags": entry.tags,
            "terms": entry.terms,
            "columns": entry.columns,
            "owners": entry.owners,
            "inherited": entry.inherited,
        }
        written = {place: there for place, there in names.items() if there}
        if written:
            row = [number, json.dumps(written, ensure_ascii=False)]
            self._connection.execute("INSERT INTO written VALUES (?, ?)", row)
        if entry.line is not None:
            _list(self._connection, number, entry, entry.line)
        fields = (
            name_terms(entry.name),
            parts(entry.title),
            names_terms((*entry.tags, *entry.terms)),
            names_terms(entry.columns),
            parts(" ".join(entry.owners)),
            parts(entry.description),
            parts(entry.column_texts),
            parts(" ".join(entry.inherited)),
        )
        values = facets_of(entry.kind, entry.domain, entry.status, entry.level, entry.owner, entry.tags)
        words = [*(" ".join(f) for f in fields), " ".join(scope_word(*value) for value in values)]
        self._count(words, 1)
        counted = _counted(values, entry.kind, entry.late_from)
        self._tally.update((facet, value, entry.kind, entry.domain, int(entry.draft)) for facet, value in counted)
        self._connection.execute(
            f"INSERT INTO {'column_word' if entry.kind == 'column' else 'word'} "
            "(rowid, name, title, tags, columns, owners, description, column_texts, inherited, scope) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [number, *words],
        )


def _counted(values: Iterable[tuple[str, str]], kind: str, late_from: str | None) -> Iterator[tuple[str, str]]:
    """What is counted of an entry: its facets, and of what may be late when it is."""
    yield from values
    if kind != "domain":
        yield "late_from", "none" if late_from is None else late_from


def _terms(texts: Sequence[str]) -> dict[str, int]:
    """The different words in the fields of an entry; its scope has none that anybody looks for.

    With each the letters of the first of the words that it joins, where it stands only behind them (`time` in
    `time zone timezone`: whoever looks for its beginning finds that word as well); else 0.
    """
    found = dict.fromkeys(" ".join([texts[field] for field in _APART]).split(), 0)
    for field in _JOINING:
        words = texts[field].split()
        for last, word in enumerate(words):
            lead = _lead(words, last) if last > 1 and word.endswith(words[last - 1]) else 0
            found[word] = min(lead, found.get(word, lead))
    return found


def _lead(words: Sequence[str], last: int) -> int:
    """The letters of the first of the words that one joins which stand before it; 0: it joins none."""
    rest, first = words[last], last
    while rest and first and rest.endswith(words[first - 1]):
        first -= 1
        rest = rest.removesuffix(words[first])
    return len(words[first]) if not rest and last - first > 1 else 0


def _list(connection: sqlite3.Connection, number: int, entry: Entry, line: Mapping[str, Any]) -> None:
    told = {"address": entry.address, "title": entry.title, "domain": entry.domain, **line}
    found = (line.get("product"), line.get("status"), line.get("owner"), entry.draft)
    connection.execute(
        "INSERT INTO listed VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [number, entry.kind, entry.address, entry.domain, *found, json.dumps(told, ensure_ascii=False)],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO listed_tag VALUES (?, ?, ?, ?)",
        [(entry.kind, tag, entry.address, number) for tag in line["tags"]],
    )


def _without_major(address: str) -> str:
    head, at, rest = address.partition("@")
    return head + rest.lstrip("0123456789") if at else head
