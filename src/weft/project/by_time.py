"""Whether a product has a model that is built by time, from the settings of its models alone: no SQL is parsed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from weft.errors import Diagnostic
from weft.model.materialization import keeping, wrong_settings
from weft.project.models import settings_of
from weft.project.python_headers import read_header
from weft.project.regular import text_of


def has_model_by_time(folder: Path) -> bool | None:
    """Whether a stretch of time of some model of the product in a folder can be computed by itself.

    None where a model's settings cannot be read: whoever builds it says what is wrong.
    """
    found: bool | None = False
    for file in sorted(folder.glob("models/*")):
        try:
            settings = _settings(file)
        except (OSError, UnicodeDecodeError):
            settings = None
        if settings is None or wrong_settings(settings):
            found = None
        elif keeping(settings).by_time:
            return True
    return found


def _settings(file: Path) -> Mapping[str, Any] | None:
    """What a model's file sets; None where that is wrong, nothing where it is no model."""
    if file.suffix == ".sql":
        return settings_of(text_of(file))
    if file.suffix == ".py":
        problems: list[Diagnostic] = []
        header = read_header(text_of(file), file.name, problems)
        return None if problems else header.settings
    return {}
