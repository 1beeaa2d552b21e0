"""The two hash chains, that of the log and that of reading: their ends, their records in order, and anchors.

An anchor is the number and the hash of a record, kept where whoever writes to the database does not reach it. It holds
a chain to all that stood before it: a chain whose end was cut off, or that was written anew from some record on, does
not have that record any more.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, UsageError, error
from weft.registry import codec
from weft.registry.database import Database
from weft.registry.log import BEGINNING

TABLES: Mapping[str, str] = {"events": "events", "reads": "audit"}
"""The chains, each with its table."""
_ROW = "seq, at, kind, actor, subject, body, previous, hash"
_AT_ONCE = 1000
_ANCHOR = re.compile(rf"({'|'.join(TABLES)}):(\d{{1,18}}):([0-9a-f]{{64}})")


class Anchor(Struct, frozen=True):
    """A record of a chain by number and hash; number 0 is what stands before the first."""

    chain: str
    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.chain}:{self.seq}:{self.hash}"


class Stretch(Struct, frozen=True):
    """Records of a chain that follow one another; `last` before `first` is none."""

    first: int
    last: int


class Chains:
    """The chains in a registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def head(self, chain: str) -> Anchor:
        """The newest record."""
        with self._database.reading() as statements:
            row = statements.row(f"SELECT seq, hash FROM {TABLES[chain]} ORDER BY seq DESC LIMIT 1")
        return Anchor(chain, int(row[0]), str(row[1])) if row is not None else Anchor(chain, 0, BEGINNING)

    def at(self, chain: str, seq: int) -> Anchor | None:
        """The record of a number; None where there is none."""
        if seq == 0:
            return Anchor(chain, 0, BEGINNING)
        with self._database.reading() as statements:
            row = statements.row(f"SELECT hash FROM {TABLES[chain]} WHERE seq = ?", (seq,))
        return Anchor(chain, seq, str(row[0])) if row is not None else None

    def stretch(self, chain: str, since: datetime | None, until: datetime | None) -> Stretch:
        """The records of some time, with those between them: clocks of several machines need not agree.

        Args:
            until: the first moment that is not meant any more.
        """
        low = codec.time_text(since) if since is not None else ""
        high = codec.time_text(until) if until is not None else "~"
        with self._database.reading() as statements:
            sql = f"SELECT min(seq), max(seq) FROM {TABLES[chain]} WHERE at >= ? AND at < ?"
            row = statements.row(sql, (low, high))
        assert row is not None, "an aggregate has a row"
        return Stretch(1, 0) if row[0] is None else Stretch(int(row[0]), int(row[1]))

    def records(self, chain: str, stretch: Stretch) -> Iterator[tuple[Any, ...]]:
        """The rows of some records, page by page: a chain need not fit into memory, nor hold up whoever writes."""
        after = stretch.first - 1
        sql = f"SELECT {_ROW} FROM {TABLES[chain]} WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        while after < stretch.last:
            with self._database.reading() as statements:
                rows = statements.rows(sql, (after, stretch.last, _AT_ONCE))
            if not rows:
                return
            yield from rows
            after = int(rows[-1][0])

    def off(self, anchors: Iterable[Anchor]) -> list[Diagnostic]:
        """A diagnostic for each anchor at which its chain has no record, or another one."""
        return [not_reached(one, found) for one in anchors if (found := self.at(one.chain, one.seq)) != one]


def not_reached(anchor: Anchor, found: Anchor | None) -> Diagnostic:
    """That a chain has no record at an anchor, or another one."""
    named = "the event log" if anchor.chain == "events" else "the audit of reading"
    what = f"{named} has another record {anchor.seq} than its anchor"
    why = "it was written anew from that record, or from one before it, on"
    if found is None:
        what, why = f"{named} ends before its anchor at record {anchor.seq}", "its end was cut off"
    return error("WFT-GOV-046", what, why=why, fix="compare with a backup: somebody has changed the database by hand")


def anchors_of(lines: Iterable[str]) -> list[Anchor]:
    """The anchors in a text: `CHAIN:NUMBER:HASH` one a line, as `weft audit verify` prints them, or those of an export.

    Raises:
        UsageError: WFT-GOV-047, there is none.
    """
    found = []
    for line in lines:
        text = line.strip().removeprefix("anchor ")
        plain = _ANCHOR.fullmatch(text)
        if plain is not None:
            found.append(Anchor(plain[1], int(plain[2]), plain[3]))
        elif '"anchor"' in text and text.startswith("{"):
            found += _exported(text)
    if not found:
        raise UsageError(
            error(
                "WFT-GOV-047",
                "what is given as an anchor holds none",
                why="an anchor is `CHAIN:NUMBER:HASH`, CHAIN being `events` or `reads`",
                fix="take the lines that `weft audit verify` prints, or an export",
            )
        )
    return found


def _exported(text: str) -> Sequence[Anchor]:
    try:
        data = json.loads(text)
    except ValueError:
        return ()
    if not isinstance(data, dict) or data.get("anchor") not in TABLES:
        return ()  # a record whose content has that word
    plain = _ANCHOR.fullmatch(f"{data['anchor']}:{data.get('seq')}:{data.get('hash')}")
    return () if plain is None else (Anchor(plain[1], int(plain[2]), plain[3]),)
