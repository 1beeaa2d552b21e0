"""The registry's tables, as steps from one version of the schema to the next."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from weft.errors import ProjectError, error
from weft.registry.database import Dialect, Statements

STEPS = (
    "0001_registry",
    "0002_kept_tables",
    "0003_tokens",
    "0004_identities",
    "0005_publishing",
    "0006_queue",
    "0007_notices",
    "0008_catalog",
    "0009_publishes",
    "0010_commits",
    "0011_audience",
    "0012_confirmations",
    "0013_access",
    "0014_workspace",
    "0015_audit",
    "0016_saved_queries",
    "0017_governance",
    "0018_signing_keys",
    "0019_held_publications",
    "0020_feedback",
    "0021_portal_notices",
    "0022_ended_grants",
    "0023_asked_content",
)
"""Files of the folder `steps`: step n makes version n of the schema. One that was shipped is never changed."""

VERSIONS = "alembic_version"
"""The table in which PostgreSQL keeps the version of the others; a SQLite file has it in its head."""
WRITERS = 7_734_001
"""The advisory lock of PostgreSQL that writers hold, one at a time: each event is chained to the one before it."""


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


def tables(version: int) -> list[str]:
    """The tables that there are in a version of the schema, in the order in which they were made."""
    found: dict[str, None] = {}
    for step in STEPS[:version]:
        for statement in statements_of(step, "sqlite"):
            words = statement.split(maxsplit=3)
            if words[:2] == ["CREATE", "TABLE"]:
                found[words[2]] = None
            elif words[:2] == ["DROP", "TABLE"]:
                found.pop(words[2])
    return list(found)


def upgrade(connection: sqlite3.Connection, name: str) -> None:
    """Brings the tables to this version of weft.

    Raises:
        ProjectError: WFT-REG-001, a newer weft has written them.
    """
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found == len(STEPS):
        return
    if found > len(STEPS):
        raise newer(name, found)
    connection.execute("BEGIN IMMEDIATE")
    found = connection.execute("PRAGMA user_version").fetchone()[0]  # another process may have been faster
    for step in STEPS[found:]:
        for statement in statements_of(step, "sqlite"):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(STEPS)}")
    connection.execute("COMMIT")


def check_tables(statements: Statements, dialect: Dialect, name: str) -> None:
    """Looks whether a database that is open still has the tables that this weft knows.

    Raises:
        ProjectError: WFT-REG-001, a newer weft has upgraded them meanwhile.
    """
    if dialect == "sqlite":
        row = statements.row("PRAGMA user_version")
    else:
        row = statements.row(f"SELECT version_num FROM {VERSIONS}")
    if row is not None and int(row[0]) > len(STEPS):
        raise newer(name, int(row[0]))


def newer(name: str, found: int) -> ProjectError:
    """What is said of a registry whose tables are ahead of this weft."""
    return ProjectError(
        error(
            "WFT-REG-001",
            f"the registry `{name}` has version {found} of its tables, this weft knows {len(STEPS)}",
            why="a newer weft has written it",
            fix="pip install --upgrade weft, and start servers and workers of it anew",
        )
    )
