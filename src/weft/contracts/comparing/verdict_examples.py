"""What examples of verdicts are written with: a change, and fragments of contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

Fragment = Mapping[str, Any]


class Example(Struct, frozen=True):
    """A change of one column `c`, of the table around it, or of the contract, and what it means.

    Attributes:
        old: fields before; of the column where `of` is column, else of the table or the contract. None: not there.
        consumer: verdict for those who read the data.
        producer: verdict for those who keep the promises.
    """

    what: str
    old: Fragment | None
    new: Fragment | None
    consumer: str
    producer: str
    of: str = "column"


def options(**options: Any) -> Fragment:
    """An integer with logical type options."""
    return {"logicalType": "integer", "logicalTypeOptions": options}


def text(**options: Any) -> Fragment:
    """A string with logical type options."""
    return {"logicalType": "string", "logicalTypeOptions": options}


def typed(logical: str, physical: str | None = None) -> Fragment:
    """A logical type, and a physical one."""
    return {"logicalType": logical} | ({"physicalType": physical} if physical else {})


def rule(**fields: Any) -> Fragment:
    """A quality rule: how many nulls there may be."""
    return {"quality": [{"type": "library", "metric": "nullValues", **fields}]}


def level(name: str, value: Any, **fields: Any) -> Fragment:
    """A service level."""
    return {"slaProperties": [{"property": name, "value": value, **fields}]}


def custom(name: str, value: Any) -> Fragment:
    """A custom property."""
    return {"customProperties": [{"property": name, "value": value}]}


def meant(url: str, kind: str = "businessDefinition") -> Fragment:
    """What defines the meaning."""
    return {"authoritativeDefinitions": [{"url": url, "type": kind}]}


def date(form: str) -> Fragment:
    """A date in a format."""
    return {"logicalType": "date", "logicalTypeOptions": {"format": form}}


def field(physical: str) -> Fragment:
    """An object with one field of a physical type."""
    return {"logicalType": "object", "properties": [{"name": "x", **typed("integer", physical)}]}


def map_of(**value: Any) -> Fragment:
    """A map from texts to values."""
    return {"logicalType": "map", "map": {"key": {"logicalType": "string"}, "value": value}}


def most(items: int) -> Fragment:
    """An array of so many items at most."""
    return {**LIST, "logicalTypeOptions": {"maxItems": items}}


def two_rules() -> Fragment:
    """Two quality rules, one stricter than the other."""
    return {"quality": [*rule(mustBe=0)["quality"], *rule(mustBeLessThan=9)["quality"]]}


def sql(query: str) -> Fragment:
    """A quality rule in SQL."""
    return {"quality": [{"type": "sql", "query": query, "mustBe": 0}]}


def tolerant(orphans: int) -> Fragment:
    """A relationship that so many percent of rows may break."""
    return {"relationships": [{"to": "u.x", **custom("weft.maxOrphans", orphans)}]}


def role(access: str) -> Fragment:
    """A role with an access."""
    return {"roles": [{"role": "reader", "access": access}]}


def tables(*names: str, **ids: str) -> Fragment:
    """Tables by name, and tables that have an id."""
    columns = [{"name": "k", "logicalType": "string"}]
    plain: list[Fragment] = [{"name": name, "properties": columns} for name in names]
    return {"schema": plain + [{"name": n, "id": number, "properties": columns} for n, number in ids.items()]}


def on_servers(physical: str) -> Fragment:
    """A table under a name of its own on the servers."""
    table = {"name": "t", "physicalName": physical, "properties": [{"name": "k", "logicalType": "string"}]}
    return {"schema": [table], "servers": [{"server": "a", "type": "postgres"}]}


INTEGER: Fragment = {"logicalType": "integer"}
STRUCT = {"logicalType": "object", "properties": [{"name": "x", "logicalType": "integer"}]}
LIST = {"logicalType": "array", "items": {"logicalType": "integer"}}
MAP = map_of(**INTEGER)
BREAKS, KEEPS, WORDS, SAME = "breaking", "compatible", "patch", "none"
