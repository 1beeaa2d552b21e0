"""A manifest becomes a relation. Only `access` and the runs that have just staged the files may ask for it."""

from __future__ import annotations

from weft.model.publication import Manifest
from weft.sql.quoting import ident, literal


def paths(manifest: Manifest, root: str) -> list[str]:
    """The files of a manifest, as full paths."""
    return [full_path(f.path, root) for f in manifest.files]


def full_path(path: str, root: str) -> str:
    """A manifest's path as DuckDB opens it: relative ones belong to the warehouse's root."""
    return path if "://" in path or path.startswith("/") else f"{root}/{path}"


def relation(manifest: Manifest, root: str, file_column: str | None = None) -> str:
    """A FROM item of DuckDB with the manifest's columns, in their order, and if wanted one more with each row's file.

    Columns are found by field id, so files that were written before a column was renamed, added, dropped or widened
    are read right. `union_by_name` would read the old names.
    """
    if not manifest.files:
        empty = ", ".join(f"CAST(NULL AS {c.type}) AS {ident(c.name)}" for c in manifest.columns)
        return f"(SELECT {empty} WHERE false)"
    files = ", ".join(literal(p) for p in paths(manifest, root))
    columns = ", ".join(
        f"{c.field_id}: {{name: {literal(c.name)}, type: {literal(c.type)}, default_value: NULL}}"
        for c in manifest.columns
    )
    named = f", filename = {literal(file_column)}" if file_column is not None else ""
    return f"read_parquet([{files}], schema = MAP {{{columns}}}{named})"
