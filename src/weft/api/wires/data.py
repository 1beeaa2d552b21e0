"""The data API: pages of one port, through the governed read, with the rights of whoever asks."""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from weft.access.opened import Opened, Readable
from weft.access.permissions import Caller
from weft.access.principals import Principal
from weft.access.reading.asking import Question, Streamed, told_of
from weft.access.reading.kept import ResultCache, may_be_kept
from weft.access.reading.wire import Form, Told
from weft.access.relation import shown_columns
from weft.access.signing import Signer
from weft.access.versions import At
from weft.api.access.querying import GrantedDoor
from weft.api.wires.data_pages import (
    HIDDEN,
    LASTS_S,
    Place,
    Planned,
    Seen,
    Wanted,
    cursor_of,
    no_cursor,
    planned,
    require_held,
    unread,
    until,
)
from weft.config import duration
from weft.errors import AccessDenied, UsageError, error
from weft.model.address import parse_address
from weft.model.odcs import published_contract
from weft.model.publication import PortState
from weft.registry.signing_keys import SigningKeys
from weft.registry.sql import SqlRegistry

if TYPE_CHECKING:
    from weft.api.platform import Platform

MOST_BYTES = 64 * 2**20
"""Bytes of a page: it is held as a whole."""

_PLANS = 512


class Page(Struct, frozen=True):
    """A page as it is answered.

    Attributes:
        body: None: what the caller has is still so.
        next: the cursor of the page behind it; None behind the last one.
    """

    tag: str
    told: Told
    body: bytes | None = None
    next: str | None = None


class DataDoor(GrantedDoor):
    """The door for one page. What it has opened once is what the rows are read from."""

    def __init__(self, platform: Platform, caller: Caller) -> None:
        super().__init__(platform, caller)
        self._witness = platform.data.witness
        self._bring, self._present = self._present, None
        self._held: Opened | None = None

    def found(self, address: str, at: At, purpose: str | None) -> Opened:
        """Decides, and knows what is there; nothing of the data is touched.

        Raises:
            UsageError: WFT-SRV-064, there is no such port for them.
        """
        self._held = None
        try:
            opened = super().opened(self.reader, [address], at, purpose)
        except (AccessDenied, UsageError) as e:
            if e.diagnostics[0].code in ("WFT-ACC-001", "WFT-ACC-002"):
                raise no_port(address) from None
            raise
        ((port, one),) = opened.ports.items()
        pinned = (port.domain, port.product, f"{port.port}@{port.major}")
        self._held = replace(opened, relations={pinned: one.relation})
        return self._held

    def opened(self, principal: Principal, names: Sequence[str], at: At = None, purpose: str | None = None) -> Opened:
        """What was found, with its files where they are read."""
        assert self._held is not None, "a page is found before it is read"
        if self._bring is not None:
            for one in self._held.ports.values():
                self._bring(one.publication, principal, False)
        return self._held


class Pages:
    """Makes pages. Knows nothing of a platform: what it needs is given to it.

    Args:
        seen: how a port is seen by whom it was opened for.
    """

    def __init__(
        self,
        signer: Signer,
        cache: ResultCache,
        now: Callable[[], float],
        seen: Callable[[Readable], Seen],
    ) -> None:
        self._signer, self._cache, self._now, self._seen = signer, cache, now, seen
        self._plans: OrderedDict[tuple[object, ...], Planned] = OrderedDict()
        self._lock = threading.Lock()

    def page(self, door: Any, reader: Principal, address: str, wanted: Wanted, has: Sequence[str] = ()) -> Page:
        """A page of a port.

        Args:
            door: one with `found`, `stream` and `witnessed`.
            has: entity tags of what the caller has.

        Raises:
            UsageError: WFT-SRV-060 to 064 and 067, or what the door says.
            AccessDenied: WFT-ACC-007, the port's end of life has passed.
            TransientError: WFT-ACC-041, too many queries run.
        """
        given = unread(wanted.cursor) if wanted.cursor is not None else None
        try:
            opened = door.found(address, given[0].snapshot if given else wanted.at, wanted.purpose)
        except UsageError as e:
            if given is not None and e.diagnostics[0].code != "WFT-SRV-064":
                raise no_cursor() from None
            raise
        (readable,) = opened.ports.values()
        whose = whose_view(reader, readable)
        plan = self._plan(whose, readable, wanted)
        place = given[0] if given is not None else None
        if given is not None:
            require_held(self._signer, whose, plan, self._now(), given)
        asked = (whose, plan.asked, plan.limit, place, wanted.form.value, wanted.packed)
        once = () if readable.live is None else (secrets.token_hex(8),)  # rows of a database may be others each time
        tag = f'"{self._signer.sign("tag", *asked, *once)}"'
        told = told_of(opened)
        if "*" in has or tag in has:
            return Page(tag, told)
        keeps = may_be_kept(opened)
        known: tuple[Page, int] | None = self._cache.get(tag) if keeps else None
        if known is not None:
            over = door.witnessed(reader, opened, plan.sql(place))
            over("done", known[1], len(known[0].body or b""))
            return replace(known[0], told=told)
        page, rows = self._made(door, reader, readable, plan, place, wanted, whose, Page(tag, told))
        if keeps:
            self._cache.put(tag, (page, rows), len(page.body or b""))
        return page

    def _plan(self, whose: str, readable: Readable, wanted: Wanted) -> Planned:
        """What a page asks for; the same as long as the view is the same, so the last ones are remembered."""
        key = (whose, readable.publication.revision, replace(wanted, cursor=None, form=Form.JSON, packed=""))
        with self._lock:
            known = self._plans.get(key)
            if known is not None:
                self._plans.move_to_end(key)
                return known
        found = planned(wanted, self._seen(readable))
        with self._lock:
            self._plans[key] = found
            if len(self._plans) > _PLANS:
                self._plans.popitem(last=False)
        return found

    def _made(
        self,
        door: Any,
        reader: Principal,
        readable: Readable,
        plan: Planned,
        place: Place | None,
        wanted: Wanted,
        whose: str,
        empty: Page,
    ) -> tuple[Page, int]:
        snapshot = readable.publication.snapshot_id

        def ask(sql: str, form: Form, packed: str = "") -> tuple[bytes, int]:
            question = Question(sql, form, at=snapshot, encoding=packed, purpose=wanted.purpose, kept=False)
            return whole(door.stream(reader, question))

        def behind(values: list[str | None] | None, offset: int) -> str:
            made = Place(snapshot, until(self._now()), values, offset)
            return cursor_of(self._signer, whose, plan.asked, made)

        begun = place.offset if place is not None else 0
        if wanted.form is not Form.JSON:
            body, count = ask(plan.sql(place), wanted.form, wanted.packed)
            following = None
            if count == plan.limit and plan.keyed:
                lines = _lines(ask(plan.last_sql(place), Form.NDJSON)[0])
                following = behind(_values(lines[0]), 0) if len(lines) == 2 else None
            elif count == plan.limit:
                following = behind(None, begun + plan.limit)
            return replace(empty, body=body, next=following), count
        body, _ = ask(plan.sql(place, more=1, hidden=True), Form.NDJSON)
        rows = _lines(body)
        following = None
        if len(rows) > plan.limit:
            del rows[plan.limit :]
            following = behind(_values(rows[-1]), 0) if plan.keyed else behind(None, begun + plan.limit)
        for row in rows:
            for name in [name for name in row if name.startswith(HIDDEN)]:
                del row[name]
        address = str(readable.publication.address)
        written = msgspec.json.encode(
            {
                "address": address,
                "snapshot": snapshot,
                "rows": rows,
                "next": following,
                "masked": empty.told.masked.get(address, {}),
                "filtered": bool(empty.told.filtered),
                "diagnostics": [d.as_json() for d in empty.told.diagnostics],
            }
        )
        return replace(empty, body=written, next=following), len(rows)


class DataApi:
    """The data API of one server."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        rooms = platform.rooms
        self.witness = rooms.witness("data")
        registry = rooms.production
        assert isinstance(registry, SqlRegistry), "a server keeps its registry itself"
        holds = max(duration(rooms.settings.query.link_time), timedelta(seconds=LASTS_S))
        own = rooms.settings.state / "server" / "signing.key"
        self.signer = Signer(SigningKeys(registry.database, rooms.now, holds, own))
        self.cache = rooms.readers.cache
        self._pages = Pages(self.signer, self.cache, lambda: rooms.now().timestamp(), self.seen)

    def page(self, caller: Caller, address: str, wanted: Wanted, has: Sequence[str] = ()) -> Page:
        """A page of a port, as somebody sees it; see `Pages.page`."""
        door = DataDoor(self._platform, caller)
        return self._pages.page(door, door.reader, str(parse_address(address)), wanted, has)

    def described(self, caller: Caller, address: str) -> tuple[PortState, Seen, Readable]:
        """A port and how somebody sees it.

        Raises:
            UsageError: WFT-SRV-064, there is no such port for them.
        """
        opened = DataDoor(self._platform, caller).found(str(parse_address(address)), None, None)
        (readable,) = opened.ports.values()
        return self._state(readable), self.seen(readable), readable

    def seen(self, readable: Readable) -> Seen:
        """How a port is seen by whom it was opened for."""
        return seen_of(self._state(readable), readable)

    def _state(self, readable: Readable) -> PortState:
        found = self._platform.rooms.production.port(readable.publication.address)
        assert found is not None, "it was opened"
        return found


def seen_of(state: PortState, readable: Readable) -> Seen:
    """How a port is seen: its columns, and its key where that holds for what is seen."""
    publication, decision = readable.publication, readable.decision
    shown = shown_columns(decision, state.columns, publication.manifest.columns)
    columns = {column.name: column.type for column, _ in shown}
    clear = {column.name for column, now in shown if now not in decision.masks}
    address = publication.address
    name = (address.domain, address.product, f"{address.port}@{address.major}")
    checks = publication.checks
    if checks.passed != checks.total or publication.override is not None:
        return Seen(name, columns)  # what the contract promises is not known to hold
    contract = published_contract(replace(state, contract=publication.contract))
    if not contract.objects:
        return Seen(name, columns)
    filled = frozenset(p.name for p in contract.table.properties if p.required and p.name in clear)
    key = tuple(contract.table.key)
    # a table of a database may have nulls by now, whatever it had when its contract was checked
    return Seen(name, columns, key if filled.issuperset(key) else (), filled if readable.live is None else frozenset())


def whose_view(reader: Principal, readable: Readable) -> str:
    """What stands for a reader and all that a decision shows them of a data version: moves when any of it does."""
    told = (
        reader.kind.value,
        reader.written,
        str(readable.publication.address),
        readable.publication.snapshot_id,
        readable.decision.version,
        _wherever(readable),
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _wherever(readable: Readable) -> str:
    """The relation without the folder in which this server has the files: another one may have them elsewhere."""
    files = readable.publication.manifest.files
    folder = readable.paths[0].removesuffix(files[0].path) if files and readable.paths else ""
    return readable.relation.replace(f"'{folder.replace(chr(39), chr(39) * 2)}", "'") if folder else readable.relation


def whole(streamed: Streamed) -> tuple[bytes, int]:
    """All bytes of an answer and how many rows they are.

    Raises:
        UsageError: WFT-SRV-067, they are too many.
    """
    held = bytearray()
    try:
        for part in streamed:
            held += part
            if len(held) > MOST_BYTES:
                raise _too_large()
    finally:
        streamed.close()
    ended = streamed.ended
    assert ended is not None, "all of it was taken"
    if ended.cut is not None:
        raise _too_large()
    return bytes(held), ended.rows


def no_port(address: str) -> UsageError:
    """What is said of a port that is not there, or not for whoever asks."""
    return UsageError(
        error(
            "WFT-SRV-064",
            f"there is no port `{address}` that you may read",
            fix=f'`weft search` finds ports; `weft access request {address} --purpose "…"` asks for this one',
        )
    )


def _too_large() -> UsageError:
    return UsageError(
        error(
            "WFT-SRV-067",
            f"the page has more than {MOST_BYTES:,} bytes",
            fix="ask for fewer rows or columns; /api/v1/query streams",
        )
    )


def _lines(body: bytes) -> list[dict[str, Any]]:
    """Rows of NDJSON; values stay as they are written."""
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    return [dict(row) for row in decoder.decode_lines(body)]


def _values(row: Mapping[str, Any]) -> list[str | None]:
    """The texts of the ordering columns of a row."""
    hidden = [name for name in row if name.startswith(HIDDEN)]
    return [msgspec.json.decode(row[name], type=str | None) for name in hidden]
