"""What has been read once need not be read again: blobs by content, digests of files by path and time.

Everything in it can be computed anew; a cache that cannot be opened or written is done without.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from weft.release import VERSION

_TABLES = """
CREATE TABLE IF NOT EXISTS blobs (kind TEXT, key TEXT, blob BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS seen (
    path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER, digest TEXT) WITHOUT ROWID;
"""
_FORMAT = f"1 {VERSION}"
_CHUNK = 1 << 20


class Cache:
    """An SQLite file under `.weft/cache`. Safe for several processes."""

    def __init__(self, folder: Path) -> None:
        self._db = _opened(folder / "parsed.db")
        self._files: dict[str, tuple[int, int, int, int, str]] | None = None
        self._fresh: dict[str, tuple[int, int, int, int, str]] = {}

    def close(self) -> None:
        """Writes what was learnt of files, and closes."""
        if self._db is None:
            return
        with contextlib.suppress(sqlite3.Error):
            if self._fresh:
                rows = [(path, *known) for path, known in self._fresh.items()]
                self._db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?, ?, ?, ?)", rows)
                self._db.commit()
            self._db.close()
        self._db = None

    def get(self, kind: str, key: str) -> bytes | None:
        """The blob of a kind and key, or None."""
        if self._db is None:
            return None
        try:
            row = self._db.execute(
                "SELECT blob FROM blobs WHERE kind = ? AND key = ?", (f"{_FORMAT} {kind}", key)
            ).fetchone()
        except sqlite3.Error:
            return None
        return row[0] if row else None

    def put_many(self, kind: str, entries: Mapping[str, bytes]) -> None:
        """Keeps blobs by key."""
        if self._db is None:
            return
        rows = [(f"{_FORMAT} {kind}", key, blob) for key, blob in entries.items()]
        with contextlib.suppress(sqlite3.Error):
            self._db.executemany("INSERT OR REPLACE INTO blobs VALUES (?, ?, ?)", rows)
            self._db.commit()

    def digest_of(self, path: Path) -> str:
        """SHA-256 of a file's content, in hex; read only when size, times or inode moved."""
        status = path.stat()
        now = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
        known = self._known().get(str(path))
        if known is not None and known[:4] == now:
            return known[4]
        hasher = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                hasher.update(chunk)
        digest = hasher.hexdigest()
        self._fresh[str(path)] = self._known()[str(path)] = (*now, digest)
        return digest

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
            db.execute("PRAGMA synchronous = OFF")  # what is lost is computed again
            return db
        except sqlite3.DatabaseError:
            if attempt == 1:
                with contextlib.suppress(OSError):
                    path.unlink()  # broken: begin anew
        except OSError:
            return None
    return None
