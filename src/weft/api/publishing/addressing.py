"""Files that go between runners and an object store directly: by addresses for one file each, never by keys."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from weft.errors import Conflict, UsageError, WeftError, error
from weft.model.handover import Upload, UploadAddress

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.api.publishing.runs import Publishing
    from weft.storage.object_files import ObjectFiles

LASTS = timedelta(minutes=15)
"""How long an address holds at most."""


def announced(publishing: Publishing, caller: Caller, run_id: str, upload: Upload) -> UploadAddress:
    """The address to which a file of a run is put, where the warehouse lies in an object store.

    Raises:
        AccessDenied: WFT-SRV-030.
        UsageError: WFT-SRV-045, it is none that can be, or files go to the server itself.
        Conflict: WFT-SRV-031, another file has the name.
    """
    publishing.require_file(caller, run_id, upload.name, upload.sha256, upload.size_bytes)
    objects = publishing.objects
    if objects is None or upload.size_bytes <= 0:
        fix = "`PUT /api/v1/runs/{run_id}/files/{name}`"
        raise UsageError(error("WFT-SRV-045", f"`{upload.name}` has no address to which it could be put", fix=fix))
    if publishing.handovers.uploaded(run_id, upload) != upload:
        what = f"another file was announced as `{upload.name}` in this run"
        raise Conflict(error("WFT-SRV-031", what, fix="give each file its own name"))
    return upload_address(objects, run_id, upload)


def upload_address(objects: ObjectFiles, run_id: str, upload: Upload) -> UploadAddress:
    """Where a runner puts one file: a key of its run, and content of this size and digest alone.

    It lies where no table looks until the server has fetched and checked it: who puts another file there afterwards
    changes nothing.
    """
    headers = {"content-length": str(upload.size_bytes), "x-amz-checksum-sha256": _in_base64(upload.sha256)}
    lasts_s = int(LASTS.total_seconds())
    address = objects.store.address("PUT", objects.staging(run_id, upload.name), headers, lasts_s)
    return UploadAddress(address, headers)


def file_address(objects: ObjectFiles, path: Path, now: datetime, ends_at: datetime) -> str:
    """Where a file can be fetched: for a quarter of an hour, and no longer than until `ends_at`."""
    return object_address(objects, objects.key_of(str(path)), now, ends_at)


def object_address(objects: ObjectFiles, key: str, now: datetime, ends_at: datetime, method: str = "GET") -> str:
    """Where an object can be fetched: for a quarter of an hour, and no longer than until `ends_at`."""
    lasts = min(LASTS, ends_at - now)
    return objects.store.address(method, key, {}, max(1, int(lasts.total_seconds())))


def collect(objects: ObjectFiles, run_id: str, names: Iterable[str], known: Mapping[str, Upload], folder: Path) -> None:
    """Fetches what a run has put into the store; what is not there, or of another size, stays out."""
    for name in names:
        upload, file = known.get(name), folder / name
        if upload is None or file.exists():
            continue
        key = objects.staging(run_id, name)
        if objects.store.size_of(key) != upload.size_bytes:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{name}.part"
        try:
            objects.store.download(key, part)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)


def drop(objects: ObjectFiles, run_id: str) -> None:
    """Removes what a run has put into the store; where it does not answer, a sweep does."""
    with contextlib.suppress(WeftError):
        objects.drop_staging(run_id)


def _in_base64(digest: str) -> str:
    import base64

    return base64.b64encode(bytes.fromhex(digest)).decode()
