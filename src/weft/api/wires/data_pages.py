"""A page of the data API as one SELECT: its columns, its filter, its order, and where it begins. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from weft.access.reading.wire import Form
from weft.access.signing import Signer
from weft.errors import UsageError, error
from weft.sql.conditions import column_named, condition
from weft.sql.literals import Kind, kind_of
from weft.sql.quoting import dotted, ident, literal

HIDDEN = "~order "
"""What names of columns begin with that a page has for its cursor alone."""

MOST_ROWS = 10_000
LASTS_S = 24 * 3600
"""How long a cursor holds."""
_MOST_CURSOR = 20_000


class Wanted(Struct, frozen=True):
    """A page as it is asked for.

    Attributes:
        select: names with commas between; empty: all columns.
        order: names with commas between, `-` before one that falls.
    """

    select: str = ""
    where: str = ""
    order: str = ""
    limit: int = 100
    cursor: str | None = None
    at: str | None = None
    purpose: str | None = None
    form: Form = Form.JSON
    packed: str = ""


class Seen(Struct, frozen=True):
    """A port as its reader sees it.

    Attributes:
        name: domain, product and port of the table in SQL.
        columns: DuckDB's types by name, of what they see and no more.
        key: columns of which no two rows have the same values; empty where none are known, or one is masked.
        filled: columns that are never null.
    """

    name: tuple[str, str, str]
    columns: Mapping[str, str]
    key: tuple[str, ...] = ()
    filled: frozenset[str] = frozenset()


class Place(Struct, frozen=True, array_like=True):
    """Where a page begins: behind a row with these values (as texts) of the ordering columns, or after so many rows."""

    snapshot: str
    until: int
    values: list[str | None] | None = None
    offset: int = 0


class Planned(Struct, frozen=True):
    """A page that is understood.

    Attributes:
        asked: what it is a page of, the same for all pages of one list.
        ordering: columns of its order and whether each falls; empty: the order of the files.
        keyed: whether the next page begins behind values; else after a number of rows.
    """

    table: str
    asked: str
    names: tuple[str, ...]
    where: str
    ordering: tuple[tuple[str, bool], ...]
    keyed: bool
    limit: int
    seen: Seen

    def sql(self, place: Place | None, *, more: int = 0, hidden: bool = False) -> str:
        """The SELECT of the page from a place on, with so many rows more, and the ordering columns as texts."""
        shown = [ident(name) for name in self.names]
        if hidden:
            shown += [f"CAST({ident(name)} AS VARCHAR) AS {ident(HIDDEN + str(i))}" for i, name in self._ordered()]
        return self._select(shown, place, self.limit + more, place.offset if place else 0)

    def last_sql(self, place: Place | None) -> str:
        """The SELECT of the ordering columns of the page's last row and of the row behind it."""
        shown = [f"CAST({ident(name)} AS VARCHAR) AS {ident(HIDDEN + str(i))}" for i, name in self._ordered()]
        return self._select(shown, place, 2, self.limit - 1)

    def _ordered(self) -> list[tuple[int, str]]:
        return [(i, name) for i, (name, _) in enumerate(self.ordering)] if self.keyed else []

    def _select(self, shown: Sequence[str], place: Place | None, limit: int, offset: int) -> str:
        conditions = [self.where] if self.where else []
        if place is not None and place.values is not None:
            conditions.append(_behind(self.ordering, place.values, self.seen))
        by = ", ".join(f"{ident(name)} {'DESC' if falls else 'ASC'} NULLS LAST" for name, falls in self.ordering)
        ends = (f" ORDER BY {by}" if by else "") + f" LIMIT {limit}" + (f" OFFSET {offset}" if offset else "")
        if self.keyed and self.ordering[0][0] in self.seen.filled:
            # where the page ends is found in its ordering columns alone: the others are read of few rows
            name, falls = self.ordering[0]
            inner = f"SELECT {ident(name)} FROM {self.table}{_where(conditions)}{ends}"
            last = f"SELECT {'min' if falls else 'max'}({ident(name)}) FROM ({inner}) AS ordered"
            conditions = [*conditions, f"({ident(name)} {'>=' if falls else '<='} ({last}))"]
        return f"SELECT {', '.join(shown)} FROM {self.table}{_where(conditions)}{ends}"


def planned(wanted: Wanted, seen: Seen) -> Planned:
    """What a page asks for.

    Raises:
        UsageError: WFT-SRV-060 to 062, what it names or says is not there or does not fit.
    """
    columns = seen.columns
    names = [column_named(name, columns) for name in _listed(wanted.select)] or list(columns)
    where = condition(wanted.where, columns) if wanted.where.strip() else ""
    ordering: dict[str, bool] = {}
    for entry in _listed(wanted.order):
        name = column_named(entry.removeprefix("-"), columns)
        ordering.setdefault(name, entry.startswith("-"))
    asked = msgspec.json.encode([dotted(seen.name), names, where, list(ordering.items()), wanted.at, wanted.purpose])
    keyed = bool(seen.key) and all(_has_place(columns[name]) for name in (*ordering, *seen.key))
    if keyed:
        ordering = {**ordering, **{name: False for name in seen.key if name not in ordering}}
    elif ordering:
        # rows that are the same in all that is seen are the same to whoever pages, in whatever order they come
        ordering = {**ordering, **{name: False for name in columns if name not in ordering}}
    return Planned(
        dotted(seen.name),
        asked.decode(),
        tuple(dict.fromkeys(names)),
        where,
        tuple(ordering.items()),
        keyed,
        wanted.limit,
        seen,
    )


def cursor_of(signer: Signer, whose: str, asked: str, place: Place) -> str:
    """The cursor of a place.

    Args:
        whose: who asks, and how they see the port: a cursor of others, or of other rights, is refused.
    """
    body = msgspec.json.encode(place)
    signature = signer.sign("cursor", whose, asked, body)
    return base64.urlsafe_b64encode(bytes.fromhex(signature) + body).decode().rstrip("=")


def unread(cursor: str) -> tuple[Place, str, bytes]:
    """The place that a cursor claims, its signature and what is signed; nothing of it is believed yet.

    Raises:
        UsageError: WFT-SRV-063, it is no cursor.
    """
    try:
        if len(cursor) > _MOST_CURSOR:
            raise ValueError("no cursor of ours is so long")
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        place = msgspec.json.decode(raw[16:], type=Place)
        if not (place.snapshot.isascii() and place.snapshot.isdigit() and len(place.snapshot) <= 40):
            raise ValueError("no data version")
        return place, raw[:16].hex(), raw[16:]
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        raise no_cursor() from None


def require_held(signer: Signer, whose: str, planned: Planned, now: float, cursor: tuple[Place, str, bytes]) -> None:
    """Refuses a cursor that was made up, is somebody else's or another list's, or is over.

    Raises:
        UsageError: WFT-SRV-063.
    """
    place, signature, body = cursor
    if not signer.holds(signature, "cursor", whose, planned.asked, body) or now > place.until:
        raise no_cursor()
    if (place.values is not None) != planned.keyed or len(place.values or ()) != len(planned.ordering) * planned.keyed:
        raise no_cursor()


def no_cursor() -> UsageError:
    """What is said to a cursor that does not hold."""
    return UsageError(
        error(
            "WFT-SRV-063",
            "this cursor does not hold",
            why="a cursor is `next` of the page before, for a day, for the same reader, question and rights",
            fix="take `next` as it is, or begin without a cursor",
        )
    )


def until(now: float) -> int:
    """Until when a cursor holds that is made now, in seconds since 1970."""
    return int(now) + LASTS_S


def _listed(text: str) -> list[str]:
    """Names with commas between; one with a comma stands in double quotes."""
    found: list[str] = []
    at, part, quoted = 0, "", False
    while at < len(text):
        sign = text[at]
        if sign == '"':
            if quoted and text[at + 1 : at + 2] == '"':
                part, at = part + '"', at + 1
            else:
                quoted = not quoted
        elif sign == "," and not quoted:
            found.append(part)
            part = ""
        else:
            part += sign
        at += 1
    found.append(part)
    return [name.strip() for name in found] if text.strip() else []


def _has_place(type_: str) -> bool:
    """Whether a value as text says exactly where a row stands."""
    return kind_of(type_) is not None and type_ not in ("FLOAT", "DOUBLE")


def _behind(ordering: Sequence[tuple[str, bool]], values: Sequence[str | None], seen: Seen) -> str:
    """The condition of the rows behind one: nulls stand last, whether a column falls or not."""
    found: list[str] = []
    same: list[str] = []
    for (name, falls), value in zip(ordering, values, strict=True):
        column = ident(name)
        if value is None:
            same.append(f"{column} IS NULL")
            continue
        bound = _bound(value, seen.columns[name])
        found.append(" AND ".join([*same, _from(name, "<" if falls else ">", bound, seen)]))
        same.append(f"{column} = {bound}")
    if not found:
        return "(FALSE)"
    whole = found[0] if len(found) == 1 else f"({' OR '.join(f'({one})' for one in found)})"
    if values[0] is None or len(ordering) == 1:
        return whole
    # the first column bounds them all: alone it is what a scan can skip files and row groups by
    name, falls = ordering[0]
    return f"{_from(name, '<=' if falls else '>=', _bound(values[0], seen.columns[name]), seen)} AND {whole}"


def _where(conditions: Sequence[str]) -> str:
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _from(name: str, sign: str, bound: str, seen: Seen) -> str:
    compared = f"{ident(name)} {sign} {bound}"
    return f"({compared})" if name in seen.filled else f"({compared} OR {ident(name)} IS NULL)"


def _bound(value: str, type_: str) -> str:
    return literal(value) if kind_of(type_) is Kind.TEXT else f"CAST({literal(value)} AS {type_})"
