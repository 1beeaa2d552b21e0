"""Where links are kept: in a folder of the server, or in the store of the warehouse, where every server finds them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import Struct

from weft.access.permissions import Caller

if TYPE_CHECKING:
    from weft.storage.object_files import ObjectFiles

_PLACE = ".links"
"""The folder of a warehouse: no table's name begins so."""

_LEFT = timedelta(days=1)
"""A file that belongs to no link is given up after this long: whoever was writing it has died."""


class HeldLink(Struct, frozen=True):
    """A link as it is kept.

    Attributes:
        maker: how whoever made it is known, with what their rights hang on.
        view: what they saw when it was made; see `whose_view`.
        file: where the file lies that was written for it; None: `number` is that of a file of the snapshot.
        user: whether its maker is a user that the server keeps: then it holds only while they are one.
    """

    link_id: str
    maker: Caller
    port: str
    snapshot: str
    purpose: str | None
    view: str
    made_at: datetime
    ends_at: datetime
    size_bytes: int
    number: int = 0
    file: str | None = None
    user: bool = False


class Standing(Struct, frozen=True):
    """What of a link is known without reading it.

    Attributes:
        maker: a digest of whoever made it; see `digest_of`.
        written_bytes: of the file that was written for it; 0: there is none.
    """

    link_id: str
    maker: str
    ends_at: datetime
    written_bytes: int = 0


class Shelf(Protocol):
    """Keeps links, and the files that are written for them."""

    def put(self, held: HeldLink) -> None:
        """Keeps a link."""
        ...

    def get(self, link_id: str) -> HeldLink | None:
        """A link; None where there is none."""
        ...

    def drop(self, link_id: str) -> None:
        """Forgets a link, with the file that was written for it."""
        ...

    def all(self) -> Iterator[Standing]:
        """All links."""
        ...

    def take(self, link_id: str, part: Path) -> str:
        """Takes a file that was written for a link; says where it lies."""
        ...


def digest_of(maker: str) -> str:
    """What stands for a maker in the name of a link."""
    return hashlib.sha256(maker.encode()).hexdigest()[:16]


class FolderShelf:
    """A folder of this server, which no other one has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, held: HeldLink) -> None:
        """Keeps a link: whole or not at all, and for nobody else on this machine."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = self._folder / f"{held.link_id}.part"
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(msgspec.json.encode(held))
        part.rename(self._folder / f"{held.link_id}.json")

    def get(self, link_id: str) -> HeldLink | None:
        """A link."""
        try:
            return msgspec.json.decode((self._folder / f"{link_id}.json").read_bytes(), type=HeldLink)
        except FileNotFoundError:
            return None

    def drop(self, link_id: str) -> None:
        """Forgets a link."""
        held = self.get(link_id)
        (self._folder / f"{link_id}.json").unlink(missing_ok=True)
        if held is not None and held.file is not None:
            Path(held.file).unlink(missing_ok=True)

    def all(self) -> Iterator[Standing]:
        """All links."""
        for file in self._folder.glob("*.json"):
            with suppress(FileNotFoundError):  # somebody else has removed it
                held = msgspec.json.decode(file.read_bytes(), type=HeldLink)
                written = held.size_bytes if held.file is not None else 0
                yield Standing(held.link_id, digest_of(held.maker.name), held.ends_at, written)

    def take(self, link_id: str, part: Path) -> str:
        """Takes a file, which lies in this folder already."""
        path = self._folder / f"{link_id}.parquet"
        part.rename(path)
        return str(path)


class StoreShelf:
    """The store of the warehouse. Names say what a sweep has to know, so that it reads no link."""

    def __init__(self, objects: ObjectFiles) -> None:
        self._objects = objects
        self._store = objects.store

    def put(self, held: HeldLink) -> None:
        """Keeps a link."""
        written = held.size_bytes if held.file is not None else 0
        ends = int(held.ends_at.timestamp() * 1000)
        name = f"{held.link_id}.{digest_of(held.maker.name)}.{ends}.{written}.json"
        self._store.put(self._key(name), msgspec.json.encode(held))

    def get(self, link_id: str) -> HeldLink | None:
        """A link."""
        for one in self._store.listed(self._key(f"{link_id}.")):
            if one.key.endswith(".json"):
                with suppress(FileNotFoundError):
                    return msgspec.json.decode(self._store.get(one.key), type=HeldLink)
        return None

    def drop(self, link_id: str) -> None:
        """Forgets a link."""
        for one in list(self._store.listed(self._key(f"{link_id}."))):
            self._store.delete(one.key)

    def all(self) -> Iterator[Standing]:
        """All links; files that were left behind by one that was never made go."""
        files, known = [], set()
        for one in list(self._store.listed(self._key(""))):
            parts = one.key.removeprefix(self._key("")).split(".")
            if len(parts) == 5 and parts[4] == "json":
                known.add(parts[0])
                ends_at = datetime.fromtimestamp(int(parts[2]) / 1000, UTC)
                yield Standing(parts[0], parts[1], ends_at, int(parts[3]))
            elif one.at < datetime.now(UTC) - _LEFT:
                files.append((parts[0], one.key))
        for link_id, key in files:
            if link_id not in known:
                self._store.delete(key)

    def take(self, link_id: str, part: Path) -> str:
        """Takes a file: it is uploaded, and goes from here."""
        key = self._key(f"{link_id}.parquet")
        self._store.upload(part, key)
        part.unlink(missing_ok=True)
        return key

    def _key(self, name: str) -> str:
        return self._objects.key(f"{_PLACE}/{name}")
