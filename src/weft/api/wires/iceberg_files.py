"""The files of Iceberg tables as an S3 client reads them: names of our own, keys that are asked about in each request.

No name leads to a path: a name says which file of which data version, by its number, and nothing else has one.
"""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from weft.access.opened import Readable
from weft.access.permissions import Action, Caller, may
from weft.access.principals import Principal
from weft.access.vended_keys import LASTS, Held, SignedRequest, Vending, no_longer
from weft.api.wires.data import DataDoor, whose_view
from weft.errors import UsageError, error
from weft.model.address import Address
from weft.model.publication import Publication
from weft.registry.meters import READ, Meter
from weft.storage.base import ShowsTables
from weft.storage.signing import Keys

if TYPE_CHECKING:
    from weft.api.platform import Platform
    from weft.storage.object_store import Part
    from weft.storage.shown import Shown

BUCKET = "iceberg-files"
"""The bucket that clients see; it is one path of the server."""

_NAME = re.compile(
    r"(?P<domain>[a-z][a-z0-9_]{0,62})/(?P<product>[a-z][a-z0-9_]{0,62})/(?P<port>[a-z][a-z0-9_]{0,62})/"
    r"(?P<major>[0-9]{1,9})/(?P<snapshot>[0-9]{1,19})/"
    r"(?:data/(?P<number>[0-9]{1,9})\.parquet|metadata/(?P<file>[a-z0-9.-]{1,60}))"
)
_KEPT = 64
"""Tables whose metadata is kept as it is shown: one is made again from the catalog in a few ms."""
_METERED = 10_000


class File(Struct, frozen=True):
    """A file as it is answered.

    Attributes:
        content: of a file of metadata; None: it is a file of data.
        path: where it lies here; None: it lies in an object store, where it has `size_bytes`.
        part: begins to fetch it from there, or the part that a `Range` names.
    """

    tag: str
    content: bytes | None = None
    path: Path | None = None
    size_bytes: int = 0
    part: Callable[[str], Part] | None = None


class ByKeys(Struct, frozen=True):
    """Who has signed a request, with what keys, and what they may read with them."""

    caller: Caller
    held: Held
    one: Readable


class IcebergFiles:
    """The files of one server's tables."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        self._vending = Vending(platform.data.signer)
        self._shown: OrderedDict[tuple[str, str], Shown | None] = OrderedDict()
        self._metered: OrderedDict[str, None] = OrderedDict()
        self._guard = threading.Lock()

    @property
    def _tables(self) -> ShowsTables:
        return cast(ShowsTables, self._rooms.storage)  # a server has its tables itself, and they are Iceberg's

    def shown(self, published: Publication) -> Shown | None:
        """A data version as others read it; None where its files hold more than it shows."""
        key = str(published.address), published.snapshot_id
        with self._guard:
            if key in self._shown:
                self._shown.move_to_end(key)
                return self._shown[key]
        found = self._tables.shown(published, location_of(published.address))
        with self._guard:
            self._shown[key] = found
            if len(self._shown) > _KEPT:
                self._shown.popitem(last=False)
        return found

    def outline(self, published: Publication) -> Mapping[str, Any] | None:
        """A data version without its rows."""
        return self._tables.outline(published, location_of(published.address))

    def metadata_location(self, published: Publication) -> str:
        """Where the metadata of a data version lies for a client."""
        from weft.storage.shown import METADATA_FILE

        return f"{location_of(published.address)}/{published.snapshot_id}/metadata/{METADATA_FILE}"

    def vended(
        self, reader: Principal, one: Readable, caller: Caller, bearer: str, purpose: str | None
    ) -> tuple[Keys, datetime]:
        """Keys for the files of what somebody has been opened, and when they end."""
        ends_at = self._rooms.now() + LASTS
        ends_at = min(ends_at, caller.until) if caller.until is not None else ends_at
        published = one.publication
        held = Held(bearer, str(published.address), published.snapshot_id, purpose, whose_view(reader, one), ends_at)
        return self._vending.vended(held), ends_at

    def opened(self, asked: SignedRequest) -> ByKeys:
        """Who has signed a request, and what they may read now with the keys that they have signed it with.

        Raises:
            AccessDenied: WFT-SRV-091 the keys open nothing, WFT-SRV-092 they are over.
        """
        held = self._vending.held(asked, self._rooms.now())
        try:
            caller = self._platform.identity.of_bearer(held.bearer)
            if caller is None or not may(caller, Action.QUERY):
                raise no_longer()
            door = DataDoor(self._platform, caller)
            (one,) = door.found(held.port, held.snapshot, held.purpose).ports.values()
        except UsageError:
            raise no_longer() from None
        if not one.as_files or whose_view(door.reader, one) != held.view:
            raise no_longer()
        return ByKeys(caller, held, one)

    def file(self, by: ByKeys, name: str) -> File:
        """A file, by its name in the bucket.

        Raises:
            UsageError: WFT-SRV-093, there is no such file for these keys.
        """
        found, one = _NAME.fullmatch(name), by.one
        published = one.publication
        shown = self.shown(published)
        if found is None or shown is None or not _is_of(found, published):
            raise _no_file()
        if found["file"] is not None:
            content = shown.files.get(found["file"])
            if content is None:
                raise _no_file()
            return File(self._tag(name), content)
        number = int(found["number"])
        if number >= len(one.paths) or str(number) != found["number"]:
            raise _no_file()
        self._meter(by, number)
        listed, path = published.manifest.files[number], Path(one.paths[number])
        objects = self._rooms.objects
        if objects is None:
            return File(self._tag(name), path=path)
        if path.exists():  # a query has brought it here
            self._tables.bring([listed])
            return File(self._tag(name), path=path)
        fetched = partial(objects.part, str(path))
        return File(self._tag(name), size_bytes=listed.size_bytes, part=fetched)

    def _tag(self, name: str) -> str:
        return f'"{self._platform.data.signer.sign("iceberg file", name)}"'

    def _meter(self, by: ByKeys, number: int) -> None:
        """Counts a file once for the keys that it is read with, however many parts of it are asked for."""
        held, published = by.held, by.one.publication
        key = self._platform.data.signer.sign("iceberg meter", held.bearer, held.view, held.ends_at, number)
        with self._guard:
            if key in self._metered:
                return
            self._metered[key] = None
            if len(self._metered) > _METERED:
                self._metered.popitem(last=False)
        self._platform.meters.add(
            Meter(
                self._rooms.now(),
                "bytes_served",
                published.manifest.files[number].size_bytes,
                str(published.address.of_product),
                by.caller.name,
                held.purpose or READ,
                held.port,
                None,
                held.snapshot,
                key,
            )
        )


def location_of(address: Address) -> str:
    """Where a table lies for a client."""
    return f"s3://{BUCKET}/{address.domain}/{address.product}/{address.port}/{address.major}"


def _is_of(found: re.Match[str], published: Publication) -> bool:
    address = published.address
    named = (found["domain"], found["product"], found["port"], found["major"], found["snapshot"])
    return named == (address.domain, address.product, address.port, str(address.major), published.snapshot_id)


def _no_file() -> UsageError:
    return UsageError(error("WFT-SRV-093", "there is no such file for these keys", fix="load the table again"))
