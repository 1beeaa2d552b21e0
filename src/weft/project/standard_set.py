"""The set of policies that weft ships, written into a mesh that wants to begin with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from weft.project.edit import write_whole
from weft.project.policies import MESH_FOLDER

FOLDER = Path(__file__).parent / "standard"
"""A README and `policies/`: what the mesh's folder `governance` begins with."""

_ID = re.compile(r"^id:\s*[\"']?([a-z0-9-]+)", re.MULTILINE)


def add_standard_set(root: Path) -> list[Path]:
    """Writes the set into a mesh and returns the files written.

    What is there is kept: a file of the same name, and a policy of the same id whatever its file is called.
    """
    target = root / MESH_FOLDER
    there = {name for path in target.glob("*.y*ml") for name in _ID.findall(path.read_text("utf-8", errors="replace"))}
    wanted = {target.parent / "README.md": FOLDER / "README.md"}
    wanted |= {target / path.name: path for path in sorted((FOLDER / "policies").glob("*.yaml"))}
    written = []
    for path, shipped in wanted.items():
        if path.exists() or (shipped.suffix == ".yaml" and shipped.stem in there):
            continue
        write_whole(path, shipped.read_text("utf-8"))
        written.append(path)
    return written


SETS: Mapping[str, Callable[[Path], list[Path]]] = {"standard": add_standard_set}
"""The sets that can be asked for, by name."""
