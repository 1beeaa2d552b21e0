"""The mesh as a catalog of Iceberg tables, for reading: what there is for a caller, and the tables they see whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from weft.access import as_files
from weft.access.opened import Readable
from weft.access.permissions import Caller
from weft.access.read_restrictions import read_restrictions
from weft.access.witness import Over, untold
from weft.api.wires.data import DataDoor, no_port, whose_view
from weft.api.wires.iceberg_files import IcebergFiles, location_of
from weft.api.wires.iceberg_lent import LentTable, LentTables
from weft.errors import UsageError, error
from weft.model.address import Address, is_slug, parse_address
from weft.model.publication import PortState
from weft.storage.signing import Keys

if TYPE_CHECKING:
    from weft.api.platform import Platform

WIRE = "iceberg"
OF_STORE = "iceberg-store"
"""How it is written down where keys of the store are given: nothing takes them back before they end."""

Namespace = tuple[str, ...]
"""A domain, or a domain and one of its products."""

_TAG_S = 300
"""How long an entity tag stays the same: whoever is told that what they have is still so has keys for ten minutes."""


class Loaded(Struct, frozen=True):
    """A table as it is handed out.

    Attributes:
        metadata: Iceberg's metadata of it; None: what the caller has is still so.
        below: what the keys are for.
        keys: for its files.
        store: where the store is for which the keys are, in the words of Iceberg's clients; None: it is the server.
        restrictions: what a reader would have to do with its columns; there are no keys and no files then.
    """

    tag: str
    below: str
    metadata: Any = None
    metadata_location: str | None = None
    keys: Keys | None = None
    keys_end_ms: int = 0
    store: Mapping[str, str] | None = None
    restrictions: dict[str, Any] | None = None


class IcebergCatalog:
    """The catalog of one server. Decisions are the door's."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._rooms = platform.rooms
        self._witness = platform.rooms.witness(WIRE)
        self._of_store_witness = platform.rooms.witness(OF_STORE)
        self.files = IcebergFiles(platform)
        self._lent = LentTables(platform)

    def namespaces(self, caller: Caller, parent: Namespace = ()) -> list[Namespace]:
        """The namespaces right below another one in which there is a table for the caller.

        Raises:
            UsageError: WFT-SRV-090, there is no such namespace for them.
        """
        found: dict[Namespace, None] = {}
        depth = len(parent) + 1
        for address, _ in self._readable(caller, parent, lambda a: _of(a)[:depth] in found):
            found[_of(address)[:depth]] = None
        if parent and not found:
            raise _no_namespace(parent)
        return list(found) if depth <= 2 else []

    def namespace(self, caller: Caller, namespace: Namespace) -> None:
        """Finds a namespace.

        Raises:
            UsageError: WFT-SRV-090, there is no such namespace for them.
        """
        if next(self._readable(caller, namespace), None) is None:
            raise _no_namespace(namespace)

    def tables(self, caller: Caller, namespace: Namespace) -> list[str]:
        """The tables of a namespace that the caller may read in some way: `port`, or `port@major` of another major.

        Raises:
            UsageError: WFT-SRV-090, there is no such namespace for them.
        """
        found = list(self._readable(caller, namespace))
        if not found:
            raise _no_namespace(namespace)
        names = (a.port if state.default else f"{a.port}@{a.major}" for a, state in found)
        return sorted(names) if len(namespace) == 2 else []

    def exists(self, caller: Caller, namespace: Namespace, name: str, purpose: str | None = None) -> None:
        """Finds a table.

        Raises:
            UsageError: WFT-SRV-064, there is no such table for them.
            AccessDenied: WFT-ACC-007 and others.
        """
        self._found(caller, namespace, name, purpose)

    def load(
        self,
        caller: Caller,
        bearer: str,
        namespace: Namespace,
        name: str,
        *,
        purpose: str | None = None,
        has: Sequence[str] = (),
        restricted: bool = False,
        at: str | None = None,
    ) -> Loaded:
        """A table with one snapshot, and keys for its files. That they are given is written down first.

        Args:
            bearer: the token that the caller has come with; the keys hold as long as it does.
            has: entity tags of what the caller has.
            restricted: whether the caller takes a table without files, with what is masked of it.
            at: the snapshot that the caller goes on reading; None: the current one.

        Raises:
            UsageError: WFT-SRV-064, there is no such table for them.
            AccessDenied: WFT-ACC-037 its files are not handed out to them, WFT-ACC-007 and others.
        """
        door, one = self._found(caller, namespace, name, purpose, at)
        if one.live is not None:
            raise as_files.has_none(one.publication.address)
        now = self._rooms.now()
        view = whose_view(door.reader, one)
        lent = self._lent.table(one.publication, caller) if one.as_files else None
        of_tag = (view, restricted, lent is not None, int(now.timestamp()) // _TAG_S)
        tag = f'"{self._platform.data.signer.sign("iceberg tag", *of_tag)}"'
        location = location_of(one.publication.address)
        if lent is not None:
            return (
                Loaded(tag, lent.below) if "*" in has or tag in has else self._of_store(tag, lent, door, one, purpose)
            )
        shown = self.files.shown(one.publication) if one.as_files else None
        if shown is None:
            announced = self._announced(one) if restricted else None
            if announced is None:
                raise as_files.holds_hidden(one.publication.address, door.reader.name)
            metadata, restrictions = announced
            return Loaded(tag, location, metadata, restrictions=restrictions)
        if "*" in has or tag in has:
            return Loaded(tag, location)
        keys, ends_at = self._vended(door, one, caller, bearer, purpose)
        path = self.files.metadata_location(one.publication)
        return Loaded(tag, location, shown.metadata, path, keys, int(ends_at.timestamp() * 1000))

    def _vended(self, door: DataDoor, one: Readable, caller: Caller, bearer: str, purpose: str | None) -> Any:
        if self._witness is not None:
            over = self._witness.begun(door.reader, {one.publication.address: one}, None, purpose)
            over("done", one.publication.rows, one.publication.manifest.size_bytes)
        return self.files.vended(door.reader, one, caller, bearer, purpose)

    def _of_store(self, tag: str, lent: LentTable, door: DataDoor, one: Readable, purpose: str | None) -> Loaded:
        """A table whose files are fetched from the store, with keys of the store."""
        over: Over = untold
        if self._of_store_witness is not None:
            over = self._of_store_witness.begun(door.reader, {one.publication.address: one}, None, purpose)
        try:
            keys = self._lent.keys(lent, door.reader.name)
        except BaseException:
            over("failed", 0, 0)
            raise
        over("done", one.publication.rows, one.publication.manifest.size_bytes)
        ends_ms = int(keys.ends_at.timestamp() * 1000)
        return Loaded(tag, lent.below, lent.shown.metadata, lent.metadata_location, keys.keys, ends_ms, lent.store)

    def _announced(self, one: Readable) -> tuple[Any, dict[str, Any]] | None:
        state = self._rooms.production.port(one.publication.address)
        assert state is not None, "it was opened"
        found = read_restrictions(one.decision, state.columns, one.publication.manifest.columns)
        metadata = self.files.outline(one.publication) if found is not None else None
        return (metadata, found) if metadata is not None and found is not None else None

    def _found(
        self, caller: Caller, namespace: Namespace, name: str, purpose: str | None, at: str | None = None
    ) -> tuple[DataDoor, Readable]:
        if len(namespace) != 2:
            raise no_port(".".join((*namespace, name))[:200])
        try:
            address = parse_address(f"{'.'.join(namespace)}.{name}")
        except UsageError:
            raise no_port(".".join((*namespace, name))[:200]) from None
        door = DataDoor(self._platform, caller)
        (one,) = door.found(str(address), at, purpose).ports.values()
        return door, one

    def _readable(
        self, caller: Caller, below: Namespace, known: Any = lambda address: False
    ) -> Iterator[tuple[Address, PortState]]:
        """The ports of a namespace that the caller may read in some way.

        Args:
            known: ports of which it need not be known.
        """
        if not all(is_slug(part) for part in below):
            return
        door = DataDoor(self._platform, caller)
        for address, state in sorted(self._rooms.production.ports().items()):
            if _of(address)[: len(below)] != below or state.retired or known(address):
                continue
            if door.opens(address):
                yield address, state


def _of(address: Address) -> Namespace:
    return address.domain, address.product


def _no_namespace(namespace: Namespace) -> UsageError:
    return UsageError(
        error(
            "WFT-SRV-090",
            f"there is no namespace `{'.'.join(namespace)[:200]}` in which you may read a table",
            why="namespaces are domains, and products below them",
            fix="`weft search` finds ports, `weft access request` asks for one",
        )
    )
