"""Addresses: the one name `domain.product.port@major` that serves as SQL name, URL path, Python and CLI argument."""

from __future__ import annotations

import re

from msgspec import Struct

from weft.errors import UsageError, error

SLUG = re.compile(r"[a-z][a-z0-9_]{0,62}")
RESERVED = frozenset({"main", "temp", "system", "memory", "information_schema"})
"""Names that databases give a meaning of their own; `pg_*` belongs to them too."""

_ADDRESS = re.compile(r"(?P<names>[^@]+?)(?:@(?P<major>[0-9]{1,9}))?")


def is_slug(name: str) -> bool:
    """Whether a name may be part of an address: `[a-z][a-z0-9_]*`, at most 63 characters.

    >>> is_slug("on_time"), is_slug("OnTime"), is_slug("1st")
    (True, False, False)
    """
    return SLUG.fullmatch(name) is not None


def is_reserved(name: str) -> bool:
    """Whether a slug is reserved by databases."""
    return name in RESERVED or name.startswith("pg_")


def slugify(name: str) -> str:
    """The slug nearest to a free name, as a proposal.

    >>> slugify("Customer Data-Product")
    'customer_data_product'
    """
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not slug or not slug[0].isalpha():
        slug = f"x_{slug}".rstrip("_")
    slug = f"x_{slug}" if slug.startswith("pg_") else slug
    return f"{slug}_" if is_reserved(slug) else slug[:63]


class ProductAddress(Struct, frozen=True, order=True):
    """`domain.product`."""

    domain: str
    product: str

    def __str__(self) -> str:
        return f"{self.domain}.{self.product}"


class Address(Struct, frozen=True, order=True):
    """`domain.product.port@major`; without major it means the port's default major."""

    domain: str
    product: str
    port: str
    major: int | None = None

    def __str__(self) -> str:
        return self.unpinned if self.major is None else f"{self.unpinned}@{self.major}"

    @property
    def unpinned(self) -> str:
        """The address without its major: `domain.product.port`."""
        return f"{self.domain}.{self.product}.{self.port}"

    @property
    def of_product(self) -> ProductAddress:
        """The product that offers the port."""
        return ProductAddress(self.domain, self.product)

    def pinned(self, major: int) -> Address:
        """The same port at a major version."""
        return Address(self.domain, self.product, self.port, major)


def parse_address(text: str) -> Address:
    """The address that a text names.

    >>> parse_address("fleet.aircraft.planes@1")
    Address(domain='fleet', product='aircraft', port='planes', major=1)

    Raises:
        UsageError: WFT-PLN-001, the text is not an address.
    """
    match = _ADDRESS.fullmatch(text.strip())
    parts = match["names"].split(".") if match else []
    if match is None or len(parts) != 3 or not all(is_slug(p) for p in parts):
        raise UsageError(
            error(
                "WFT-PLN-001",
                f"`{text}` is not the address of a port",
                why="an address is domain.product.port@major, each name of a-z, 0-9 and _",
                fix="for example `fleet.aircraft.planes@1`; `weft search` finds ports by words",
            )
        )
    domain, product, port = parts
    return Address(domain, product, port, int(match["major"]) if match["major"] else None)
