"""A new product from a table of a connection: its columns, key and promises as the server's catalog has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from weft.connectors.remotes import RemoteConnector
from weft.contracts.draft import draft
from weft.contracts.profile import ColumnProfile, Profile
from weft.errors import SourceError, UsageError, did_you_mean, error
from weft.model.address import slugify
from weft.model.mesh import Source, Status
from weft.model.remote import Remote
from weft.project.documents import dump
from weft.sql.quoting import ident
from weft.storage.schemas import storable_type

_ENDINGS = frozenset(("csv", "tsv", "txt", "json", "ndjson", "jsonl", "parquet", "gz", "zip"))
"""What files end with that weft reads, or says why it does not."""


def product_from_table(text: str, remotes: RemoteConnector) -> dict[str, Any]:
    """Input port, output port, model and contracts for `CONNECTION.TABLE`, as `scaffold.new_product` takes them.

    No row is read: types, the primary key and what is never null stand in the server's catalog. The contract of the
    source says its columns where no server can be asked.

    Raises:
        UsageError: WFT-CLI-001, no table is named, or the connection has files and no tables.
        SourceError: WFT-SRC-010 the server cannot be reached, WFT-SRC-024 it has no such table, WFT-SRC-025 the table
            has no columns.
    """
    connection, _, table = text.partition(".")
    if not table:
        what = f"`{text}` names a connection and no table of it"
        raise UsageError(
            error("WFT-CLI-001", what, fix=f"write `--from {connection}.TABLE` or `{connection}.SCHEMA.TABLE`")
        )
    if not remotes.has_tables(connection):
        what = f"`{connection}` is a store: it has files, and no table `{table}`"
        fix = "declare an input port with `weft.source: {connection: …, file: s3://…}`, or draft from a file here"
        raise UsageError(error("WFT-CLI-001", what, fix=fix))
    found = remotes.described(Source("", remote=Remote(connection, table=table)))
    if not found.columns:
        raise SourceError(error("WFT-SRC-025", f"table `{table}` has no columns", fix="name another table"))
    name = slugify(table.rpartition(".")[2])
    source_name = f"{name}_source"
    columns = [(c, storable_type(c.type)) for c in found.columns]
    declared = _of_types(source_name, [(c.name, c.type) for c, _ in columns])
    promised = _of_types(name, [(c.name, stored) for c, stored in columns])
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
                "contractId": declared["id"],
                "customProperties": [{"property": "weft.source", "value": source}],
            }
        ],
        "outputs": [{"name": name, "type": "table", "version": "1.0.0", "contractId": promised["id"]}],
        "files": {
            f"contracts/sources/{source_name}.odcs.yaml": dump(declared),
            f"contracts/{name}.odcs.yaml": dump(promised),
            f"models/{name}.sql": "select\n    " + ",\n    ".join(items) + f"\nfrom {source_name}\n",
        },
    }


def _of_types(name: str, columns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """A contract that promises nothing but the names and types of columns."""
    shape = Profile(0, tuple(ColumnProfile(column, type_, 0, 0) for column, type_ in columns), ())
    return draft(shape, None, name=name, status=Status.ACTIVE)


def no_file(text: str, connections: Collection[str]) -> None:
    """Refuses what is no file and is written like the table of a connection.

    Raises:
        SourceError: WFT-SRC-020, there is no such connection.
    """
    name, _, table = text.partition(".")
    if connections and table and "/" not in text and text.rpartition(".")[2].lower() not in _ENDINGS:
        what = f"there is no file `{text}`, and no connection `{name}`"
        listed = f"the connections are {', '.join(f'`{c}`' for c in connections)}"
        raise SourceError(error("WFT-SRC-020", what, fix=did_you_mean(name, connections, otherwise=listed)))
