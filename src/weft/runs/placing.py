"""Where the new files of a publication will lie: each in a place of its own, in its run's folder of its table."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from weft.errors import ProjectError, error
from weft.model.address import Address
from weft.model.publication import Manifest
from weft.storage.base import Target


class Places:
    """New files by the paths that a runner has given them."""

    def __init__(self, fresh: Mapping[str, Path], root: Path) -> None:
        """Takes where each new file lies now, and the folder of the warehouse."""
        self._fresh = fresh
        self._root = root
        self._places: dict[str, str] = {}
        self._taken: dict[str, str] = {}

    def choose(self, path: str, target: Target) -> None:
        """Finds a place for a new file: the one that its runner has given it, if it is one.

        Raises:
            ProjectError: WFT-SRV-050, another new file has it: what was checked would not be what is published.
        """
        own = Path(target.folder).relative_to(self._root).as_posix()
        folder, _, name = path.rpartition("/")
        place = path if folder == own and _is_plain(name) else f"{own}/{self._fresh[path].name}"
        if self._taken.setdefault(place, path) != path:
            raise named_twice(target.table, f"the file `{place}`")
        self._places[path] = place

    def put(self) -> None:
        """Puts new files under the warehouse; their copies among the uploads stay until the run ends."""
        for path, place in self._places.items():
            _linked(self._fresh[path], self._root / place)

    def at(self, path: str) -> str:
        """Where a file of a manifest will lie."""
        return self._places.get(path, path)

    def moved(self, manifest: Manifest) -> Manifest:
        """A manifest with its files by where they will lie."""
        files = (replace(f, path=self.at(f.path)) for f in manifest.files)
        return replace(manifest, files=tuple(files))


def named_twice(what: Address | str, thing: str) -> ProjectError:
    """That a publication names something twice that can be there once."""
    return ProjectError(
        error(
            "WFT-SRV-050",
            f"a publication of `{what}` names {thing} twice",
            why="what is counted and checked once would be published twice, or in the place of something else",
            fix="publish what weft has built",
        )
    )


def _is_plain(name: str) -> bool:
    """Whether a name is that of a Parquet file and of nothing else."""
    stem = name.removesuffix(".parquet")
    return stem != name and 0 < len(stem) < 200 and stem.replace("-", "").replace("_", "").isalnum() and stem.isascii()


def _linked(source: Path, place: Path) -> None:
    """A file under a second name; a copy of it where the two lie on different disks."""
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)
