"""Sections of every mesh: its registry, warehouse, engine, sources, environments, Python models."""

from __future__ import annotations

from dataclasses import dataclass

from weft.sections.forms import days, duration, memory, one_of, setting, size_bytes, threads, timeout, versions


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """`[mesh]`: its name, where domains lie, where the registry is."""

    name: str = setting("mesh", "what the mesh is called; plans and pages show it")
    domains: tuple[str, ...] = setting(("domains/*",), "folders of domains, as globs from the mesh's folder")
    registry: str = setting(
        ".weft/registry.db",
        "the registry, what is published and the event log: a file, or a PostgreSQL database as `postgresql://USER@HOST/NAME`",
    )
    override_days: int = setting(
        30, "how many days ahead an override of failed checks may end at most; 0 allows none", days
    )

    @property
    def server(self) -> str | None:
        """The address of the server that has the registry; None where it is a file or a database."""
        return self.registry if self.registry.startswith(("http://", "https://")) else None


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """`[storage]`: where tables and their catalog rest."""

    warehouse: str = setting(
        ".weft/warehouse", "where the tables' files rest: a folder, or an object store as `s3://BUCKET/PREFIX`"
    )
    connection: str = setting(
        "", "the `[connections.NAME]` of kind `s3` by which a warehouse in an object store is reached"
    )
    catalog: str = setting(
        ".weft/catalog.db",
        "the Iceberg catalog: a file (SQLite), or a PostgreSQL database as `postgresql://USER@HOST/NAME`",
    )
    copies: str = setting(
        "10GB",
        "how much room copies of a store's files may take here; those of the last hour stay in any case",
        size_bytes,
    )
    orphan_age: str = setting(
        "24h", "how old a file that nothing refers to must be before it is removed: 30m, 24h, 7d", duration
    )
    keep_snapshots: str = setting(
        "30d", "how long a data version can be read after another has taken its place: 12h, 30d", duration
    )
    target_file_size: str = setting(
        "256MB", "how large a data file should be; many of less than a quarter of it are written together", size_bytes
    )
    small_files: int = setting(16, "how many small files of one partition are left as they are", versions)
    keep_at_least: int = setting(5, "how many of the newest data versions are kept however old they are", versions)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`[engine]`: what runs models, and how much it may take. threads = 0: all cores."""

    default: str = setting("duckdb", "the engine that runs models")
    memory_limit: str = setting("4GB", "how much memory the engine may take before it writes to disk", memory)
    threads: int = setting(0, "how many threads the engine may use, at most 1024; 0 means all cores", threads)


@dataclass(frozen=True, slots=True)
class PythonSettings:
    """`[python]`: what each run of a Python model may take."""

    memory_limit: str = setting("2GB", "how much memory a Python model may take beside its libraries", memory)
    timeout: str = setting("10m", "how long a Python model may run: 90s, 10m, 1h", timeout)
    file_size: str = setting("20GB", "how large a file may be that a Python model writes", size_bytes)
    users: tuple[str, ...] = setting(
        (),
        "users of the operating system, kept for this alone, as which Python models run, one run at a time as each; "
        "without any they run as the user that runs weft",
    )
    folder: str = setting(
        "", "where the folders of runs as `users` are made; without it, in the system's folder for temporary files"
    )
    shared_workers: str = setting(
        "refuse",
        "what a worker of several domains does with Python models where there are no `users`: `refuse`, or run them as "
        "`own-user`, which lets each domain's code read what the worker can read",
        one_of("refuse", "own-user"),
    )


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """`[sources]`: folders outside the mesh that sources may name."""

    allow: tuple[str, ...] = setting((), "folders outside the mesh's folder that sources may name")


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """`[environments]`: how long one lives that nobody uses."""

    keep: str = setting("14d", "how long after its last use an environment goes by itself: 12h, 14d", duration)
