"""What contracts declare of columns: level, tags, and anonymisations that the SQL does not show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, warning
from weft.governance.propagation import Declared
from weft.model.classification import Classification, parse_classification
from weft.model.document import text, words
from weft.model.lineage import column_id
from weft.model.mesh import Product, Source
from weft.model.odcs import Contract, Property, every_property

ANONYMISED = "weft.anonymised"
"""Custom property of a column whose values need not keep the level of what they are made from."""

_PARTS = {"method": "what is done", "reason": "why nobody can tell whose a value was", "approvedBy": "who has agreed"}


class Column(Struct, frozen=True):
    """A column of a port as its contract promises it.

    Attributes:
        node: its id in the lineage.
        level: None where the contract names none: then it counts as internal.
    """

    node: str
    contract: Contract
    prop: Property
    level: Classification | None
    tags: tuple[str, ...]

    @property
    def counted(self) -> Classification:
        """The level that readers' rights are held against."""
        return Classification.INTERNAL if self.level is None else self.level


def columns_of(table: str, contract: Contract) -> Iterator[Column]:
    """The columns of a contract, under the node ids of the table that it promises."""
    if not contract.objects:
        return
    for prop in contract.table.properties:
        parts = list(every_property((prop,)))
        named = [word for part in parts if (word := text(part.data, "classification")) is not None]
        tags = dict.fromkeys(tag for part in parts for tag in words(part.data, "tags"))
        level = max(map(parse_classification, named), default=None)
        yield Column(f"{table}.{column_id(prop.name)}", contract, prop, level, tuple(tags))


def declared_of_port(table: str, contract: Contract) -> dict[str, Declared]:
    """What a port's contract declares of its columns; one without a level is internal."""
    return {one.node: Declared(one.counted, one.tags, anonymisation(one.prop)) for one in columns_of(table, contract)}


def declared_of_product(product: Product) -> dict[str, Declared]:
    """What the files of a product declare of its ports' columns, and of those of its sources.

    Of a source's column without a level nothing is known: what is made from it is as its own contract says.
    """
    found: dict[str, Declared] = {}
    for entry in product.inputs:
        if isinstance(entry.binding, Source) and entry.binding.contract is not None:
            for one in columns_of(f"{product.address}.{entry.name}", entry.binding.contract):
                found[one.node] = Declared(one.level, one.tags)
    for port in product.outputs:
        found |= declared_of_port(str(port.address), port.contract)
    return found


def says_anything(product: Product) -> bool:
    """Whether a file of a product names a level or a tag of a column."""
    sources = [i.binding.contract for i in product.inputs if isinstance(i.binding, Source)]
    contracts = [*(c for c in sources if c is not None), *(port.contract for port in product.outputs)]
    return any(
        "classification" in part.data or "tags" in part.data
        for contract in contracts
        for table in contract.objects
        for part in every_property(table.properties)
    )


def anonymisation(prop: Property) -> str | None:
    """The method and reason that a column's contract declares; None where it does not, or not wholly."""
    said = prop.custom.get(ANONYMISED)
    if not isinstance(said, Mapping) or _lacking(said):
        return None
    return f"{said['method']}, as its contract declares: {said['reason']}"


def anonymisation_problems(contract: Contract) -> Iterator[Diagnostic]:
    """A warning for each declaration that lacks something: it does not count."""
    for table in contract.objects:
        for prop in every_property(table.properties):
            if ANONYMISED not in prop.custom:
                continue
            said = prop.custom[ANONYMISED]
            lacking = _lacking(said if isinstance(said, Mapping) else {})
            if lacking:
                yield warning(
                    "WFT-GOV-032",
                    f"`{ANONYMISED}` of `{prop.name}` lacks {' and '.join(f'`{name}`' for name in lacking)}",
                    contract.where(prop.pointer),
                    why="an anonymisation that nobody answers for does not count: the column keeps the level of its "
                    "sources",
                    fix="write " + ", ".join(f"`{name}` ({_PARTS[name]})" for name in lacking),
                )
            elif prop not in table.properties:
                yield warning(
                    "WFT-GOV-032",
                    f"`{ANONYMISED}` stands at `{'.'.join(prop.path)}`, which is a part of a column",
                    contract.where(prop.pointer),
                    why="lineage knows whole columns: it does not count there",
                    fix=f"declare it of the column `{prop.path[0]}`",
                )


def _lacking(said: Mapping[str, Any]) -> list[str]:
    return [name for name in _PARTS if not isinstance(said.get(name), str) or not said[name].strip()]
