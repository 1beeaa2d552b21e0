"""Ports, grants, rules and readers for tests of decisions."""

from __future__ import annotations

import datetime as dt

from weft.access.policies import Policies
from weft.access.principals import Principal, PrincipalKind
from weft.access.rights import Basis
from weft.model.address import parse_address
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.publication import Digests, PortState
from weft.registry.grants import Grant

NOW = dt.datetime(2026, 11, 21, 12, tzinfo=dt.UTC)
PORT = parse_address("sales.customers.customer@1")
COLUMNS = (
    ("id", "BIGINT", "internal"),
    ("country", "VARCHAR", "public"),
    ("email", "VARCHAR", "confidential"),
    ("birth", "DATE", "restricted"),
    ("address", "STRUCT(street VARCHAR, city VARCHAR)", None),
)


def contract(**changes):
    """A contract with the columns above; the street of the address is confidential, the e-mail is tagged."""
    properties = []
    for name, _, level in COLUMNS:
        entry = {"name": name, "logicalType": "string"}
        if level is not None:
            entry["classification"] = level
        if name == "email":
            entry["tags"] = ["pii"]
        if name == "address":
            street = {"name": "street", "logicalType": "string", "classification": "confidential"}
            entry |= {
                "logicalType": "object",
                "properties": [street, {"name": "city", "logicalType": "string"}],
            }
        properties.append(entry)
    return {"id": "c", "version": "1.0.0", "schema": [{"name": "customer", "properties": properties}]} | changes


def state(**changes):
    """The port as it is published."""
    fields = {
        "address": PORT,
        "revision": 1,
        "snapshot_id": "7",
        "run_id": "r",
        "version": "1.0.0",
        "status": "active",
        "digests": Digests("f", "r", "t"),
        "upstream": {},
        "parts": {},
        "rows": 3,
        "checks": CheckCounts(),
        "published_at": NOW,
        "published_by": "ann",
        "default": True,
        "contract": contract(),
        "columns": tuple(Column(name, kind, n, name) for n, (name, kind, _) in enumerate(COLUMNS, 1)),
    }
    return PortState(**(fields | changes))


def granted(number=1, kind="user", consumer="eve", **changes):
    """A grant on the port, from yesterday on."""
    fields = {
        "grant_id": f"g{number}",
        "port": PORT,
        "kind": kind,
        "consumer": consumer,
        "since": NOW - dt.timedelta(days=1, seconds=-number),
        "ends_at": None,
        "basis": "request",
        "salt": f"salt{number}",
    }
    return Grant(**(fields | changes))


def basis(*grants, policies=None, purpose=None):
    """What a decision rests on."""
    return Basis(grants, policies or Policies(), purpose, NOW)


def user(name="eve", **changes):
    """Somebody who reads."""
    return Principal(name, PrincipalKind.USER, **changes)
