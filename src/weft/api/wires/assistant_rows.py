"""Rows for an assistant: a short page of an answer, and where the next one begins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from weft.access.reading.asking import Question, Streamed
from weft.access.reading.wire import Form
from weft.api.access.querying import GrantedDoor
from weft.api.cursors import cursor_of, place_of
from weft.errors import UsageError, error

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.platform import Platform
    from weft.api.wires.assistant_wants import Query

WIRE = "mcp"
"""How the audit calls reads of assistants."""

_FARTHEST = 10_000
"""Rows of one answer that pages go through: what is behind them is for a program."""

_PAGE_BYTES = 40_000
"""Of the rows of a page, so that an answer fits into what an assistant can think about."""

_CELL = 1_000
"""Characters of a cell."""

_TAKEN_BYTES = 16 * 2**20
"""Of an answer that is taken from the process that makes it."""

Ask = Callable[[str, int, Mapping[str, str] | None, str | None], Mapping[str, Any]]
"""An answer as `weft query --format json` prints it: of a text, so many rows, at these snapshots, for a purpose."""


def rows(want: Query, ask: Ask) -> dict[str, Any]:
    """A page of the rows.

    A cursor holds a place and the snapshots that the first page was of, and opens nothing: each page is asked for with
    the rights that the caller has then.

    Raises:
        UsageError: WFT-SRV-006 the cursor is none of this query, WFT-SRV-072 there are too many rows to go through.
        WeftError: what the door says.
    """
    of = hashlib.sha256(repr((want.sql, want.purpose)).encode()).hexdigest()
    place = place_of(f"{WIRE} query {of}", want.cursor, int, str)
    begin, at = (int(place[0]), _snapshots(place[1])) if place else (0, None)
    if begin >= _FARTHEST:
        raise _too_much(f"an answer is shown up to its row {_FARTHEST:,}")
    end = min(begin + want.limit, _FARTHEST)
    found = ask(want.sql, end, at, want.purpose)
    page, shortened = _fitting(found["rows"][begin:])
    more = found["truncated"] or begin + len(page) < len(found["rows"])
    held = msgspec.json.encode(dict(sorted(found["snapshot"].items()))).decode()
    notes = list(found["notes"])
    if shortened:
        notes.append(f"{shortened} cells were cut to {_CELL:,} characters")
    return {
        "columns": found["columns"],
        "rows": page,
        "first_row": begin + 1,
        "complete": begin == 0 and not more,
        "snapshots": found["snapshot"],
        "masked": found.get("masked", {}),
        "filtered": found.get("filtered", []),
        "notes": notes,
        "warnings": [d["what"] for d in found["diagnostics"]],
        "next": cursor_of(f"{WIRE} query {of}", [begin + len(page), held]) if more and page else None,
    }


def granted(platform: Platform, caller: Caller, gone: Callable[[], bool]) -> Ask:
    """Answers of what was granted to somebody, made in a process apart, until they are `gone`."""
    witness = platform.rooms.witness(WIRE)

    def begin(question: Question) -> Streamed:
        door = GrantedDoor(platform, caller, witness).waited_for(gone)
        return platform.querying.streamed(caller, door, question)

    return taken(begin)


def taken(begin: Callable[[Question], Streamed]) -> Ask:
    """Answers that are taken as a whole from the process that makes them, up to a bound."""

    def ask(sql: str, limit: int, at: Mapping[str, str] | None, purpose: str | None) -> Mapping[str, Any]:
        streamed = begin(Question(sql, Form.JSON, limit, dict(at) if at is not None else None, purpose=purpose))
        try:
            held = bytearray()
            for part in streamed:
                held += part
                if len(held) > _TAKEN_BYTES:
                    raise _too_much(f"its first {limit:,} rows take more than {_TAKEN_BYTES >> 20} MB")
        finally:
            streamed.close()
        answer: Mapping[str, Any] = msgspec.json.decode(bytes(held))
        return answer

    return ask


def owned(platform: Platform, stopped: Callable[[], int]) -> Ask:
    """Answers of whoever is at the keyboard of a mesh of their own, made in a process apart, so that they can be ended.

    Args:
        stopped: how often what runs was to be stopped: an answer ends when that moves.
    """
    rooms = platform.rooms
    door = rooms.door.witnessed_by(rooms.witness(WIRE))

    def begin(question: Question) -> Streamed:
        before = stopped()
        return door.waited_for(lambda: stopped() != before).stream(rooms.principal(), question)

    return taken(begin)


def _snapshots(text: str) -> Mapping[str, str] | None:
    """The snapshots that a cursor holds; anybody can make one, and it names no more than versions of ports."""
    try:
        return msgspec.json.decode(text, type=dict[str, str]) or None
    except msgspec.DecodeError:
        raise UsageError(
            error("WFT-SRV-006", "this cursor belongs to no page of this query", fix="take `next` as it is")
        ) from None


def _fitting(found: Sequence[Sequence[Any]]) -> tuple[list[list[Any]], int]:
    """As many rows as fit into a page, at least one, and how many of their cells were cut."""
    page: list[list[Any]] = []
    size, shortened = 0, 0
    for row in found:
        cells = [_cut(cell) for cell in row]
        size += len(msgspec.json.encode([cell for cell, _ in cells]))
        if page and size > _PAGE_BYTES:
            break
        page.append([cell for cell, _ in cells])
        shortened += sum(cut for _, cut in cells)
    return page, shortened


def _cut(cell: Any) -> tuple[Any, bool]:
    if isinstance(cell, str):
        return (f"{cell[:_CELL]}…", True) if len(cell) > _CELL else (cell, False)
    if isinstance(cell, list | dict):
        text = msgspec.json.encode(cell).decode()
        return (f"{text[:_CELL]}…", True) if len(text) > _CELL else (cell, False)
    return cell, False


def _too_much(why: str) -> UsageError:
    return UsageError(
        error(
            "WFT-SRV-072",
            "the answer is too large to be read by an assistant",
            why=why,
            fix="count, group or filter in SQL, or name fewer columns; `POST /api/v1/query` gives programs all rows",
        )
    )
