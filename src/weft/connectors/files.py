"""Files as sources: CSV (also zipped or gzipped), JSON, NDJSON and Parquet, by path, glob or installed package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from weft.config import Settings
from weft.connectors.archives import unpacked, zipped
from weft.connectors.headers import (
    check_whole,
    csv_header,
    declared,
    distinct,
    first_object,
    named_columns,
    parquet_columns,
    parquet_schemas,
)
from weft.connectors.places import places
from weft.connectors.relations import (
    ForeignFile,
    as_they_are,
    csv_relation,
    format_of,
    json_relation,
    parquet_relation,
)
from weft.errors import SourceError, error
from weft.model.column import Column
from weft.model.mesh import Source
from weft.model.odcs import Contract
from weft.model.types import duck_type


class Remembering(Protocol):
    """Digests of files, and blobs by key."""

    def digest_of(self, path: Path) -> str:
        """SHA-256 of a file's content."""
        ...

    def get(self, kind: str, key: str) -> bytes | None:
        """A blob, or None."""
        ...

    def put_many(self, kind: str, entries: dict[str, bytes]) -> None:
        """Keeps blobs."""
        ...


class BoundSource(Struct, frozen=True):
    """A source that is there.

    Attributes:
        version: moves with the content of its files and with how they are read.
        columns: what a model sees of it.
        relation: makes the FROM item; unpacks an archive when first asked.
        files: by the path that is read (of an archive, the folder it is unpacked to), the path that a person knows.
    """

    version: str
    columns: tuple[Column, ...]
    relation: Callable[[], str]
    files: Mapping[str, str]


class FileConnector:
    """Finds the files of a source and tells DuckDB how to read them. Reads nothing but a header."""

    def __init__(self, settings: Settings, cache: Remembering) -> None:
        self._settings = settings
        self._cache = cache

    def bind(self, source: Source, *, trusted: bool = False) -> BoundSource:
        """The source, found and described.

        Args:
            trusted: the path was given by the person at the keyboard, not by a file of the repository.

        Raises:
            SourceError: WFT-SRC-001 to 008, what is missing or unusable, and how to mend it.
        """
        paths = places(source, self._settings, trusted=trusted)
        kind = self._format(source, paths[0])
        digests = [self._cache.digest_of(p) for p in paths]
        described = json.dumps(
            [digests, kind, source.nulls, source.delimiter, source.header, source.encoding, _types(source.contract)]
        )
        version = hashlib.sha256(described.encode()).hexdigest()
        columns = self._columns(source, kind, paths, version)
        return BoundSource(
            version, columns, lambda: self._relation(source, kind, paths, digests, columns), self._read(paths)
        )

    def files(self, source: Source) -> tuple[str, list[Path]]:
        """Format and files of a source, archives unpacked.

        Raises:
            SourceError: WFT-SRC-001 to 008.
        """
        return self._files(source, trusted=False)

    def read(self, source: Source) -> Mapping[str, str]:
        """By each path that is read, the path that a person knows, as `BoundSource.files` has them.

        Raises:
            SourceError: WFT-SRC-001, -005 and -006.
        """
        return self._read(places(source, self._settings, trusted=False))

    def header(self, source: Source) -> list[str]:
        """The column names of a CSV source's first file.

        Raises:
            SourceError: WFT-SRC-001 to 008; two columns of one name and one without are WFT-SRC-003.
        """
        path = places(source, self._settings, trusted=False)[0]
        return distinct(path, csv_header(source, path))

    def parquet_names(self, source: Source) -> list[str]:
        """The column names of a Parquet source's first file.

        Raises:
            SourceError: WFT-SRC-001 to 008; a file that is damaged is WFT-SRC-003.
        """
        paths = places(source, self._settings, trusted=False)
        return distinct(paths[0], parquet_schemas(paths)[0].names)

    def foreign(self, source: Source) -> ForeignFile:
        """Files that the person at the keyboard names, as they are: nothing is promised about their columns.

        Raises:
            SourceError: WFT-SRC-001 to 008.
        """
        kind, files = self._files(source, trusted=True)
        if kind == "csv":
            for path in places(source, self._settings, trusted=True):
                csv_header(source, path)
        if kind == "json":
            check_whole(files)
        return as_they_are(source, kind, [str(file) for file in files])

    def _files(self, source: Source, *, trusted: bool) -> tuple[str, list[Path]]:
        """Format and files of a source, archives unpacked."""
        paths = places(source, self._settings, trusted=trusted)
        digest = self._cache.digest_of
        files = [self._unpacked(p, digest(p)) if zipped(p) else p for p in paths]
        return self._format(source, paths[0]), files

    def _format(self, source: Source, path: Path) -> str:
        if source.format is not None:
            if source.format in {"csv", "json", "ndjson", "parquet"}:
                return source.format
            raise SourceError(
                error(
                    "WFT-SRC-007",
                    f"`{source.format}` is no format of a source",
                    fix="use csv, json, ndjson or parquet",
                )
            )
        kind = format_of(path.name)
        if kind is None and zipped(path):
            kind = "csv"
        if kind is None:
            raise SourceError(
                error("WFT-SRC-007", f"the format of `{source.file}` cannot be told from its name", fix="add `format:`")
            )
        return kind

    def _columns(self, source: Source, kind: str, paths: list[Path], version: str) -> tuple[Column, ...]:
        known = self._cache.get("source columns", version)
        if known is not None:
            return tuple(Column(name, type_) for name, type_ in json.loads(known))
        if kind == "json":
            check_whole(paths)
        if kind == "csv":
            columns = named_columns(source, paths, [distinct(p, csv_header(source, p)) for p in paths])
        elif kind == "parquet":
            columns = parquet_columns(source, paths)
        elif source.contract is not None:
            columns = declared(source.contract)
        else:
            columns = tuple(Column(name, "VARCHAR") for name in first_object(source, kind, paths[0]))
        blob = json.dumps([(c.name, c.type) for c in columns]).encode()
        self._cache.put_many("source columns", {version: blob})
        return columns

    def _relation(
        self, source: Source, kind: str, paths: list[Path], digests: list[str], columns: tuple[Column, ...]
    ) -> str:
        files = [self._unpacked(p, d) if zipped(p) else p for p, d in zip(paths, digests, strict=True)]
        if kind == "parquet":
            return parquet_relation(files, columns)
        if kind in ("json", "ndjson"):
            return json_relation(kind, files, columns)
        by_header: dict[tuple[str, ...], list[Path]] = {}
        for file in files:
            by_header.setdefault(tuple(csv_header(source, file)), []).append(file)
        parts = [csv_relation(source, alike, list(names), columns) for names, alike in by_header.items()]
        return parts[0] if len(parts) == 1 else "(" + " UNION ALL ".join(f"FROM {part}" for part in parts) + ")"

    def _read(self, paths: Sequence[Path]) -> dict[str, str]:
        root, digest = self._settings.root, self._cache.digest_of
        return {
            str(self._unpacked_to(digest(p)) if zipped(p) else p): (
                p.relative_to(root).as_posix() if p.is_relative_to(root) else str(p)
            )
            for p in paths
        }

    def _unpacked_to(self, digest: str) -> Path:
        return self._settings.cache / "sources" / digest

    def _unpacked(self, path: Path, digest: str) -> Path:
        return unpacked(path, self._unpacked_to(digest))


def _types(contract: Contract | None) -> list[list[str | None]]:
    return [[p.name, duck_type(p)] for p in contract.table.properties] if contract else []
