"""The registry's tables, as steps from one version of the schema to the next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from weft.errors import ProjectError, error
from weft.registry.database import Dialect

STEPS = ("0001_registry", "0002_kept_tables", "0003_tokens", "0005_publishing")
"""Files of the folder `steps`: step n makes version n of the schema. One that was shipped is never changed."""


def statements_of(step: str, dialect: Dialect) -> list[str]:
    """The statements of a step, by its name, as a database wants them.

    Texts compare by their bytes everywhere, whatever the database's language is.
    """
    text = Path(__file__).with_name("steps").joinpath(f"{step}.sql").read_text(encoding="utf-8")
    text = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
    if dialect == "postgresql":
        for ours, theirs in (
            (" WITHOUT ROWID", ""),
            (" BLOB", " BYTEA"),
            (" INTEGER", " BIGINT"),
            (" REAL", " DOUBLE PRECISION"),
            (" TEXT", ' TEXT COLLATE "C"'),
        ):
            text = text.replace(ours, theirs)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def upgrade(connection: sqlite3.Connection, name: str) -> None:
    """Brings the tables to this version of weft.

    Raises:
        ProjectError: WFT-REG-001, a newer weft has written them.
    """
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found == len(STEPS):
        return
    if found > len(STEPS):
        raise ProjectError(
            error(
                "WFT-REG-001",
                f"the registry `{name}` has version {found} of its tables, this weft knows {len(STEPS)}",
                why="a newer weft has written it",
                fix="pip install --upgrade weft",
            )
        )
    connection.execute("BEGIN IMMEDIATE")
    found = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have been faster
    for step in STEPS[found:]:
        for statement in statements_of(step, "sqlite"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    connection.execute("COMMIT")
