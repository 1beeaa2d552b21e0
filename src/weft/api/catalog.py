"""The catalog as a server shows it to somebody: drafts are for their domain, and lists come page by page."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from msgspec import Raw, Struct
from msgspec.json import decode
from msgspec.structs import replace

from weft.access.permissions import Caller
from weft.api.cursors import cursor_of, place_of
from weft.catalog.candidates import Synonyms
from weft.catalog.history import history
from weft.catalog.lineage import lineage, node_name
from weft.catalog.listing import Asked, Drafts, lines, listed, standings, teams
from weft.catalog.live import LiveIndex
from weft.catalog.looks import Within
from weft.catalog.pages import domain_summary, page
from weft.catalog.search import found_in
from weft.errors import UsageError, did_you_mean, error
from weft.model.address import Address, ProductAddress, is_slug
from weft.model.lifecycle import open_to
from weft.model.publication import PortState
from weft.model.records import ProductRecord
from weft.registry.base import RegistryReader

_NEAR = 500
"""Names of a domain that one which is not there is compared with."""


class Filters(Struct, frozen=True, omit_defaults=True):
    """Which entries a list is to have."""

    domain: str | None = None
    product: str | None = None
    status: str | None = None
    owner: str | None = None
    tag: str | None = None
    words: str = ""


class Catalog:
    """What there is, for whoever asks."""

    def __init__(
        self,
        reader: RegistryReader,
        index: LiveIndex,
        now: Callable[[], datetime],
        incidents: Callable[[str], list[dict[str, Any]]],
        synonyms: Callable[[], Synonyms],
    ) -> None:
        self._synonyms = synonyms
        self.index = index
        self._reader = reader
        self._now = now
        self._incidents = incidents

    def hidden(self, caller: Caller) -> Drafts:
        """The drafts that are not for somebody."""
        return Drafts(self.index.drafts(), frozenset(caller.domains))

    def listed(self, caller: Caller, kind: str, filters: Filters, limit: int, cursor: str | None) -> dict[str, Any]:
        """A page of the domains, products or ports, in the order of their addresses.

        Raises:
            UsageError: WFT-SRV-006, the cursor is none of this list.
        """
        of = f"{kind} {filters}"
        place = place_of(of, cursor, str)
        asked = Asked(
            kind=kind,
            own=caller.domains.keys(),
            domain=filters.domain,
            product=filters.product,
            status=filters.status,
            owner=filters.owner,
            tag=filters.tag,
            words=filters.words,
            after=str(place[0]) if place else "",
            limit=limit,
        )
        with self.index.reading() as connection:
            lines, last = listed(connection, asked)
        return {
            "items": [Raw(line.encode()) for line in lines],
            "next": None if last is None else cursor_of(of, [last]),
        }

    def teams(self, words: str, limit: int, cursor: str | None) -> dict[str, Any]:
        """A page of the teams that answer for domains, by name.

        Raises:
            UsageError: WFT-SRV-006, the cursor is none of this list.
        """
        of = f"teams {words}"
        place = place_of(of, cursor, str)
        with self.index.reading() as connection:
            found = teams(connection, words, str(place[0]) if place else "", limit + 1)
        shown = found[:limit]
        return {
            "items": [{"name": name, "owns": owns} for name, owns in shown],
            "next": cursor_of(of, [shown[-1][0]]) if len(found) > limit else None,
        }

    def after(self, caller: Caller, kind: str, address: str, limit: int) -> tuple[list[dict[str, Any]], str | None]:
        """The entries of a kind that follow an address, and the address behind which more come (None: no more)."""
        asked = Asked(kind=kind, own=caller.domains.keys(), after=address, limit=limit)
        with self.index.reading() as connection:
            lines, last = listed(connection, asked)
        return [decode(line) for line in lines], last

    def lines(self, caller: Caller, addresses: Collection[str]) -> dict[str, dict[str, Any]]:
        """What lists say of domains, products and ports, by address; drafts of others have no line."""
        with self.index.reading() as connection:
            return {a: decode(line) for a, line in lines(connection, addresses, caller.domains.keys()).items()}

    def standings(self, addresses: Collection[str]) -> dict[str, tuple[str, str]]:
        """The classification and the freshness of products and ports, by address."""
        with self.index.reading() as connection:
            return standings(connection, addresses, self._now().isoformat())

    def domain(self, name: str) -> dict[str, Any]:
        """A domain.

        Raises:
            UsageError: WFT-CAT-001, there is none of that name.
        """
        record = self._reader.domain(name)
        if record is None:
            raise _absent(name, self._reader.domains())
        return {**domain_summary(record).as_json(), "incidents": self._incidents(name)}

    def product(self, caller: Caller, address: ProductAddress) -> dict[str, Any]:
        """A product with its ports.

        Raises:
            UsageError: WFT-CAT-001, there is none at that address, or it is a draft of somebody else's.
        """
        self.require(caller, address)
        found = page(self._reader, str(address), self._now()).as_json()
        found["incidents"] = self._incidents(str(address))
        found["ports"] = [p for p in found["ports"] if _open(p["status"], address.domain, caller)]
        return _without(found, ("reads", "consumers"), ("deprecated_reads",), self.hidden(caller))

    def require(self, caller: Caller, address: ProductAddress) -> ProductRecord:
        """A product that somebody may know of.

        Raises:
            UsageError: WFT-CAT-001, there is none at that address, or it is a draft of somebody else's.
        """
        record = self._reader.product(address)
        if record is None or not _open(record.status, address.domain, caller):
            raise self._absent(caller, str(address), "product", address.domain)
        return record

    def port(self, caller: Caller, address: Address) -> dict[str, Any]:
        """A port; without major its default one.

        Raises:
            UsageError: WFT-CAT-001, there is none at that address, or it is a draft of somebody else's.
        """
        state = self.state(caller, address)
        found = page(self._reader, str(state.address), self._now()).as_json()
        found["incidents"] = self._incidents(str(state.address))
        return _without(found, ("upstream", "downstream"), ("majors",), self.hidden(caller))

    def history(self, caller: Caller, address: Address, limit: int, cursor: str | None) -> dict[str, Any]:
        """A page of the publications of a port, newest first.

        Raises:
            UsageError: WFT-CAT-001 as for `port`, WFT-SRV-006 for a cursor that is none of this list.
        """
        pinned = self.state(caller, address).address
        of = f"history {pinned}"
        place = place_of(of, cursor, int)
        before = int(place[0]) if place else None
        found = history(self._reader, pinned, before=before, limit=limit + 1).as_json()["snapshots"]
        last = cursor_of(of, [found[limit - 1]["revision"]]) if len(found) > limit else None
        return {"address": str(pinned), "items": found[:limit], "next": last}

    def contract(self, caller: Caller, address: Address, version: str | None) -> dict[str, Any]:
        """The contract of a port as it was published: the current one, or the newest of a version.

        Raises:
            UsageError: WFT-CAT-001 as for `port`, or nothing was ever published with that version.
        """
        state = self.state(caller, address)
        if version is None or state.version == version:
            publication = self._reader.publication(state.address)
            return dict(publication.contract if publication is not None else state.contract)
        before, seen = None, dict[str, None]()
        while some := self._reader.history(state.address, before=before, limit=20):
            for one in some:
                if one.version == version:
                    return dict(one.contract)
                seen[one.version] = None
            before = some[-1].revision
        what = f"`{state.address}` was never published with version {version} of its contract"
        raise UsageError(error("WFT-CAT-001", what, fix=did_you_mean(version, list(seen))))

    def search(self, caller: Caller, words: str, within: Within, limit: int) -> dict[str, Any]:
        """What the words mean, best first.

        Raises:
            UsageError: WFT-CAT-001, there is no such domain.
        """
        if within.domain is not None and self._reader.domain(within.domain) is None:
            raise _absent(within.domain, self._reader.domains())
        within = replace(within, now=self._now().isoformat(), own=caller.domains.keys())
        with self.index.reading() as connection:
            return found_in(connection, words, within, limit=limit, synonyms=self._synonyms()).as_json()

    def lineage(self, caller: Caller, node: str, *, up: bool, down: bool, depth: int) -> dict[str, Any]:
        """What a port or column is made from and what is made from it.

        Raises:
            UsageError: WFT-CAT-001, there is no such node.
        """
        hidden = self.hidden(caller)
        name = node_name(node)
        known = name is not None and not (name.private and name.table.partition(".")[0] not in caller.domains)
        if name is not None and known:
            domain, product, table = name.table.split(".")
            port, _, major = table.partition("@")
            if is_slug(port) and (not major or (major.isdecimal() and len(major) < 10)):
                state = self._reader.port(Address(domain, product, port, int(major) if major else None))
                known = state is None or (_open(state.status, domain, caller) and not hidden.hide(str(state.address)))
                known = known and (state is not None or bool(self._reader.nodes_of(name.table)))
            else:
                known = bool(self._reader.nodes_of(name.table))
        if not known:
            raise UsageError(error("WFT-CAT-001", f"there is no `{node}` in the lineage of this mesh"))
        view = lineage(self._reader, node, up=up, down=down, depth=depth)

        def shown(identity: str) -> bool:
            found = node_name(identity)
            return found is None or not hidden.hide(found.table)

        edges = tuple(e for e in view.edges if shown(e.source) and shown(e.target))
        nodes = tuple(n for n in view.nodes if shown(n.id))
        return replace(view, nodes=nodes, edges=edges).as_json()

    def state(self, caller: Caller, address: Address) -> PortState:
        """How a port stands that somebody may know of; without major its default one.

        Raises:
            UsageError: WFT-CAT-001, there is none at that address, or it is a draft of somebody else's.
        """
        state = self._reader.port(address)
        if state is None or not _open(state.status, address.domain, caller):
            raise self._absent(caller, str(address), "port", address.domain)
        return state

    def _absent(self, caller: Caller, text: str, kind: str, domain: str) -> UsageError:
        asked = Asked(kind=kind, own=caller.domains.keys(), domain=domain, limit=_NEAR)
        with self.index.reading() as connection:
            lines, _ = listed(connection, asked)
        names = [line.partition('"address": "')[2].partition('"')[0] for line in lines]
        return _absent(text, [name if "@" in text else name.partition("@")[0] for name in names])


def _open(status: str, domain: str, caller: Caller) -> bool:
    """Whether something of a status is for somebody."""
    return any(open_to(status, Address(domain, "", ""), own) for own in ("", *caller.domains))


def _without(found: dict[str, Any], named: Sequence[str], lines: Sequence[str], hidden: Drafts) -> dict[str, Any]:
    """A page without what it says of drafts that are hidden."""
    for key in named:
        found[key] = [name for name in found[key] if not hidden.hide(name)]
    for key in lines:
        found[key] = [line for line in found[key] if not hidden.hide(line["address"])]
    return found


def _absent(text: str, names: Sequence[str] | Any) -> UsageError:
    fix = did_you_mean(text, list(names), otherwise="`/api/v1/search` finds domains, products, ports and columns")
    return UsageError(error("WFT-CAT-001", f"nothing in the catalog has the address `{text}`", fix=fix))
