"""Feeds: the catalog for other catalogs, maps of pages for crawlers, what changes for readers of news."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape, quoteattr

import msgspec

from weft.access.permissions import Caller
from weft.api.catalog import Filters
from weft.catalog import linked

if TYPE_CHECKING:
    from weft.api.platform import Platform

_PAGE = 1000
_OF_SITEMAP = 10_000
"""Addresses of one map; a map may have 50,000 (sitemaps.org)."""
_MOST_RUNS = 200
_NEWEST = 100
KINDS = ("domain", "product", "port")
_NO_XML = {number: None for number in range(32) if number not in (9, 10, 13)} | dict.fromkeys((0xFFFE, 0xFFFF))
"""Characters that XML 1.0 cannot hold."""


class Feeds:
    """The feeds of a platform, each for somebody: with what they may know of, and nothing else.

    Args:
        base: the address of the server, without a slash at its end.
    """

    def __init__(self, platform: Platform, caller: Caller, base: str) -> None:
        self._platform = platform
        self._caller = caller
        self._base = base

    def catalog(self) -> Iterator[bytes]:
        """All of the catalog as JSON-LD, product by product as it is read."""
        yield self._head()
        cursor: str | None = None
        while True:
            nodes, cursor = self.products(_PAGE, cursor)
            for node in nodes:
                yield b",\n" + msgspec.json.encode(node)
            if cursor is None:
                yield b"]}\n"
                return

    def page(self, limit: int, cursor: str | None) -> tuple[bytes, str | None]:
        """Some products of the catalog as JSON-LD, and the cursor of the next ones.

        Raises:
            UsageError: WFT-SRV-006, the cursor is none of this list.
        """
        nodes, following = self.products(limit, cursor)
        return self._head() + b"".join(b",\n" + msgspec.json.encode(node) for node in nodes) + b"]}\n", following

    def products(self, limit: int, cursor: str | None) -> tuple[list[linked.Node], str | None]:
        """The nodes of some products and their ports, and the cursor of the next ones.

        Raises:
            UsageError: WFT-SRV-006, the cursor is none of this list.
        """
        lines, following = self._lines("product", limit, cursor)
        ports: dict[str, list[dict[str, Any]]] = {line["address"]: [] for line in lines}
        for line in self._ports_between(lines):
            ports.get(line["product"], []).append(line)
        nodes: list[linked.Node] = []
        for line in lines:
            own = ports[line["address"]]
            nodes.append(linked.product_node(self._base, line, own))
            for port in own:
                nodes += linked.port_nodes(self._base, port, line.get("purpose"))
        return nodes, following

    def sitemaps(self) -> Iterator[bytes]:
        """The list of maps: one for each ten thousand pages of a kind."""
        yield b'<?xml version="1.0" encoding="UTF-8"?>\n<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        for kind in KINDS:
            cursor: str | None = None
            while True:
                at = f"{self._base}/feeds/sitemap/{kind}" + (f"?cursor={cursor}" if cursor else "")
                yield f"<sitemap><loc>{_text(at)}</loc></sitemap>\n".encode()
                _, cursor = self._lines(kind, _OF_SITEMAP, cursor)
                if cursor is None:
                    break
        yield b"</sitemapindex>\n"

    def sitemap(self, kind: str, cursor: str | None) -> bytes:
        """A map of pages of one kind.

        Raises:
            UsageError: WFT-SRV-006, the cursor is none of this list.
        """
        page = {"domain": linked.domain_page, "product": linked.product_page, "port": linked.port_page}[kind]
        lines, _ = self._lines(kind, _OF_SITEMAP, cursor)
        entries = []
        for line in lines:
            changed = f"<lastmod>{_text(line['published_at'])}</lastmod>" if line.get("published_at") else ""
            entries.append(f"<url><loc>{_text(page(self._base, line['address']))}</loc>{changed}</url>\n")
        head = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n'
        return f"{head}{''.join(entries)}</urlset>\n".encode()

    def changes(self, domain: str | None) -> bytes:
        """What was published and retired last, the newest first, as Atom (RFC 4287).

        Args:
            domain: only what is of this domain.
        """
        mesh = self._platform.rooms.settings.mesh.name
        here = f"{self._base}/feeds/changes.atom" + (f"?domain={domain}" if domain else "")
        found = list(self._changed(domain))
        newest = found[0]["at"] if found else datetime.fromtimestamp(0, UTC).isoformat()
        entries = "".join(self._entry(one) for one in found)
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">\n'
            f"<id>{_text(here)}</id><title>{_text(f'Changes of {domain or mesh}')}</title>"
            f"<updated>{_text(newest)}</updated><author><name>{_text(mesh)}</name></author>"
            f'<link rel="self" type="application/atom+xml" href={_attribute(here)}/>\n{entries}</feed>\n'
        ).encode()

    def _changed(self, domain: str | None) -> Iterator[dict[str, Any]]:
        count = 0
        for run in self._platform.records.runs(self._caller, None, _MOST_RUNS, None)["items"]:
            for port in run["ports"]:
                of_domain = domain is None or port["address"].startswith(f"{domain}.")
                if port["outcome"] not in ("published", "retired") or not of_domain:
                    continue
                at = run["finished_at"] or run["started_at"]
                yield {"run": run["run_id"], "by": run["actor"], "at": at, **port}
                count += 1
                if count == _NEWEST:
                    return

    def _entry(self, one: dict[str, Any]) -> str:
        address, page = one["address"], linked.port_page(self._base, one["address"])
        rows = f", {one['rows']:,} rows" if one["rows"] is not None else ""
        title = f"{address} was {one['outcome']}"
        name = f"urn:weft:{one['run']}:{address}"
        return (
            f"<entry><id>{_text(name)}</id><title>{_text(title)}</title>"
            f"<updated>{_text(one['at'])}</updated><link href={_attribute(page)}/>"
            f"<author><name>{_text(one['by'])}</name></author>"
            f"<summary>{_text(title)} by run {_text(one['run'])}{rows}.</summary></entry>\n"
        )

    def _head(self) -> bytes:
        mesh = self._platform.rooms.settings.mesh.name
        context, catalog = msgspec.json.encode(linked.CONTEXT), linked.catalog_node(self._base, mesh)
        return b'{"@context": ' + context + b', "@graph": [\n' + msgspec.json.encode(catalog)

    def _lines(self, kind: str, limit: int, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        found = self._platform.catalog.listed(self._caller, kind, Filters(), limit, cursor)
        return [msgspec.json.decode(bytes(item)) for item in found["items"]], found["next"]

    def _ports_between(self, products: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The ports of some products that follow one another: in the order of addresses they do too."""
        if not products:
            return
        last, after = products[-1]["address"], products[0]["address"]
        while True:
            lines, following = self._platform.catalog.after(self._caller, "port", after, _PAGE)
            for line in lines:
                address = str(line["address"])
                if address > f"{last}/":  # behind the last port of the last product: `.` sorts before `/`
                    return
                yield line
            if following is None:
                return
            after = following


def _text(value: object) -> str:
    return escape(str(value).translate(_NO_XML))


def _attribute(value: str) -> str:
    return quoteattr(value.translate(_NO_XML))
