"""A new product from a table of a connection: its columns, key and promises as the server's catalog has them."""

from __future__ import annotations

from typing import Any

from weft.connectors.remotes import RemoteConnector
from weft.contracts.draft import draft
from weft.contracts.profile import ColumnProfile, Profile
from weft.model.address import slugify
from weft.model.mesh import Source, Status
from weft.model.remote import Remote
from weft.project.documents import dump
from weft.sql.quoting import ident
from weft.storage.schemas import storable_type


def product_from_table(text: str, remotes: RemoteConnector) -> dict[str, Any]:
    """Input port, output port, model and draft contract for `CONNECTION.TABLE`, as `scaffold.new_product` takes them.

    No row is read: types, the primary key and what is never null stand in the server's catalog.

    Raises:
        SourceError: WFT-SRC-010 the server cannot be reached, WFT-SRC-024 it has no such table.
    """
    connection, _, table = text.partition(".")
    found = remotes.described(Source("", remote=Remote(connection, table=table)))
    name = slugify(table.rpartition(".")[2])
    source_name = f"{name}_source"
    columns = [(c, storable_type(c.type)) for c in found.columns]
    shape = Profile(0, tuple(ColumnProfile(c.name, stored, 0, 0) for c, stored in columns), ())
    promised = draft(shape, None, name=name, status=Status.ACTIVE)
    by_name = {c.name: c for c, _ in columns}
    for entry in promised["schema"][0]["properties"]:
        if by_name[entry["name"]].required or entry["name"] in found.key:
            entry["required"] = True
        if entry["name"] in found.key:
            entry["primaryKey"] = True
            entry["primaryKeyPosition"] = found.key.index(entry["name"]) + 1
    items = [
        ident(c.name) if stored == c.type else f"{ident(c.name)}::{stored} as {ident(c.name)}" for c, stored in columns
    ]
    source = {"connection": connection, "table": table}
    return {
        "inputs": [
            {
                "name": source_name,
                "version": "1.0.0",
                "contractId": "none",
                "customProperties": [{"property": "weft.source", "value": source}],
            }
        ],
        "outputs": [{"name": name, "type": "table", "version": "1.0.0", "contractId": promised["id"]}],
        "files": {
            f"contracts/{name}.odcs.yaml": dump(promised),
            f"models/{name}.sql": "select\n    " + ",\n    ".join(items) + f"\nfrom {source_name}\n",
        },
    }
