"""What is done to a registry as a whole: its tables are upgraded, it is backed up and restored."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from weft.config import Settings, load_settings
from weft.errors import PlatformError, UsageError, error

if TYPE_CHECKING:
    from weft.registry.backup import Backup
    from weft.registry.database import Database
    from weft.registry.migrations import Place, Upgraded


def upgrade(path: str | Path = ".", to: int | None = None, *, as_sql: bool = False) -> Upgraded:
    """Brings the tables of a mesh's registry to a version of them; None: to the newest.

    Args:
        as_sql: whether only the script that would do it is made.

    Raises:
        UsageError: WFT-CLI-002 a package is missing, WFT-REG-017 there is no such version, or it lies behind.
        ProjectError: WFT-REG-001, a newer weft has written it.
        PlatformError: WFT-REG-002, the database cannot be reached or refuses.
    """
    settings = load_settings(Path(path))
    try:
        from weft.registry import migrations
    except ModuleNotFoundError as e:
        if e.name not in ("alembic", "sqlalchemy"):
            raise
        what = f"the package `{e.name}` is not installed, which upgrades a registry"
        raise UsageError(error("WFT-CLI-002", what, fix='pip install "weft[server]"')) from e
    place = _place(settings)
    return migrations.script(place, to) if as_sql else migrations.upgrade(place, to)


def backup(file: Path, path: str | Path = ".") -> Backup:
    """Writes all that a mesh's registry holds at one moment into a file, while others go on.

    Raises:
        PlatformError: WFT-REG-002 it cannot be read, WFT-REG-004 its event log is broken.
    """
    from weft.registry import backup as backups
    from weft.wiring import clock

    database = _opened(load_settings(Path(path)))
    try:
        return backups.write(database, file, clock())
    finally:
        database.close()


def restore(file: Path, path: str | Path = ".", *, replace: bool = False) -> Backup:
    """Puts what a backup holds into a mesh's registry, which has to be empty.

    Args:
        replace: whether it may hold something, which goes.

    Raises:
        UsageError: WFT-REG-012 the file cannot be restored, WFT-REG-013 the registry is not empty.
        PlatformError: WFT-REG-002 it cannot be written, WFT-REG-004 the event log of the backup is broken.
    """
    from weft.registry import backup as backups

    settings = load_settings(Path(path))
    backups.opened(file)
    if "://" not in settings.mesh.registry:  # it holds hashes of tokens, as the backup does
        private(settings.path(settings.mesh.registry))
    try:
        database = _opened(settings)
    except PlatformError as e:
        if not any(d.code == "WFT-REG-010" for d in e.diagnostics):
            raise
        upgrade(path)
        database = _opened(settings)
    try:
        return backups.restore(database, file, replace=replace)
    finally:
        database.close()


def private(file: Path) -> None:
    """Makes a registry's file for its owner alone, where there is none: what SQLite makes can be read by everybody."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _place(settings: Settings) -> Place:
    from weft.registry import migrations

    kind, _, _ = settings.mesh.registry.partition("://")
    if kind == settings.mesh.registry:
        return migrations.of_file(settings.path(settings.mesh.registry))
    if kind == "postgresql":
        return migrations.of_postgres(settings.mesh.registry)
    raise _elsewhere()


def _opened(settings: Settings) -> Database:
    from weft.registry.sql import SqlRegistry
    from weft.wiring import Rooms

    registry = Rooms(settings).production
    if not isinstance(registry, SqlRegistry):
        registry.close()
        raise _elsewhere()
    return registry.database


def _elsewhere() -> UsageError:
    what = "the registry of this mesh is kept by a server"
    return UsageError(error("WFT-SRV-001", what, fix="run the command where the server runs"))
