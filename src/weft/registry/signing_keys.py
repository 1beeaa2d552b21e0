"""Keys with which all servers of a registry sign: made when the newest is old, dropped when nothing of them holds."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from weft.registry import codec
from weft.registry.database import Database

LASTS = timedelta(days=30)
"""How old a key is when another one takes its place."""

SPREADS = timedelta(minutes=5)
"""How old a new key is before it signs: until then every server has heard of it."""

_HEARS = timedelta(minutes=1)
_SIZE = 32


class SigningKeys:
    """The keys of one registry, as one process knows them: it looks once a minute. Used from any number of threads.

    Args:
        holds: how long a signature has to hold at most; a key that signs no more is dropped after so long.
        before: a file with the key that this server had to itself.
    """

    def __init__(
        self, database: Database, now: Callable[[], datetime], holds: timedelta, before: Path | None = None
    ) -> None:
        self._database, self._now, self._holds, self._before = database, now, holds, before
        self._lock = threading.Lock()
        self._known: tuple[datetime, tuple[bytes, ...]] | None = None

    def __call__(self) -> Sequence[bytes]:
        """The key that signs now, then all others, newest first."""
        now = self._now()
        with self._lock:
            if self._known is None or not self._known[0] <= now < self._known[0] + _HEARS:
                self._known = now, self._looked(now)
            return self._known[1]

    def _looked(self, now: datetime) -> tuple[bytes, ...]:
        found = self._read()
        if not found or found[0][2] + LASTS <= now or found[-1][2] + 2 * LASTS + self._holds <= now:
            found = self._turned(now)
        # the first key of all has nobody who could not know it
        signing = next((key for _, key, made_at in found if made_at + SPREADS <= now), found[-1][1])
        return (signing, *(key for _, key, _ in found if key != signing))

    def _turned(self, now: datetime) -> list[tuple[int, bytes, datetime]]:
        """Makes the key that is due, unless another server was faster, and drops those whose signatures are over."""
        with self._database.writing() as statements:
            found = _keys(statements.rows(_SELECT))
            if not found or found[0][2] + LASTS <= now:
                number = found[0][0] + 1 if found else 1
                key = self._own() if not found else secrets.token_bytes(_SIZE)
                made_at = now
                statements.run(
                    "INSERT INTO signing_keys (number, key, made_at) VALUES (?, ?, ?)",
                    (number, key.hex(), codec.time_text(made_at)),
                )
                found.insert(0, (number, key, made_at))
            # a key signs until the next one does, and what it has signed holds for a while
            over = [
                one[0]
                for one, after in zip(found[1:], found, strict=False)
                if after[2] + SPREADS + self._holds + _HEARS <= now
            ]
            for number in over:
                statements.run("DELETE FROM signing_keys WHERE number = ?", (number,))
        return [one for one in found if one[0] not in over]

    def _own(self) -> bytes:
        """The first key: the one that this server had to itself, so that what it has signed holds on."""
        if self._before is not None and self._before.exists():
            return self._before.read_bytes()
        return secrets.token_bytes(_SIZE)

    def _read(self) -> list[tuple[int, bytes, datetime]]:
        with self._database.reading() as statements:
            return _keys(statements.rows(_SELECT))


_SELECT = "SELECT number, key, made_at FROM signing_keys ORDER BY number DESC"


def _keys(rows: Sequence[Sequence[object]]) -> list[tuple[int, bytes, datetime]]:
    return [(int(str(n)), bytes.fromhex(str(key)), datetime.fromisoformat(str(at))) for n, key, at in rows]
