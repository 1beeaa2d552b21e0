"""A small valid mesh whose documents hold something of everything, and documents with parts of them changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.meshes import TestMesh, contract, descriptor, number, source, two_products

ORDERS = "domains/sales/orders"
ELSEWHERE = "domains/report/daily/models/big.sql"
"""A file with a problem of its own, which no change of another file may hide."""


def rich_mesh(root: Path) -> TestMesh:
    """Two products, one of whose documents use most of what the standards have."""
    mesh = two_products(root)
    product = json.loads(
        descriptor("sales", "orders", [source("raw", file="data/orders.csv", nulls=["NA"])], ["orders", "totals"])
    )
    product |= {
        "version": "1.0.0",
        "tags": ["orders"],
        "description": {"purpose": "What is sold.", "limitations": "None.", "usage": "Freely."},
        "team": {"name": "Sales", "members": [{"username": "ann", "role": "owner"}]},
        "customProperties": [{"property": "weft.slug", "value": "orders"}],
    }
    product["inputPorts"][0]["contractId"] = number("raw")
    mesh.write(f"{ORDERS}/product.odps.yaml", json.dumps(product, indent=1))
    domain = {
        "name": "sales",
        "title": "Sales",
        "kind": "source-aligned",
        "description": "Sells.",
        "owner": {"team": "Sales", "contact": "sales@example.org"},
        "members": [{"user": "ann", "roles": ["owner", "steward"]}],
        "costCenter": "4711",
        "tags": ["sales"],
        "customProperties": [{"property": "colour", "value": ["red"]}],
    }
    mesh.write("domains/sales/domain.yaml", json.dumps(domain, indent=1))
    names = ("id", "batch", "amount", "day")
    raw = json.loads(contract("raw", [{"name": n, "logicalType": "string"} for n in names]))
    mesh.write(f"{ORDERS}/contracts/sources/raw.odcs.yaml", json.dumps(raw, indent=1))
    promised = json.loads(mesh.path(f"{ORDERS}/contracts/orders.odcs.yaml").read_text(encoding="utf-8"))
    table = promised["schema"][0]
    table["quality"] = [{"type": "library", "metric": "rowCount", "mustBeGreaterThan": 0}]
    table["tags"] = ["table"]
    table["properties"][1] |= {
        "physicalType": "INTEGER",
        "classification": "internal",
        "enum": [{"value": 1}, {"value": 2}],
        "quality": [{"type": "sql", "query": "select count(*) from ${table}", "mustBe": 0, "severity": "warning"}],
        "relationships": [{"to": "orders.id"}],
        "customProperties": [{"property": "precision", "value": 3}],
    }
    promised |= {
        "tags": ["orders"],
        "description": {"purpose": "Orders."},
        "slaProperties": [{"property": "freshness", "value": 1, "unit": "d", "element": "orders.day"}],
        "servers": [{"server": "files", "type": "local", "path": "orders.csv", "format": "csv"}],
        "team": {"name": "Sales", "members": [{"username": "ann"}]},
        "customProperties": [{"property": "weft.extraColumns", "value": "allow"}],
    }
    nested = {"name": "spot", "logicalType": "object", "properties": [{"name": "x", "logicalType": "integer"}]}
    listed = {"name": "marks", "logicalType": "array", "items": {"logicalType": "string"}}
    table["properties"] += [nested, listed]
    mesh.edit(f"{ORDERS}/models/orders.sql", "as day\n", "as day,\n    {x: 1} as spot,\n    ['a'] as marks\n")
    mesh.write(f"{ORDERS}/contracts/orders.odcs.yaml", json.dumps(promised, indent=1))
    mesh.write(ELSEWHERE, "select id, batch, amount from nowhere\n")
    return mesh


DOCUMENTS = (
    "domains/sales/domain.yaml",
    f"{ORDERS}/product.odps.yaml",
    f"{ORDERS}/contracts/orders.odcs.yaml",
    f"{ORDERS}/contracts/sources/raw.odcs.yaml",
)


class Bare(str):
    """A scalar that is written without quotes."""


_texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=8) | st.sampled_from(
    ["", "1", "v", "v1.0.0", "a.b.c@1", "²", "integer", "array", "schema/x/properties/y", "2013-01-01", "NaN", "\ud800"]
)
_numbers = (
    st.integers()
    | st.floats()
    | st.sampled_from(
        [
            10**40,
            -(10**40),
            Bare("9" * 5000),
            Bare("0x" + "f" * 5000),
            Bare("1e999"),
            Bare("!!binary aGk="),
            Bare("!own {a: 1}"),
        ]
    )
)
anything = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)


class Twice(str):
    """A key that is written twice."""


def pointers(value: Any, at: tuple = ()) -> list[tuple]:
    """The places of all parts of a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(found for key, part in inner for found in pointers(part, (*at, key)))]


@st.composite
def changed(draw: st.DrawFn, document: Any) -> Any:
    """A document of which one to three parts are replaced, taken away, put in a list or doubled."""
    found = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        places = pointers(found)
        place = draw(st.sampled_from(places))
        if not place:
            if draw(st.integers(0, 20)) == 0:
                return draw(anything)
            continue
        holder = found
        for part in place[:-1]:
            holder = holder[part]
        change = draw(st.sampled_from(["replace", "replace", "replace", "delete", "wrap", "double", "add"]))
        old, key = holder[place[-1]], place[-1]
        if change == "replace":
            holder[key] = draw(anything)
        elif change == "delete":
            del holder[key]
        elif change == "wrap":
            holder[key] = [old, old]
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(old))
        elif change == "double":
            holder[Twice(key + " ")] = old
        else:
            holder[draw(_texts)] = draw(anything)
    return found


def written(value: Any) -> str:
    """A value as JSON, which is YAML; keys that are marked stand twice; numbers of any length."""
    if isinstance(value, dict):
        parts = [f"{written(str(k)[:-1] if isinstance(k, Twice) else str(k))}: {written(v)}" for k, v in value.items()]
        return "{" + ",\n".join(parts) + "}"
    if isinstance(value, list):
        return "[" + ",\n".join(written(v) for v in value) + "]"
    if isinstance(value, Bare):
        return str(value)
    if isinstance(value, float) and value != value:
        return ".nan"
    if value in (float("inf"), float("-inf")):
        return ".inf" if value > 0 else "-.inf"
    return json.dumps(value)
