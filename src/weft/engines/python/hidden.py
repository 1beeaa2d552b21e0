"""What lies on the disk and is not for Python models that run as another user."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

from msgspec.structs import asdict

from weft.config import Settings
from weft.connections import Connection, Reference


def hidden_paths(settings: Settings) -> tuple[str, ...]:
    """The mesh's folder and its state, and what of it lies elsewhere: registry, tables, sources, files of secrets."""
    places = (
        settings.mesh.registry,
        settings.storage.warehouse,
        settings.storage.catalog,
        *settings.sources.allow,
    )
    found = [settings.root, settings.state, *(settings.path(place) for place in places if "://" not in place)]
    found += [reference.file for reference in _references(asdict(settings)) if reference.file is not None]
    return tuple(dict.fromkeys(str(path.absolute()) for path in found))


def _references(value: object) -> Iterator[Reference]:
    """The references to secrets that are anywhere in a value."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, Connection):
        yield from value.secrets.values()
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _references(one)
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield from _references(getattr(value, field.name))
