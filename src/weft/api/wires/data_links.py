"""Links to files: for a while, signed, revocable; of a port's own files where its maker sees all of them, else of a
file that the governed read has written.

Whoever has a link fetches the file without a token. What its maker may read is decided anew each time: a link ends with
the right that it was made with.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.access.opened import Readable
from weft.access.permissions import Action, Caller, may
from weft.access.principals import Principal
from weft.access.reading.asking import Question
from weft.access.reading.wire import Form
from weft.api.publishing import addressing
from weft.api.wires.data import DataApi, DataDoor, whose_view
from weft.api.wires.link_shelves import FolderShelf, HeldLink, Shelf, StoreShelf, digest_of
from weft.config import duration, size_bytes
from weft.errors import UsageError, WeftError, error
from weft.model.address import Address, parse_address
from weft.sql.quoting import dotted

if TYPE_CHECKING:
    from weft.api.platform import Platform

_TOKEN = re.compile(r"([0-9a-f]{24})\.([0-9a-f]{32})")


class Links:
    """The links of a mesh. Where the warehouse lies in a store they lie there too, for every server that shares it."""

    def __init__(self, platform: Platform, data: DataApi) -> None:
        self._platform, self._data = platform, data
        self._rooms = platform.rooms
        self._folder = platform.rooms.settings.state / "server" / "links"
        objects = platform.rooms.objects
        self._shelf: Shelf = FolderShelf(self._folder) if objects is None else StoreShelf(objects)
        self._witness = platform.rooms.witness("link")

    def make(
        self, caller: Caller, address: str, lasts: str, at: str | None = None, purpose: str | None = None
    ) -> list[dict[str, Any]]:
        """Links to the files of a port, one for each file.

        Raises:
            UsageError: WFT-SRV-064 there is no such port for them, WFT-SRV-066 the link cannot be made.
        """
        self._sweep()
        ends_at = self._end(caller, lasts)
        door = DataDoor(self._platform, caller)
        opened = door.found(str(parse_address(address)), at, purpose)
        (one,) = opened.ports.values()
        if one.live is not None:
            raise _lives(one.publication.address)
        if one.as_files:
            files = one.publication.manifest.files
            wanted: Sequence[tuple[str, int, str | None, int]] = [
                (secrets.token_hex(12), i, None, f.size_bytes) for i, f in enumerate(files)
            ]
        else:
            link_id = secrets.token_hex(12)
            wanted = [(link_id, 0, *self._written(link_id, door, one, purpose, self._room(caller)))]
        made = []
        for link_id, number, file, size in wanted:
            held = HeldLink(
                link_id,
                caller,
                str(one.publication.address),
                one.publication.snapshot_id,
                purpose,
                whose_view(door.reader, one),
                self._rooms.now(),
                ends_at,
                size,
                number,
                file,
                self._platform.identity.users.user(caller.name) is not None,
            )
            self._shelf.put(held)
            made.append(self._shown(held))
        return made

    def file(self, token: str, method: str = "GET") -> tuple[Path, str | None]:
        """The file of a link, and where it can be fetched instead where it lies in an object store.

        Args:
            method: `HEAD`: nothing of it is read, so no read is written down.

        Raises:
            UsageError: WFT-SRV-065, there is no such link, or it is over.
        """
        held = self._held(token)
        if not may(held.maker, Action.QUERY):
            raise _no_link()
        one, reader = self._still(held)
        if self._witness is not None and method != "HEAD":
            self._witness.begun(reader, {one.publication.address: one}, None, held.purpose)(
                "done", one.publication.rows, held.size_bytes
            )
        path = Path(held.file if held.file is not None else one.paths[held.number])
        objects, now = self._rooms.objects, self._rooms.now()
        if objects is None:
            return path, None
        until = min(now + addressing.LASTS, held.ends_at)
        if held.file is not None:
            return path, addressing.object_address(objects, held.file, now, until, method)
        return path, addressing.object_address(objects, objects.key_of(str(path)), now, until, method)

    def revoke(self, caller: Caller, token: str) -> None:
        """Ends a link of the caller, with the file that was written for it.

        Raises:
            UsageError: WFT-SRV-065, there is no such link of theirs.
        """
        held = self._held(token)
        if held.maker.name != caller.name:
            raise _no_link()
        self._shelf.drop(held.link_id)

    def _still(self, held: HeldLink) -> tuple[Readable, Principal]:
        """What its maker sees now, where that is what they saw when it was made.

        Raises:
            UsageError: WFT-SRV-065, it is not.
        """
        maker = self._now_known(held)
        door = DataDoor(self._platform, maker)
        try:
            opened = door.found(held.port, held.snapshot, held.purpose)
        except WeftError:
            raise _no_link() from None
        (one,) = opened.ports.values()
        if whose_view(door.reader, one) != held.view or (held.file is None and not one.as_files):
            raise _no_link()
        return one, door.reader

    def _now_known(self, held: HeldLink) -> Caller:
        """The maker of a link with the roles that they have now.

        Raises:
            UsageError: WFT-SRV-065, nobody is known by that name any more.
        """
        found = self._platform.identity.as_known(held.maker, user=held.user)
        if found is None:
            raise _no_link()
        return found

    def _room(self, caller: Caller) -> int:
        """Bytes that may still be written for somebody."""
        mine = digest_of(caller.name)
        held = sum(one.written_bytes for one in self._shelf.all() if one.maker == mine)
        return max(size_bytes(self._rooms.settings.query.link_size) - held, 0)

    def _written(self, link_id: str, door: DataDoor, one: Readable, purpose: str | None, most: int) -> tuple[str, int]:
        """Writes what somebody sees of a port into a file, whole or not at all; where it lies, and its size."""
        address = one.publication.address
        table = dotted((address.domain, address.product, f"{address.port}@{address.major}"))
        question = Question(
            f"SELECT * FROM {table}", Form.PARQUET, at=one.publication.snapshot_id, purpose=purpose, kept=False
        )
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._folder / f"{link_id}.parquet.part"
        streamed = door.stream(door.reader, question)
        try:
            written = streamed.into(part, most)
            if written is None:
                raise _too_large(most)
            return self._shelf.take(link_id, part), written[0]
        finally:
            streamed.close()
            part.unlink(missing_ok=True)

    def _end(self, caller: Caller, lasts: str) -> datetime:
        try:
            asked = duration(lasts)
        except ValueError:
            raise UsageError(
                error("WFT-SRV-066", f"`{lasts[:40]}` is no time that a link may last", fix="write it like 1h or 30m")
            ) from None
        most = duration(self._rooms.settings.query.link_time)
        if not timedelta(0) < asked <= most:
            what = f"a link lasts {self._rooms.settings.query.link_time} at most"
            raise UsageError(error("WFT-SRV-066", what, fix="make another one when it is over"))
        ends_at = self._rooms.now() + asked
        return min(ends_at, caller.until) if caller.until is not None else ends_at

    def _shown(self, held: HeldLink) -> dict[str, Any]:
        token = f"{held.link_id}.{self._signature(held)}"
        return {
            "url": f"/api/v1/links/{token}",
            "port": held.port,
            "snapshot": held.snapshot,
            "size_bytes": held.size_bytes,
            "materialised": held.file is not None,
            "ends_at": held.ends_at.isoformat(),
        }

    def _signature(self, held: HeldLink) -> str:
        return self._data.signer.sign("link", held.link_id, held.maker.name, held.port, held.ends_at.isoformat())

    def _held(self, token: str) -> HeldLink:
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise _no_link()
        held = self._shelf.get(match[1])
        if held is None:
            raise _no_link()
        signed = (held.link_id, held.maker.name, held.port, held.ends_at.isoformat())
        if not self._data.signer.holds(match[2], "link", *signed) or self._rooms.now() >= held.ends_at:
            raise _no_link()
        return held

    def _sweep(self) -> None:
        """Removes what is over."""
        now = self._rooms.now()
        for one in list(self._shelf.all()):
            if now >= one.ends_at:
                self._shelf.drop(one.link_id)


def _lives(address: Address) -> UsageError:
    return UsageError(
        error(
            "WFT-SRV-066",
            f"`{address}` lives in a database, so that there is no file of it to link to",
            why="a file would show for days what the table held for a moment",
            fix="read it by SQL: `weft query`, POST /api/v1/query or Arrow Flight SQL",
        )
    )


def _no_link() -> UsageError:
    return UsageError(error("WFT-SRV-065", "there is no such link, or it is over", fix="make another one"))


def _too_large(most: int) -> UsageError:
    return UsageError(
        error(
            "WFT-SRV-066",
            f"there is room for {most:,} bytes, and what you see of the port is more",
            why="some of it is hidden from you, so it would have to be written into a file of its own",
            fix="read pages, or the answer of a query with fewer columns or rows",
        )
    )
