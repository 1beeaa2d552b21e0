"""Every extension point, and the only reader of entry points. What weft ships is a plug-in like any other."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

from weft.errors import UsageError, did_you_mean, error

BUILT_IN: dict[str, dict[str, str]] = {
    "weft.engines": {"duckdb": "weft.engines.duckdb.engine:DuckDBEngine"},
    "weft.storages": {"iceberg": "weft.storage.iceberg:IcebergStorage"},
    "weft.registries": {
        "sqlite": "weft.registry.sqlite:SqliteRegistry",
        "postgresql": "weft.registry.postgres:PostgresRegistry",
        "http": "weft.registry.http:HttpRegistry",
        "https": "weft.registry.http:HttpRegistry",
    },
    "weft.connectors": {"file": "weft.connectors.files:FileConnector"},
}
"""By group and name: what an installed package may add under the same group in its entry points."""

EXTRAS = {"postgresql": "server", "http": "server", "https": "server"}
"""What has to be installed for a plug-in that weft ships."""


def load(group: str, name: str) -> Any:
    """The object that a plug-in gives; imported now.

    Raises:
        UsageError: WFT-CFG-004, nothing of that name is installed.
    """
    target = BUILT_IN[group].get(name) or _installed(group).get(name)
    if target is None:
        known = [*BUILT_IN[group], *_installed(group)]
        raise UsageError(
            error(
                "WFT-CFG-004",
                f"no {group.removeprefix('weft.')[:-1]} `{name}` is installed",
                why=f"there are: {', '.join(sorted(known))}",
                fix=did_you_mean(name, known),
            )
        )
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as e:
        extra = EXTRAS.get(name)
        if extra is None or (e.name or "").startswith("weft"):
            raise
        what = f"the package `{e.name}` is not installed, which `{name}` needs"
        raise UsageError(error("WFT-CFG-004", what, fix=f'pip install "weft[{extra}]"')) from e


def _installed(group: str) -> dict[str, str]:
    # importlib.metadata costs 20 ms: only asked for names that weft does not ship.
    from importlib.metadata import entry_points

    return {e.name: e.value for e in entry_points(group=group)}


def version_of(package: str) -> str:
    """The installed version of a package, without importing it."""
    # importlib.metadata would say the same, and costs 20 ms: the folder of the metadata is named by the version
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    site = Path(spec.origin).parent.parent
    found = sorted(site.glob(f"{package}-*.dist-info"))
    if found:
        return found[-1].name.removeprefix(f"{package}-").removesuffix(".dist-info")
    return str(getattr(importlib.import_module(package), "__version__", ""))
