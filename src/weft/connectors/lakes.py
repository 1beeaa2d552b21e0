"""Iceberg and Delta tables that others write, as streams or datasets of Arrow that a query reads in parts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from weft.connectors.servers import missing
from weft.connectors.stores import endpoint_of, is_store, key_of, store
from weft.connectors.targets import Place
from weft.errors import SourceError, error

_ICEBERG = "iceberg://"
_METADATA = re.compile(r"(?:v?(\d+)(?:-.*)?)\.metadata\.json")


def lake_table(place: Place, environ: Mapping[str, str]) -> object | None:
    """The rows of an Iceberg or Delta table, for a session to register; None when the place is neither.

    An Iceberg table is named by one of its metadata files, by its folder, or as `iceberg://CATALOG/namespace.table`
    in a catalog that pyiceberg's own configuration describes. A Delta table is its folder.

    Raises:
        SourceError: WFT-SRC-006, its package is missing; WFT-SRC-010, it cannot be opened.
    """
    path = place.path
    if path.startswith(_ICEBERG) or path.endswith(".metadata.json"):
        return _iceberg(path, place, environ)
    if place.format == "delta" or _has(place, "_delta_log", environ):
        return _delta(path, place, environ)
    if not is_store(path) and (Path(path) / "metadata").is_dir():
        return _iceberg(_newest(Path(path), place), place, environ)
    return None


def is_lake(place: Place, environ: Mapping[str, str]) -> bool:
    """Whether a folder is one table, and not a folder of files."""
    if not is_store(place.path) and (Path(place.path) / "metadata").is_dir():
        return True
    return place.format == "delta" or _has(place, "_delta_log", environ)


def _has(place: Place, folder: str, environ: Mapping[str, str]) -> bool:
    if not is_store(place.path):
        return (Path(place.path) / folder).is_dir()
    last = place.path.rstrip("/").rpartition("/")[2]
    if "*" in last or "." in last:
        return False
    try:
        found = store(place, environ).get_file_info(f"{key_of(place.path).rstrip('/')}/{folder}")
    except OSError:
        return False  # reading it will tell
    return bool(found.type.name == "Directory")


def _newest(folder: Path, place: Place) -> str:
    """The metadata file of an Iceberg table that was written last."""
    numbered = [(int(m[1]), p) for p in (folder / "metadata").iterdir() if (m := _METADATA.fullmatch(p.name))]
    if not numbered:
        what = f"the folder `{place.path}` holds no metadata of an Iceberg table"
        raise SourceError(error("WFT-SRC-010", what, fix="name the metadata file, or the catalog: `iceberg://…`"))
    return str(max(numbered)[1])


def _iceberg(path: str, place: Place, environ: Mapping[str, str]) -> object:
    try:
        from pyiceberg.catalog import load_catalog
        from pyiceberg.table import StaticTable
    except ImportError:
        raise missing("pyiceberg", "iceberg") from None
    with _opening(place):
        if path.startswith(_ICEBERG):
            catalog, _, table = path.removeprefix(_ICEBERG).partition("/")
            return _Scans(load_catalog(catalog).load_table(table))
        endpoint = endpoint_of(place, environ)
        properties = {"s3.endpoint": endpoint} if endpoint else {}
        where = path if "://" in path else str(Path(path).absolute())
        return _Scans(StaticTable.from_metadata(where, properties))


def _delta(path: str, place: Place, environ: Mapping[str, str]) -> object:
    try:
        from deltalake import DeltaTable
    except ImportError:
        raise missing("deltalake", "delta") from None
    options = {}
    if is_store(path):
        endpoint = endpoint_of(place, environ)
        options = {"AWS_ENDPOINT_URL": endpoint} if endpoint else {}
        if endpoint and endpoint.startswith("http://"):
            options["AWS_ALLOW_HTTP"] = "true"
    with _opening(place):
        return DeltaTable(path, storage_options=options).to_pyarrow_dataset()


class _Scans:
    """An Iceberg table as a stream of Arrow that can be had again and again: each query reads the table anew."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._schema = table.scan().to_arrow_batch_reader().schema

    def __arrow_c_schema__(self) -> object:
        return self._schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.scan().to_arrow_batch_reader().__arrow_c_stream__(requested_schema)


@contextmanager
def _opening(place: Place) -> Iterator[None]:
    try:
        yield
    except Exception as problem:  # noqa: BLE001  each of these libraries, and each store below them, has errors of its own
        why = f"{type(problem).__name__}: {str(problem).split(chr(10), 1)[0][:200]}"
        raise SourceError(error("WFT-SRC-010", f"`{place.path}` cannot be opened", why=why)) from None
