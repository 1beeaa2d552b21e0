"""The libraries that prove numbers: imported when a number has to be proved, told when they are not there."""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from weft.errors import Diagnostic, warning

PACKAGES = {"stdnum": "python-stdnum", "phonenumbers": "phonenumbers"}
"""Modules, and the packages that bring them."""


@lru_cache
def there(module: str) -> bool:
    """Whether a library is installed; nothing is imported."""
    return find_spec(module) is not None


@lru_cache
def of_stdnum(name: str) -> Any:
    """A module of python-stdnum: `iban`, `us.ssn`."""
    return import_module(f"stdnum.{name}")


def proved(name: str, value: str) -> bool:
    """Whether python-stdnum says that a value is a valid number of a kind."""
    return bool(of_stdnum(name).is_valid(value))


def not_looked_for(kinds: Collection[str]) -> Diagnostic:
    """The warning that kinds were not looked for."""
    return warning(
        "WFT-GOV-020",
        f"not looked for: {', '.join(kinds)}",
        why=f"{' and '.join(PACKAGES.values())} prove such numbers, and one of them is not installed",
        fix="pip install 'weft[detect]'",
    )
