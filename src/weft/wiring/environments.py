"""Where environments keep what they have registered: a file each, below the state of the mesh."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from weft.registry.base import Registry

_MADE = "made"
"""The file that holds when an environment was made; its log says nothing until something is built."""


class EnvironmentFiles:
    """The registries of environments, each opened when they are first asked for."""

    def __init__(self, folder: Path, opened: Callable[[Path], Registry]) -> None:
        self._folder = folder
        self._opened = opened

    @cached_property
    def every(self) -> dict[str, Registry]:
        """All that there are, by name."""
        names = sorted(p.parent.name for p in self._folder.glob("*/registry.db")) if self._folder.is_dir() else []
        return {name: self._opened(self.file(name)) for name in names}

    def file(self, name: str) -> Path:
        """The file of one, whether it is there or not."""
        return self._folder / name / "registry.db"

    def make(self, name: str, at: datetime) -> bool:
        """Makes one where it is new; whether it was."""
        path = self.file(name)
        if path.exists():
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_name(_MADE).write_text(at.isoformat(), encoding="utf-8")
        self._opened(path).close()
        return True

    def made_at(self, name: str) -> datetime:
        """When one was made; of one of an older weft when its registry was last written to."""
        path = self.file(name)
        try:
            return datetime.fromisoformat(path.with_name(_MADE).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):  # the second: a machine that stopped before the text was on its disk
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)

    def remove(self, name: str) -> None:
        """Removes what one has registered."""
        self.every.pop(name).close()
        file = self.file(name)
        for beside in file.parent.iterdir():
            if beside != file:
                beside.unlink()
        file.unlink()  # last: as long as it is there the environment is, and can be dropped again
        file.parent.rmdir()

    def close(self) -> None:
        """Gives connections back; what is asked for later is opened again."""
        for registry in self.__dict__.pop("every", {}).values():
            registry.close()
