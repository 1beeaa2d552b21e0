"""Where the files of tables rest: one protocol for a folder of this machine and for an object store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct


class Found(Struct, frozen=True):
    """A file below the warehouse.

    Attributes:
        place: its path, relative to the warehouse.
        shown: how it is named to people.
    """

    place: str
    written_at: datetime
    shown: str

    @property
    def name(self) -> str:
        """Its name without the folders above it."""
        return self.place.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """The name of the folder that it lies in."""
        return self.place.split("/")[-2]


class TableFiles(Struct, frozen=True):
    """What lies in the folder of a table.

    Attributes:
        data: files of runs, `data/run-<id>/<name>`.
        metadata: files of Iceberg's metadata.
    """

    data: tuple[Found, ...] = ()
    metadata: tuple[Found, ...] = ()


class Files(Protocol):
    """The files of a warehouse. One that has appeared never changes.

    A location is what Iceberg's metadata calls a file (`file://…`, `s3://…`); a place is a path relative to the
    warehouse, as manifests of publications have it.
    """

    @property
    def far(self) -> bool:
        """Whether each file has to wait for a store elsewhere."""
        ...

    @property
    def home(self) -> str:
        """The location of the warehouse."""
        ...

    @property
    def root(self) -> str:
        """Absolute path of a folder here: files of data are written there and read there, each at its place."""
        ...

    def read(self, location: str) -> bytes:
        """The content of a file of metadata."""
        ...

    def write(self, location: str, content: bytes) -> None:
        """Writes a new file of metadata; it appears whole, and a crash leaves none."""
        ...

    def exists(self, location: str) -> bool:
        """Whether there is such a file."""
        ...

    def remove(self, places: Collection[str]) -> None:
        """Removes files, where they are."""
        ...

    def remove_run(self, folder: str) -> None:
        """Removes what a run has written of a table: all below a place."""
        ...

    def keep(self, places: Sequence[str], fresh: str, known: Callable[[], Collection[str]]) -> None:
        """Sees to it that files of data that were written under `root` rest in the warehouse.

        Args:
            fresh: the name of the run's folder: what lies in it was written just now.
            known: gives places of files that rest there already.
        """
        ...

    def bring(self, sizes: Mapping[str, int]) -> None:
        """Sees to it that files of data lie under `root`: sizes in bytes by place."""
        ...

    def listed(self) -> Mapping[tuple[str, ...], TableFiles]:
        """All that lies in the folders of tables, by the three names of the table."""
        ...

    def held_bytes(self, folder: str) -> int:
        """Bytes that rest below a folder of the warehouse, with all that is older and not swept yet."""
        ...

    def tidy(self, folder: tuple[str, ...], spared: Collection[str], only: Collection[str] | None) -> None:
        """Removes empty folders of a table's runs, but for runs that are spared; those of `only` alone."""
        ...

    def claim(self, catalog: Callable[[], str]) -> None:
        """Sees to it that no two catalogs have tables in one place.

        Args:
            catalog: gives the id of the catalog.

        Raises:
            ProjectError: WFT-STO-020, another one has.
        """
        ...

    def sweep(self, older_than: datetime, runs: Collection[str]) -> Sequence[str]:
        """Removes what no table and none of `runs` has and is older than a time: halves of uploads, spare copies."""
        ...
