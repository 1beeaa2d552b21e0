"""Iceberg tables whose files clients fetch from the store of the warehouse itself, with keys that the store lends.

The keys are bounded by a session policy that names the files of one data version, and end within a quarter of an hour.
Where that cannot be said (no such store, more files than a policy has room for, a token that ends sooner) files pass
the server.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from msgspec import Struct

from weft.access.permissions import Caller
from weft.model.publication import Publication
from weft.storage.base import ShowsTables

if TYPE_CHECKING:
    from weft.api.platform import Platform
    from weft.storage.lending import Lent
    from weft.storage.object_files import ObjectFiles
    from weft.storage.shown import Shown

_KEPT = 64
_AGAIN = timedelta(minutes=15)
"""How long metadata that was written into the store is taken to lie there: a sweep takes what is old."""


class LentTable(Struct, frozen=True):
    """A data version as it lies in the store.

    Attributes:
        below: where all of it lies.
        policy: what a session may read.
        store: how clients reach the store, in the words of Iceberg's S3 clients.
    """

    below: str
    shown: Shown
    metadata_location: str
    policy: str
    store: Mapping[str, str]


class LentTables:
    """The tables of one server, for whoever fetches their files from the store."""

    def __init__(self, platform: Platform) -> None:
        self._rooms = platform.rooms
        self._tables: OrderedDict[tuple[str, str], tuple[datetime, LentTable | None]] = OrderedDict()
        self._guard = threading.Lock()
        self._proven = False

    def table(self, published: Publication, caller: Caller) -> LentTable | None:
        """A data version in the store; None where its files pass the server.

        Raises:
            PlatformError, TransientError: as the store says, to which its metadata is written.
        """
        objects = self._rooms.objects
        if objects is None:
            return None
        from weft.storage.lending import LASTS, lends

        ends_soon = caller.until is not None and caller.until - self._rooms.now() < LASTS
        if ends_soon or not lends(objects.store.connection):
            return None
        key, now = (str(published.address), published.snapshot_id), datetime.now(UTC)
        with self._guard:
            at, found = self._tables.get(key, (None, None))
        if at is None or now - at >= _AGAIN:
            found = self._written(objects, published)
            with self._guard:
                self._tables[key] = now, found
                self._tables.move_to_end(key)
                if len(self._tables) > _KEPT:
                    self._tables.popitem(last=False)
        return found

    def keys(self, table: LentTable, reader: str) -> Lent:
        """Keys of the store for a data version.

        Raises:
            PlatformError: WFT-SRV-100 the store lends none, WFT-SRV-101 they would open too much.
            TransientError: WFT-STO-016, it does not answer.
        """
        from weft.storage import lending

        objects = self._rooms.objects
        assert objects is not None, "a table of it was found"
        store = objects.store
        lent = lending.lent(store.connection, table.policy, reader, datetime.now(UTC))
        if not self._proven:
            lending.open_nothing_else(store.connection, store.bucket, lent.keys, objects.claim_key)
            self._proven = True
        return lent

    def _written(self, objects: ObjectFiles, published: Publication) -> LentTable | None:
        """Writes how a data version is shown into the store, where a policy has room for it."""
        from weft.storage.object_files import SHOWN
        from weft.storage.shown import METADATA_FILE

        address = published.address
        name = f"{SHOWN}/{address.domain}/{address.product}/{address.port}@{address.major}"
        below = f"{name}/{published.snapshot_id}/metadata"
        policy = self._policy(objects, [f.path for f in published.manifest.files], below)
        if policy is None:
            return None
        places = [objects.location(file.path) for file in published.manifest.files]
        shown = cast(ShowsTables, self._rooms.storage).shown(published, objects.location(name), places)
        if shown is None:
            return None
        objects.show({f"{below}/{file}": content for file, content in shown.files.items()})
        at = objects.location(f"{below}/{METADATA_FILE}")
        return LentTable(objects.home, shown, at, policy, _reached(objects))

    def _policy(self, objects: ObjectFiles, places: Sequence[str], below: str) -> str | None:
        """What allows to read files and what lies below a folder; whole folders of runs where they hold no other."""
        from weft.storage.lending import reading

        connection, bucket = objects.store.connection, objects.store.bucket
        metadata, keys = objects.key(below), [objects.key(place) for place in places]
        exact = reading(connection, bucket, keys, [metadata])
        if exact is not None:
            return exact
        folders = sorted({place.rpartition("/")[0] for place in places})
        named = [objects.key(folder) for folder in folders]
        shorter = reading(connection, bucket, [], [metadata, *named])
        if shorter is None or not all(objects.alone(folder, places) for folder in folders):
            return None
        return shorter


def _reached(objects: ObjectFiles) -> dict[str, str]:
    from weft.storage.object_store import endpoint_of, region_of

    connection = objects.store.connection
    region = {"s3.region": region_of(connection)}
    if not connection.options.get("endpoint"):
        return region  # Amazon's own: clients know where it is
    return {**region, "s3.endpoint": endpoint_of(connection), "s3.path-style-access": "true"}
