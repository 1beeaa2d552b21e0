"""What a runner hands to the server that commits for it: one product, its staged files, and what it says of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from weft.model.address import Address
from weft.model.checks import CheckResult
from weft.model.column import Column
from weft.model.layout import UNORDERED, Layout
from weft.model.publication import DataFile, Publication
from weft.model.records import Publish


class Numbering(Struct, frozen=True):
    """The columns of a table as its next snapshot has them: with field ids, which the server alone gives.

    Attributes:
        field_ids: DuckDB's `FIELD_IDS` literal.
    """

    columns: tuple[Column, ...]
    field_ids: str
    layout: Layout


class AskedTable(Struct, frozen=True):
    """A table that a run is about to write."""

    table: Address
    columns: tuple[Column, ...]
    layout: Layout = UNORDERED


class Upload(Struct, frozen=True):
    """A file that was uploaded: its name in the run, its size and its SHA-256 in hex."""

    name: str
    size_bytes: int
    sha256: str


class StagedTable(Struct, frozen=True):
    """A snapshot that is to be committed.

    Attributes:
        key: stands for the snapshot's id where the publication names it.
        goes_on: whether it goes on from the table's current snapshot; else it takes its place.
        files: all files of the snapshot; those that were uploaded are in `Handover.uploads`.
    """

    key: str
    table: Address
    columns: tuple[Column, ...]
    layout: Layout
    goes_on: bool
    files: tuple[DataFile, ...]


class Handover(Struct, frozen=True):
    """A publication as a runner states it; nothing of it is believed.

    Attributes:
        uploads: of each new file, by its path in the manifests.
    """

    publish: Publish
    tables: tuple[StagedTable, ...] = ()
    uploads: Mapping[str, Upload] = field(default_factory=dict)


class Verified(Struct, frozen=True):
    """Who has checked what of a port.

    Attributes:
        rows: rows on which the server has checked keys, nulls and counts: all.
        sampled: rows on which it has checked the rest; None: on all.
        server: ids of the checks that the server has evaluated on all rows.
        sample: ids of those that it has evaluated on a sample.
        runner: ids of those for which the runner's word stands.
    """

    address: Address
    rows: int
    sampled: int | None
    server: tuple[str, ...]
    sample: tuple[str, ...] = ()
    runner: tuple[str, ...] = ()


class Committed(Struct, frozen=True):
    """What came of a handover: publications as they are numbered, and who has checked what."""

    publications: tuple[Publication, ...]
    verified: tuple[Verified, ...] = ()


class Awaiting(Struct, frozen=True):
    """A publication that a server has accepted and not committed yet; empty while it is being checked.

    Attributes:
        diagnostics: what it waits for.
        approvals: ids of the approvals that are missing.
        until: until when it is kept; then it ends unpublished.
    """

    diagnostics: tuple[Mapping[str, Any], ...] = ()
    approvals: tuple[str, ...] = ()
    until: str | None = None


class RunOpened(Struct, frozen=True):
    """Where a run may write.

    Attributes:
        prefix: the run's own place, under which files are put.
        most_bytes: how large one file may be.
        addressed: whether each file goes to an address of its own that is asked for, instead of to the server.
    """

    run_id: str
    prefix: str
    most_bytes: int
    ends_at: str
    addressed: bool = False


class UploadAddress(Struct, frozen=True):
    """Where one file is put, within a quarter of an hour: by `PUT`, with exactly these headers and no token."""

    address: str
    headers: Mapping[str, str]


class ScanFile(Struct, frozen=True):
    """A file of a scan, by its path in the manifest and its number in the scan."""

    path: str
    number: int
    size_bytes: int


class Scan(Struct, frozen=True):
    """The files of exactly one snapshot that a consumer may read for a while.

    Attributes:
        token: what a request for a file shows, beside the caller's own token.
    """

    scan_id: str
    token: str
    port: Address
    snapshot_id: str
    files: tuple[ScanFile, ...]
    ends_at: str


class ScanAsked(Struct, frozen=True):
    """What somebody wants to read.

    Attributes:
        product: the consuming product; None: a person.
        snapshot_id: None is the current one.
        quarantine: the rows that were left out instead of those that were published.
        run: the open run of the caller that builds from them; a port that lives in a database is read for one alone.
    """

    port: str
    product: str | None = None
    snapshot_id: str | None = None
    quarantine: bool = False
    run: str | None = None


class RollbackAsked(Struct, frozen=True):
    """Earlier rows that are to be shown again.

    Attributes:
        request: an id that the client gives, so that the same request is known again.
    """

    request: str
    snapshot: str
    expected_revision: int
    reason: str
    address: Address | None = None


class ChecksAsked(Struct, frozen=True):
    """Check results of a port that was not published."""

    address: Address
    results: tuple[CheckResult, ...]
