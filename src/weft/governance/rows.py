"""What is declared or registered, as rows of the relations of the mesh."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.governance.declaring import anonymisation
from weft.model.address import Address
from weft.model.document import Document, custom_properties, entries, group, text, words
from weft.model.level_words import level_name, level_unit
from weft.model.lifecycle import end_of_life
from weft.model.lineage import LineageEdge, column_id, table_of
from weft.model.odcs import Contract, Property, contract
from weft.model.records import DomainRecord, ProductRecord, domain_members

Cell = str | int | float | None
Row = tuple[Cell, ...]
Rows = Mapping[str, Sequence[Row]]
"""Rows by the name of their relation; each has a cell for every column of it, in its order."""

_SECONDS = {
    "year": 31_557_600,
    "month": 2_629_800,
    "week": 604_800,
    "day": 86_400,
    "hour": 3_600,
    "minute": 60,
    "second": 1,
}
TERM = "weft.term"
_TERM_URL = "weft:term/"


class PortFacts(Struct, frozen=True):
    """A port, from its files or from the registry.

    Attributes:
        contract: the ODCS document whole; empty where there is none.
        rows: rows that can be read, and `published_at` since when; None where it is not published.
    """

    address: Address
    status: str
    version: str
    contract: Mapping[str, Any]
    is_default: bool = True
    type: str | None = None
    description: str | None = None
    rows: int | None = None
    published_at: datetime | None = None
    file: str | None = None
    first_published_at: datetime | None = None


def domain_rows(domain: DomainRecord) -> dict[str, list[Row]]:
    """The rows of a domain itself."""
    name = domain.name
    members = domain_members(domain)
    return {
        "domains": [
            (
                name,
                domain.title,
                domain.kind or None,
                domain.description,
                domain.owner_team or None,
                domain.owner_contact,
                text(domain.document, "costCenter"),
                len(members),
            )
        ],
        "properties": list(_properties(domain.document, name, None, name)),
        "tags": [(name, None, name, tag, 0) for tag in words(domain.document, "tags")],
        "owners": [(name, None, name, person, role) for person, roles in members for role in roles or ("member",)],
    }


def product_rows(
    domain: DomainRecord | None,
    product: ProductRecord,
    ports: Sequence[PortFacts],
    edges: Sequence[LineageEdge] = (),
    file: str | None = None,
) -> dict[str, list[Row]]:
    """The rows of a product, of its ports and of what they are made from.

    Args:
        edges: lineage into its ports and private models.
        file: where its descriptor stands, if that is known.
    """
    address, name = str(product.address), product.address.domain
    declared = _anonymised(ports)
    found: dict[str, list[Row]] = {
        "properties": list(_properties(product.document, address, address, name)),
        "tags": [(address, address, name, tag, 0) for tag in product.tags],
        "owners": [(address, address, name, *member) for member in _team(product.document)],
        "lineage": [(address, name, port, *_product_of(port)) for port in product.reads],
        "column_lineage": [_edge_row(edge, address, name, declared) for edge in edges],
    }
    for kind in ("ports", "contracts", "columns", "rules", "slas", "bindings"):
        found[kind] = []
    level = 1
    for port in ports:
        level = max(level, _put_port(port, product, found))
    described = group(product.document, "description")
    found["products"] = [
        (
            address,
            name,
            product.address.product,
            product.title,
            product.status,
            text(product.document, "version"),
            product.purpose,
            text(described, "limitations"),
            text(described, "usage"),
            domain.owner_team or None if domain is not None else None,
            domain.owner_contact if domain is not None else None,
            _support(product.document),
            level if any(p.contract for p in ports) else 0,
            file,
        )
    ]
    return found


def of_port(port: str, *cells: Cell) -> Row:
    """The first cells of a row about a port: the port, its product and its domain, then others."""
    domain, product = port.split(".")[:2]
    return port, f"{domain}.{product}", domain, *cells


def _put_port(port: PortFacts, record: ProductRecord, found: dict[str, list[Row]]) -> int:
    """Adds the rows of a port; returns the highest level of its columns."""
    address, product, domain = str(port.address), str(record.address), record.address.domain
    promised = contract(Document(port.file or "", port.contract))
    document = port.contract
    columns = list(_columns(promised, address, product, domain, found)) if promised.objects else []
    level = max((level for row in columns if isinstance(level := row[_LEVEL], int)), default=0)
    ending = end_of_life(port.address, document, record.document, {}) if port.status == "deprecated" else None
    found["columns"] += columns
    found["ports"].append(
        (
            address,
            product,
            domain,
            port.address.port,
            port.address.major,
            port.type,
            port.description,
            port.status,
            port.version,
            promised.id or None,
            int(bool(columns)),
            int(port.is_default),
            level,
            port.rows,
            port.published_at.isoformat() if port.published_at is not None else None,
            ending.day.isoformat() if ending is not None and ending.day is not None else None,
            port.file,
            port.first_published_at.isoformat() if port.first_published_at is not None else None,
        )
    )
    if not document:
        return level
    custom = promised.custom
    levels = [(level_name(str(sla.get("property") or "")), sla) for sla in promised.slas]
    retention = next((f"{s.get('value')} {s.get('unit') or ''}".strip() for n, s in levels if n == "retention"), None)
    found["contracts"].append(
        (
            promised.id or None,
            address,
            product,
            domain,
            promised.name,
            promised.version_text,
            promised.status,
            text(promised.description, "purpose"),
            text(promised.description, "limitations"),
            text(promised.description, "usage"),
            _word(custom.get("weft.licence", custom.get("license", document.get("license")))),
            _word(custom.get("weft.terms")),
            _word(custom.get("weft.legalBasis")),
            _word(custom.get("weft.processingPurpose")),
            retention,
            _word(custom.get("weft.jurisdiction")),
            _support(document),
            text(document, "apiVersion"),
        )
    )
    for name, sla in levels:
        value, unit = _word(sla.get("value")), text(sla, "unit")
        element = text(sla, "element")
        found["slas"].append((address, product, domain, name, value, unit, element, _length(value, unit)))
    found["properties"] += _properties(document, address, product, domain)
    found["tags"] += [(address, product, domain, tag, 0) for tag in promised.tags]
    for table in promised.objects[:1]:
        found["rules"] += _rules(table.quality, address, product, domain, None)
    return level


_LEVEL = 12
"""Where the level stands in a row of `columns`."""


def _columns(promised: Contract, port: str, product: str, domain: str, found: dict[str, list[Row]]) -> Iterator[Row]:
    for position, prop in enumerate(promised.table.properties):
        yield from _column(prop, position, port, product, domain, found)


def _column(
    prop: Property, position: int, port: str, product: str, domain: str, found: dict[str, list[Row]]
) -> Iterator[Row]:
    data = prop.data
    node = ".".join((port, *map(column_id, prop.path)))
    classification = text(data, "classification")
    options = prop.options if "logicalTypeOptions" in data else {}
    custom = prop.custom if "customProperties" in data else {}
    term = term_of(data, custom)
    yield (
        node,
        port,
        product,
        domain,
        prop.name,
        ".".join(prop.path),
        len(prop.path) - 1,
        position,
        prop.logical_type,
        prop.physical_type,
        prop.description,
        classification,
        int(prop.classification),
        None,
        int(prop.required),
        int(prop.unique),
        int(prop.primary_key),
        prop.key_position if prop.primary_key else None,
        int(bool(data.get("partitioned"))),
        int(bool(data.get("criticalDataElement"))),
        text(options, "format"),
        text(options, "pattern"),
        text(options, "minimum") or text(options, "exclusiveMinimum"),
        text(options, "maximum") or text(options, "exclusiveMaximum"),
        _word(custom.get("weft.unit", custom.get("unit"))),
        term,
        _time_zone(options, custom),
        prop.name.rpartition("_")[2],
    )
    if term is not None:
        found["bindings"].append((node, port, product, domain, term, 0))
    if "tags" in data:
        found["tags"] += [(node, product, domain, tag, 0) for tag in words(data, "tags")]
    if custom:
        found["properties"] += _properties(data, node, product, domain)
    if "quality" in data:
        found["rules"] += _rules(prop.quality, port, product, domain, node)
    for place, part in enumerate(prop.parts):
        yield from _column(part, place, port, product, domain, found)


def _time_zone(options: Mapping[str, Any], custom: Mapping[str, Any]) -> str | None:
    """Whose clock a timestamp shows (Source: ODCS, `logicalTypeOptions`; or `weft.timezone`)."""
    if custom.get("weft.timezone"):
        return str(custom["weft.timezone"])
    return text(options, "defaultTimezone") or ("UTC" if options.get("timezone") is True else None)


def term_of(data: Mapping[str, Any], custom: Mapping[str, Any]) -> str | None:
    """The standard concept that a column is bound to (Source: ODCS, `authoritativeDefinitions`; or `weft.term`)."""
    if custom.get(TERM):
        return str(custom[TERM])
    for _, definition in entries(data, "authoritativeDefinitions"):
        url = text(definition, "url") or ""
        if url.startswith(_TERM_URL):
            return url.removeprefix(_TERM_URL)
    return None


def _rules(
    quality: Sequence[Mapping[str, Any]], port: str, product: str, domain: str, column: str | None
) -> Iterator[Row]:
    for number, rule in enumerate(quality, 1):
        yield (
            text(rule, "id") or text(rule, "name") or f"rule {number}",
            port,
            product,
            domain,
            column,
            text(rule, "type") or "library",
            text(rule, "metric") or text(rule, "rule"),
            text(rule, "dimension"),
            text(rule, "severity") or "error",
            text(rule, "description"),
        )


def _properties(data: Mapping[str, Any], subject: str, product: str | None, domain: str) -> Iterator[Row]:
    for name, value in custom_properties(data).items():
        if name not in CARRIED:
            yield subject, product, domain, name, _word(value)


CARRIED = frozenset({"weft.accessPolicies", "weft.policies", "weft.glossary"})
"""Custom properties in which a registered document carries files of the domain: they are no facts about it."""


def _team(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """People of a product (Source: ODPS v1.0.0 `team.members`, v0.9.0 `team`)."""
    team = document.get("team")
    listed = entries(team, "members") if isinstance(team, Mapping) else entries(document, "team")
    for _, member in listed:
        person = text(member, "username") or text(member, "name")
        if person:
            yield person, text(member, "role") or "member"


def _support(document: Mapping[str, Any]) -> str | None:
    for _, channel in entries(document, "support"):
        return text(channel, "url") or text(channel, "channel")
    return None


def _anonymised(ports: Sequence[PortFacts]) -> dict[str, str]:
    """The columns that their contracts declare to be anonymous, and how."""
    found: dict[str, str] = {}
    for port in ports:
        promised = contract(Document(port.file or "", port.contract))
        for prop in promised.table.properties if promised.objects else ():
            how = anonymisation(prop) if "customProperties" in prop.data else None
            if how is not None:
                found[f"{port.address}.{column_id(prop.name)}"] = how
    return found


def _edge_row(edge: LineageEdge, product: str, domain: str, declared: Mapping[str, str]) -> Row:
    source_port = table_of(edge.source)
    source_product = ".".join(source_port.split(".")[:2])
    how = edge.transformation.value
    masking = int(edge.masking)
    return (
        edge.target,
        table_of(edge.target),
        product,
        domain,
        edge.source,
        source_port,
        source_product,
        edge.kind.value,
        how,
        masking,
        declared.get(edge.target) or (str(edge.anonymised) if edge.anonymised else None),
    )


def _product_of(port: str) -> tuple[str, str]:
    domain, product = port.split(".")[:2]
    return f"{domain}.{product}", domain


def _length(value: Cell, unit: str | None) -> int | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    named = level_unit(unit or "")
    return round(number * _SECONDS[named]) if named is not None else None


def _word(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
