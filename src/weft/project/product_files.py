"""Which products lie in a mesh's folder, by their files' names alone: nothing is parsed that need not be."""

from __future__ import annotations

from pathlib import Path

from weft.config import Settings
from weft.model.document import custom_properties
from weft.project.regular import text_of


def products_in(settings: Settings) -> dict[str, Path]:
    """The addresses of products whose files lie in a mesh's folder, each with its folder."""
    found: dict[str, Path] = {}
    for pattern in settings.mesh.domains:
        for domain in sorted(settings.root.glob(pattern)):
            name = _slug(domain / "domain.yaml", domain.name)
            if name is None:
                continue
            for folder in sorted(domain.iterdir()):
                slug = _slug(folder / "product.odps.yaml", folder.name)
                if slug is not None:
                    found.setdefault(f"{name}.{slug}", folder)
    return found


def _slug(file: Path, name: str) -> str | None:
    """How a document names itself in addresses; None where there is no such file."""
    try:
        text = text_of(file)
    except (OSError, UnicodeDecodeError):
        return None
    if "weft.slug" not in text:
        return name
    from weft.project.yaml12 import read

    data, _, _ = read(text, file.name)
    return str(custom_properties(data).get("weft.slug", name)) if isinstance(data, dict) else name
