"""The files of a warehouse as settings name it."""

from __future__ import annotations

from pathlib import Path

from weft.config import Settings, size_bytes
from weft.errors import ProjectError, Where, did_you_mean, error
from weft.storage.object_files import SCHEME, ObjectFiles, split_location
from weft.storage.object_store import ObjectStore


def object_files(settings: Settings, folder: Path) -> ObjectFiles:
    """The files of a warehouse in an object store.

    Args:
        folder: of this machine, for copies and for what is written.

    Raises:
        ProjectError: WFT-STO-014, it is no store that weft knows, or nothing says how it is reached.
    """
    storage = settings.storage
    bucket, prefix = split_location(storage.warehouse)
    known = sorted(name for name, c in settings.connections.items() if c.kind == "s3")
    connection = settings.connections.get(storage.connection)
    what = fix = None
    if not storage.warehouse.startswith(SCHEME) or not bucket:
        what, fix = f"`storage.warehouse` is `{storage.warehouse}`", "name a folder, or `s3://BUCKET/PREFIX`"
    elif not storage.connection:
        what = "`storage.warehouse` lies in an object store, and `storage.connection` does not say how it is reached"
        fix = 'write `connection = "NAME"` beside it, and a `[connections.NAME]` of kind `s3`'
    elif connection is None or connection.kind != "s3":
        what = f"`storage.connection` is `{storage.connection}`, which is no connection of kind `s3`"
        fix = did_you_mean(storage.connection, known, otherwise=f"write [connections.{storage.connection}]")
    if what is not None:
        raise ProjectError(error("WFT-STO-014", what, Where("weft.toml"), fix=fix))
    assert connection is not None, "it was looked for"
    return ObjectFiles(ObjectStore(bucket, connection), prefix, folder, size_bytes(storage.copies))
