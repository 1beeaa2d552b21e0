"""What lineage says of the classifications that files declare, computed once for the same files and ports."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from weft.errors import Diagnostic, diagnostic_from_json
from weft.model.classification import Classification
from weft.model.mesh import Source

if TYPE_CHECKING:
    from weft.governance.labels import Label
    from weft.model.lineage import ColumnEdge
    from weft.plan.binding import Remembered
    from weft.plan.repository import Repository
    from weft.registry.base import RegistryReader
    from weft.runs.classifying import Classified

_KIND, _INHERITED = "classification", "inherited"
_READING = "1"
"""Goes up when the same files and ports get other diagnostics."""


def classification_problems(
    repository: Repository, cache: Remembered, reader: RegistryReader
) -> tuple[Diagnostic, ...]:
    """What contracts declare that is less than lineage gives: warnings, so that a policy decides what they stop."""
    return tuple(diagnostic_from_json(told) for told in json.loads(_remembered(_KIND, repository, cache, reader)))


def inherited_labels(repository: Repository, cache: Remembered, reader: RegistryReader) -> dict[str, Label]:
    """What the columns of the repository's ports inherit, as its files want them; of others nothing is known."""
    from weft.governance.labels import Label

    known = json.loads(_remembered(_INHERITED, repository, cache, reader))
    return {node: Label(Classification(level), tuple(tags)) for node, level, tags in known}


def _remembered(kind: str, repository: Repository, cache: Remembered, reader: RegistryReader) -> bytes:
    """The blob of a kind for these files and ports; all kinds are computed together."""
    key = _key(repository)
    known = cache.get(kind, key)
    if known is not None:
        return known
    found = classified(repository, cache, reader, upstream=False)
    blobs = {
        _KIND: [told.as_json() for told in found.problems],
        _INHERITED: [[s.column.node, int(s.inherited.level), s.inherited.tags] for s in found.standings],
    }
    encoded = {name: json.dumps(blob).encode() for name, blob in blobs.items()}
    for name, blob in encoded.items():
        cache.put_many(name, {key: blob})
    return encoded[kind]


def classified(
    repository: Repository, cache: Remembered, reader: RegistryReader, *, upstream: bool = True
) -> Classified:
    """How the columns of the repository's ports stand."""
    from weft.runs.classifying import classified
    from weft.runs.lineage import cached_lineage

    def lineage(
        digest: str, sql: str, columns: dict[str, tuple[str, ...]], outputs: tuple[str, ...]
    ) -> tuple[ColumnEdge, ...]:
        return cached_lineage(cache, digest, sql, columns, outputs)

    return classified(repository, lineage, reader, upstream=upstream)


def _key(repository: Repository) -> str:
    """Everything that the diagnostics hang on: files, columns of sources, and what is registered and not declared."""
    ports = repository.registered.ports
    sources = {
        f"{one.product.address}.{entry.name}": one.input_columns[entry.name]
        for one in repository.desired.values()
        for entry in one.inputs
        if isinstance(entry.binding, Source)
    }
    held = [
        _READING,
        sorted(repository.mesh.files.items()),
        sorted(str(address) for address in repository.desired),
        sorted(sources.items()),
        sorted((str(a), ports[a].revision) for a in ports.keys() - repository.desired.keys()),
    ]
    return hashlib.sha256(json.dumps(held).encode()).hexdigest()
