"""What has been read once need not be read again: blobs by content, digests of files by path and time.

Everything in it can be computed anew; a cache that cannot be opened or written is done without. A key holds all that a
blob was made from: content, and the versions of what read it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from weft.project.regular import check
from weft.release import VERSION

_TABLES = """
CREATE TABLE IF NOT EXISTS blobs (kind TEXT, key TEXT, blob BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, digest TEXT) WITHOUT ROWID;
"""
_FORMAT = f"1 {VERSION}"
_CHUNK = 1 << 20

_UNSETTLED_NS = 2_000_000_000
"""How long after its last change a file's times may stay as they are when it is written once more, in nanoseconds."""

_AT_ONCE = 500
"""Blobs that are asked for, or kept back before they are written, together."""

_MOST_OWN = 50_000
"""Keys of a kind that are remembered beside the file."""


class Cache:
    """An SQLite file under `.weft/cache`. Safe for several processes, and for one that is killed.

    Args:
        made_by: versions of what the blobs are made by; another one finds nothing of these.
    """

    def __init__(self, folder: Path, made_by: str = "") -> None:
        self._db = _opened(folder / "parsed.db")
        self._format = f"{_FORMAT} {made_by}".rstrip()
        self._files: dict[str, tuple[int, int, int, int, str]] | None = None
        self._fresh: dict[str, tuple[int, int, int, int, str]] = {}
        self._waiting: dict[tuple[str, str], bytes] = {}
        self._bare: dict[str, set[str] | None] = {}

    def close(self) -> None:
        """Writes what was learnt, and closes."""
        if self._db is None:
            return
        self.write()
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        self._db = None

    def get(self, kind: str, key: str) -> bytes | None:
        """The blob of a kind and key, or None."""
        return self.get_many(kind, (key,)).get(key)

    def get_many(self, kind: str, keys: Collection[str]) -> dict[str, bytes]:
        """The blobs of a kind that are known, by key."""
        if self._db is None:
            return {}
        full = f"{self._format} {kind}"
        found: dict[str, bytes] = {}
        asked = []
        for key in keys:
            blob = self._waiting.get((full, key))
            if blob is None:
                asked.append(key)
            else:
                found[key] = blob
        own = self._own(full) if asked else None
        if own is not None:
            asked = [key for key in asked if key in own]
        with contextlib.suppress(sqlite3.Error):
            for start in range(0, len(asked), _AT_ONCE):
                some = asked[start : start + _AT_ONCE]
                places = ",".join("?" * len(some))
                query = f"SELECT key, blob FROM blobs WHERE kind = ? AND key IN ({places})"
                found.update(self._db.execute(query, (full, *some)))
        return found

    def put_many(self, kind: str, entries: Mapping[str, bytes]) -> None:
        """Keeps blobs by key; other processes see them after `write`, or when there are many."""
        if self._db is None:
            return
        full = f"{self._format} {kind}"
        for key, blob in entries.items():
            self._waiting[full, key] = blob
        if len(self._waiting) >= _AT_ONCE:
            self.write()

    def digest_of(self, path: Path | str) -> str:
        """SHA-256 of a file's content, in hex; read only when size, times or inode moved."""
        name = str(path)
        status = os.stat(name)  # noqa: PTH116, ten thousand Paths cost more than the reading
        check(status)
        now = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        known = self._known().get(name)
        if known is not None and known[:4] == now:
            return known[4]
        hasher = hashlib.sha256()
        with open(name, "rb") as file:  # noqa: PTH123, for the same
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
        digest = hasher.hexdigest()
        # Clocks of file systems tick slowly: written again in the same tick, a file would look as it did.
        if max(status.st_mtime_ns, status.st_ctime_ns) < time.time_ns() - _UNSETTLED_NS:
            self._fresh[name] = self._known()[name] = (*now, digest)
        return digest

    def write(self) -> None:
        """Writes what was learnt, for other processes to see."""
        blobs = [(kind, key, blob) for (kind, key), blob in self._waiting.items()]
        seen = [(path, *known) for path, known in self._fresh.items()]
        for kind, key, _ in blobs:
            own = self._bare.get(kind)
            if own is not None:
                own.add(key)
        self._waiting, self._fresh = {}, {}
        if self._db is None or not (blobs or seen):
            return
        with contextlib.suppress(sqlite3.Error), self._db:
            self._db.executemany("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)", blobs)
            self._db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)", seen)

    def _own(self, kind: str) -> set[str] | None:
        """The keys of a kind that this process has written, where there was none before; None where there were.

        Of a mesh that is built for the first time nothing is known, and the file need not be asked for each thing.
        """
        if kind not in self._bare:
            assert self._db is not None, "the caller has looked"
            held: object = True
            with contextlib.suppress(sqlite3.Error):
                held = self._db.execute("SELECT 1 FROM blobs WHERE kind = ? LIMIT 1", (kind,)).fetchone()
            self._bare[kind] = set() if held is None else None
        own = self._bare[kind]
        if own is not None and len(own) > _MOST_OWN:
            own = self._bare[kind] = None
        return own

    def _known(self) -> dict[str, tuple[int, int, int, int, str]]:
        if self._files is None:
            self._files = {}
            if self._db is not None:
                with contextlib.suppress(sqlite3.Error):
                    rows = self._db.execute("SELECT path, size, mtime_ns, ctime_ns, inode, digest FROM seen")
                    self._files = {path: tuple(known) for path, *known in rows}
        return self._files


def _opened(path: Path) -> sqlite3.Connection | None:
    for attempt in (1, 2):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(path, timeout=5, check_same_thread=False)
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'seen'").fetchone():
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(_TABLES)
            db.execute("PRAGMA synchronous = NORMAL")  # a power cut loses the last blobs, and breaks none
            return db
        except sqlite3.DatabaseError:
            if attempt == 1:
                for broken in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
                    with contextlib.suppress(OSError):
                        broken.unlink()  # begin anew
        except OSError:
            return None
    return None
