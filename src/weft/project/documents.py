"""Files of the standards become documents: read, recognised, validated; all problems of a file at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, msgpack

from weft.errors import Diagnostic, Where, diagnostic_from_json, error
from weft.model.document import Document
from weft.project.cache import Cache

ODCS_VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0", "v3.2.0")
ODPS_VERSIONS = ("v0.9.0", "v1.0.0")
_KINDS = {"contract": ("DataContract", ODCS_VERSIONS), "product": ("DataProduct", ODPS_VERSIONS)}


class Read(Struct, frozen=True):
    """A document and what is wrong with it; `document` is None when it cannot be made sense of."""

    document: Document | None
    problems: tuple[Diagnostic, ...]


def read(path: Path, root: Path, kind: str, cache: Cache) -> Read:
    """Reads and validates a file as `contract`, `product`, or `domain`."""
    file = below(path, root)
    try:
        digest = cache.digest_of(path)
    except OSError as e:
        return Read(None, (error("WFT-PRJ-001", f"`{file}` cannot be read: {e.strerror}", Where(file)),))
    key = hashlib.sha256(f"{kind}\n{file}\n{digest}".encode()).hexdigest()
    blob = cache.get("document", key)
    if blob is not None:
        return _unpacked(blob, file, digest)
    found = parse(path.read_bytes(), file, kind, digest)
    cache.put_many("document", {key: _packed(found)})
    return found


def below(path: Path, root: Path) -> str:
    """A path relative to a folder that it begins with, with forward slashes."""
    whole, start = path.as_posix(), root.as_posix().rstrip("/")
    return whole[len(start) + 1 :] if whole.startswith(f"{start}/") else path.relative_to(root).as_posix()


def parse(content: bytes, file: str, kind: str, digest: str = "") -> Read:
    """The document of a file's bytes."""
    from weft.project import yaml12

    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = content[: e.start].count(b"\n") + 1
        fix = "save it as UTF-8"
        return Read(None, (error("WFT-PRJ-021", f"`{file}` is not UTF-8 text", Where(file, line), fix=fix),))
    data, marks, problems = yaml12.read(text, file)
    if problems:
        return Read(None, tuple(problems))
    if not isinstance(data, dict):
        what = f"`{file}` holds no fields" if data is None else f"`{file}` is not a mapping of fields"
        return Read(None, (error("WFT-PRJ-005", what, Where(file, 1)),))
    document = Document(file, data, marks, digest)
    foreign = _recognised(document, kind)
    if foreign:
        return Read(None, (foreign,))
    from weft.project.validation import violations

    return Read(document, tuple(violations(document, kind)))


def dump(document: Mapping[str, Any]) -> str:
    """A document as YAML, every field kept, in its order."""
    import io

    out = io.StringIO()
    yaml_writer().dump(_plain(document), out)
    return out.getvalue()


def yaml_writer() -> Any:
    """Reads and writes YAML with comments and order kept, in the one layout of all files that weft writes."""
    from ruamel.yaml import YAML

    writer = YAML()
    writer.default_flow_style = False
    writer.allow_unicode = True
    writer.preserve_quotes = True
    writer.width = 120
    writer.indent(mapping=2, sequence=4, offset=2)
    return writer


def _plain(value: Any) -> Any:
    """The value with text that YAML 1.2 would read as something else put in quotes by the writer."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    from weft.project.yaml12 import scalar

    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, str) and (scalar(value, plain=True) != value or "\n" in value or "  " in value):
        return DoubleQuotedScalarString(value)
    return value


def _recognised(document: Document, kind: str) -> Diagnostic | None:
    """What is wrong when the document is of another standard or version; None when it is right."""
    if kind not in _KINDS:
        return None
    data, (wanted, versions) = document.data, _KINDS[kind]
    standard = "ODCS" if kind == "contract" else "ODPS"
    fix = f"weft reads {standard} {versions[0]} to {versions[-1]}"
    found = data.get("kind")
    if "dataContractSpecification" in data or ("schema" in data and "product" in data and found is None):
        other = "the Data Contract Specification" if "dataContractSpecification" in data else "another standard"
        return error("WFT-PRJ-003", f"this is a document of {other}", document.where(), fix=fix)
    if found is None or data.get("apiVersion") is None:
        return None  # the schema says what is missing
    if found != wanted:
        what = f"this is a document of kind `{found}`, not `{wanted}`"
        return error("WFT-PRJ-003", what, document.where(("kind",)), fix=fix)
    version = str(data["apiVersion"])
    if version not in versions:
        what = f"`apiVersion` {version} is not known"
        return error("WFT-PRJ-004", what, document.where(("apiVersion",)), fix=fix)
    return None


def _packed(found: Read) -> bytes:
    document = found.document
    marks = [[list(p), *at] for p, at in document.marks.items()] if document else []
    problems = [d.as_json() for d in found.problems]
    return msgpack.encode([json.dumps(document.data) if document else None, marks, problems])


def _unpacked(blob: bytes, file: str, digest: str) -> Read:
    data, marks, problems = msgpack.decode(blob)
    document = None
    if data is not None:
        document = Document(file, json.loads(data), {tuple(p): (line, col) for p, line, col in marks}, digest)
    return Read(document, tuple(diagnostic_from_json(p) for p in problems))


def seen(paths: Iterable[Path]) -> tuple[tuple[str, int, int], ...]:
    """How files can be seen from outside, without those that are not there: the same as long as none was written."""
    found = []
    for path in sorted(paths):
        try:
            state = path.stat()
        except OSError:
            continue
        found.append((str(path), state.st_mtime_ns, state.st_size))
    return tuple(found)
