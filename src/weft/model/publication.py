"""Publications: which rows of a port can be read, since when, under which contract."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from msgspec import Struct, field

from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.live import LiveTable


class ColumnStatistics(Struct, frozen=True):
    """What is known of one column of one file; bounds as DuckDB prints them, None where unknown."""

    nulls: int | None = None
    minimum: str | None = None
    maximum: str | None = None
    size_bytes: int | None = None
    exact: bool = True


class PartitionValue(Struct, frozen=True):
    """One part of the partition of a file: what a transform makes of a column, in all its rows.

    Attributes:
        value: text as the writer gave it; for years, months and hours their number since 1970. None is null.
    """

    field_id: int
    transform: str
    value: str | None


class DataFile(Struct, frozen=True):
    """One Parquet file of a snapshot.

    Attributes:
        path: relative to the warehouse's root, with forward slashes; a full URI for files elsewhere.
        statistics: by field id.
        partition: what its rows share; files of one table may be parted in different ways.
    """

    path: str
    rows: int
    size_bytes: int
    statistics: Mapping[int, ColumnStatistics] = field(default_factory=dict)
    partition: tuple[PartitionValue, ...] = ()


class Manifest(Struct, frozen=True):
    """The files of a snapshot and the columns in which they are read: all that a read needs.

    Attributes:
        live: the table in which the rows live; there are no files then.
    """

    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]
    live: LiveTable | None = None

    @property
    def rows(self) -> int:
        """Rows of all files; of a live table those that it had when it was published."""
        return self.live.rows if self.live is not None else sum(f.rows for f in self.files)

    @property
    def size_bytes(self) -> int:
        """Bytes of all files."""
        return sum(f.size_bytes for f in self.files)


QUARANTINE = "weft.quarantine"
"""The setting of a contract that lets bad rows go to quarantine."""

RULE_COLUMN = "_rule"
REASON_COLUMN = "_reason"


_SIDE_ID = 1_000_000_000
"""Field ids of the columns that a side table adds: no table of ours comes near."""

SIDE_COLUMNS = (
    Column(RULE_COLUMN, "VARCHAR[]", _SIDE_ID, RULE_COLUMN),
    Column(REASON_COLUMN, "VARCHAR[]", _SIDE_ID + 1, REASON_COLUMN),
)
"""What a side table has beside the port's columns: ids of the checks that a row breaks, and a text for each."""


def side_of(manifest: Manifest) -> Manifest:
    """The side table of a snapshot in which no row is."""
    return Manifest((*manifest.columns, *SIDE_COLUMNS), ())


class Quarantine(Struct, frozen=True):
    """Rows that broke rules and were left out, in files beside those of the snapshot, with rule and reason per row.

    Attributes:
        manifest: the side table: the port's columns, `_rule` (ids of checks) and `_reason` (a text for each).
        total: rows that were built: those published and those in here.
        checks: how many rows break a rule, by the check's id; a row may break several.
    """

    manifest: Manifest
    total: int
    checks: Mapping[str, int]

    @property
    def rows(self) -> int:
        """Rows in quarantine."""
        return self.manifest.rows

    @property
    def share(self) -> float:
        """Rows in quarantine as a share of those that were built, 0 to 1."""
        return self.rows / self.total if self.total else 0.0

    def as_json(self) -> dict[str, Any]:
        """The counts as pages, runs and events show them."""
        return {"rows": self.rows, "total": self.total, "share": self.share, "checks": dict(self.checks)}


class Override(Struct, frozen=True):
    """An owner's decision to publish against failed checks, until a day.

    Attributes:
        until: the last day on which it holds (UTC).
        checks: how many rows break a check that was overridden, by its id; None where rows do not tell.
    """

    by: str
    reason: str
    until: date
    checks: Mapping[str, int | None]

    def ended(self, today: date) -> bool:
        """Whether its last day is over."""
        return today > self.until

    @property
    def mark(self) -> str:
        """The decision in words, as everybody sees it who reads the port."""
        told = [
            check if rows is None else f"{check}: {rows:,} row{'' if rows == 1 else 's'}"
            for check, rows in self.checks.items()
        ]
        failed = f"{len(told)} failed check{'' if len(told) == 1 else 's'}"
        return f"published against {failed} ({', '.join(told)}) by {self.by} until {self.until}: {self.reason}"

    def as_json(self) -> dict[str, Any]:
        """The decision as pages, runs and events show it."""
        return {
            "by": self.by,
            "reason": self.reason,
            "until": self.until.isoformat(),
            "checks": dict(self.checks),
            "mark": self.mark,
        }


class Expired(Struct, frozen=True):
    """That the rows of a publication are gone, or about to go: since when nobody can read them, and why."""

    at: datetime
    reason: str


class Digests(Struct, frozen=True):
    """What decides whether a port must be built, verified or merely described again. All hex SHA-256.

    Attributes:
        fingerprint: of everything that rows depend on.
        rules: of everything in the contract that checks depend on.
        texts: of the whole documents.
    """

    fingerprint: str
    rules: str
    texts: str


class Publication(Struct, frozen=True):
    """One publication of a port: a row that is only ever added.

    Attributes:
        revision: counts the publications of this port from 1; 0 before the registry has numbered it.
        snapshot_id: the Iceberg snapshot, as text; two publications share one when only rules or texts changed.
        contract: the ODCS document as published.
        upstream: snapshot ids that its rows were made from, by pinned address; source versions, by `source:NAME`.
        parts: what the fingerprint was made of, so that a plan can say what moved.
        quarantine: rows that were left out; None when there are none.
        column_digests: what decides the values of each column, by its id, and under `*` what decides which rows there
            are, so that a plan can say which columns a change moves; empty where an older weft has published it.
        model_digests: what decides the rows of each model that it needs, by name, so that a plan can say which of them
            has changed; empty where an older weft has published it.
        override: who published it against failed checks; None when none failed.
        expired: when its rows had had their time; None while they can be read.
    """

    address: Address
    snapshot_id: str
    run_id: str
    version: str
    status: str
    contract: Mapping[str, Any]
    digests: Digests
    manifest: Manifest
    checks: CheckCounts
    published_at: datetime
    published_by: str
    upstream: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    revision: int = 0
    quarantine: Quarantine | None = None
    override: Override | None = None
    column_digests: Mapping[str, str] = field(default_factory=dict)
    model_digests: Mapping[str, str] = field(default_factory=dict)
    expired: Expired | None = None

    @property
    def rows(self) -> int:
        """Rows that can be read."""
        return self.manifest.rows


class KeptTable(Struct, frozen=True):
    """The rows that a private model keeps from one build to the next. Only its product reads them.

    Attributes:
        parts: what its fingerprint was made of.
    """

    product: ProductAddress
    model: str
    snapshot_id: str
    run_id: str
    manifest: Manifest
    parts: Mapping[str, str]

    @property
    def table(self) -> Address:
        """Where its rows rest: a name that no port can have."""
        return kept_table(self.product, self.model)


def kept_table(product: ProductAddress, model: str) -> Address:
    """The address under which storage keeps the rows of a private model.

    >>> str(kept_table(ProductAddress("sales", "orders"), "cleaned"))
    'sales.orders.~cleaned@1'
    """
    return Address(product.domain, product.product, f"~{model}", 1)


def is_kept_table(table: Address) -> bool:
    """Whether an address is that of a table which a private model keeps, not of a port."""
    return table.port.startswith("~")


class PortState(Struct, frozen=True):
    """A port as the registry has it now: the header of its current publication, without the manifest.

    Attributes:
        pinned: the reason of a rollback that holds the port; None when it is free.
        default: whether the address without major means this one.
        retired: no new reads.
        held: while pinned, the parts of the publication that was rolled back: the pin holds until they change.
        live: the table in which its rows live; None where they lie in files.
    """

    address: Address
    revision: int
    snapshot_id: str
    run_id: str
    version: str
    status: str
    digests: Digests
    upstream: Mapping[str, str]
    parts: Mapping[str, str]
    rows: int
    checks: CheckCounts
    published_at: datetime
    published_by: str
    default: bool
    pinned: str | None = None
    retired: bool = False
    held: Mapping[str, str] | None = None
    contract: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[Column, ...] = ()
    quarantine: Quarantine | None = None
    override: Override | None = None
    column_digests: Mapping[str, str] = field(default_factory=dict)
    model_digests: Mapping[str, str] = field(default_factory=dict)
    live: LiveTable | None = None
