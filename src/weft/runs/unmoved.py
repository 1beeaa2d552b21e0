"""Files of sources stay as the plan had read them while rows are made from them, or nothing comes of the rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from weft.errors import Conflict
from weft.model.address import ProductAddress
from weft.plan.desired import Desired
from weft.plan.moved import moved

if TYPE_CHECKING:
    from weft.connectors.files import BoundSource
    from weft.runs.context import Context

Stamps = Mapping[str, tuple[int, int, int, int] | None]


class Opened(Struct, frozen=True):
    """A source as it was before its first row was read.

    Attributes:
        stamps: size, times and inode of its files: one that is written to and back again has moved too.
    """

    version: str
    stamps: Stamps


def opened(bound: BoundSource) -> Opened:
    """How a source is now."""
    return Opened(bound.version, _stamps(bound.files))


def require(read: Mapping[str, Opened], product: ProductAddress, wanted: Sequence[Desired], context: Context) -> None:
    """Refuses rows of sources that are no longer as they were planned, or as they were when reading began.

    Raises:
        Conflict: WFT-RUN-001, naming each source that moved.
    """
    problems = []
    for name, before in read.items():
        planned = {one.parts[key] for one in wanted if (key := f"source:{name}") in one.parts}
        now = opened(context.source(product, name))
        other = next((v for v in sorted(planned) if v != now.version), before.version)
        if other != now.version:
            problems.append(moved(f"source `{product}.{name}`", _short(other), _short(now.version)))
        elif before != now:
            problems.append(moved(f"source `{product}.{name}`", _short(other), "written while it was read"))
    if problems:
        raise Conflict(*problems)


def _short(version: str) -> str:
    return f"version {version[:12]}"


def _stamps(paths: Iterable[str]) -> Stamps:
    return {path: _stamp(Path(path)) for path in paths}


def _stamp(path: Path) -> tuple[int, int, int, int] | None:
    try:
        status = path.stat()
    except OSError:  # an archive that is not unpacked yet: its content has its digest as its name
        return None
    if not path.is_file():
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino
