"""Scripts and styles, as they were bundled when weft was built; each address holds the digest of its content."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "assets"
"""Where `portal/build.mjs` puts them."""


@cache
def manifest() -> dict[str, str]:
    """File names with their digests, by the names that templates use.

    Raises:
        FileNotFoundError: this copy of weft was not built.
    """
    found: dict[str, str] = json.loads((FOLDER / "manifest.json").read_text("utf-8"))
    return found


def address_of(name: str) -> str:
    """The address of a script or style, which never changes its content."""
    return f"/assets/{manifest()[name]}"
