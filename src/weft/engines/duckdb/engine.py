"""The embedded engine: sessions for building, and locked ones for reading."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb

from weft.engines.duckdb.failures import told
from weft.engines.duckdb.generic import unopened
from weft.engines.duckdb.governed import GovernedSession
from weft.engines.duckdb.session import DuckDBSession
from weft.engines.duckdb.texts import texts
from weft.engines.parquet_footers import footer_bytes
from weft.errors import WeftError
from weft.sql.quoting import dotted, ident, literal

_CONFIG = {
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",
    "allow_persistent_secrets": "false",
    "preserve_insertion_order": "false",
}
_SETTINGS = "SET TimeZone = 'UTC'; SET enable_progress_bar = false"
"""Of every connection: a bar would be drawn on the output, after two seconds."""

_FOOTERS = 2**20
"""Bytes of footers that a reader's session keeps: read, they take some 17 times that, of which DuckDB counts 2."""


class DuckDBEngine:
    """Runs models in memory, spilling to a run's folder. Implements `engines.base.Engine`."""

    name = "duckdb"

    def __init__(self, memory_limit: str = "4GB", threads: int = 0) -> None:
        self._memory_limit = memory_limit
        self._threads = threads
        self._instance: duckdb.DuckDBPyConnection | None = None
        self._writer: duckdb.DuckDBPyConnection | None = None
        self._temp_folder: str | None = None
        self._numbers = itertools.count(1)

    @contextmanager
    def session(self, temp_folder: str | None = None) -> Iterator[DuckDBSession]:
        """A session for building. Its SQL has passed the allow-list; the files it opens are bound by weft.

        Sessions share one instance of DuckDB, which costs 40 ms to make, and have a database of their own in it.
        """
        if self._instance is None:
            self._instance = self._connection(temp_folder)
        elif temp_folder is not None and temp_folder != self._temp_folder:
            with told():
                self._instance.execute(f"SET temp_directory = {literal(temp_folder)}")
        self._temp_folder = temp_folder or self._temp_folder  # it cannot be changed once something was spilled
        own = f"session {next(self._numbers)}"
        connection = self._instance.cursor()
        try:
            with told():
                connection.execute(f"ATTACH ':memory:' AS {ident(own)}; USE {ident(own)}; {_SETTINGS}")
            session = DuckDBSession(connection)
            try:
                yield session
            finally:
                session.release()
        finally:
            connection.close()
            self._instance.execute(f"DETACH {ident(own)}")

    @contextmanager
    def locked(
        self, relations: Mapping[tuple[str, str, str], str], paths: Sequence[str], temp_folder: str | None = None
    ) -> Iterator[DuckDBSession]:
        """A session for reading that sees the given relations and can open `paths` and nothing else."""
        connection = self._connection(temp_folder)
        try:
            _lock(connection, relations, paths)
            yield DuckDBSession(connection)
        finally:
            connection.close()

    def governed(
        self,
        relations: Mapping[tuple[str, str, str], str],
        paths: Sequence[str],
        *,
        temp_folder: str,
        temp_bytes: int,
    ) -> GovernedSession:
        """A locked session of a reader, which is theirs until it is closed.

        Rows come in the order in which they lie in the files: with rows that are filtered out between them or
        without, a reader sees the same.

        Raises:
            PlatformError: a file is missing, or a relation cannot be shown; neither path nor relation stands in it.
        """
        limits = {
            "preserve_insertion_order": "true",
            "max_temp_directory_size": f"{max(temp_bytes // 10**6, 1)}MB",
            "async_threads": "0",  # eight for each session otherwise, and 60 MB of addresses for their stacks and heaps
        }
        connection = self._connection(temp_folder, **limits)
        try:
            if footer_bytes(paths, _FOOTERS) <= _FOOTERS:
                # no file of a table ever changes, so that its footer need not be read for each query
                connection.execute("SET parquet_metadata_cache = true")
            _lock(connection, relations, paths)
            known = {c for name in relations for c in connection.table(dotted(name)).columns}
        except WeftError as e:
            connection.close()
            raise unopened(e) from None
        except BaseException:
            connection.close()
            raise
        return GovernedSession(connection, sorted(known))

    def texts(self, table: Any) -> Any:
        """A table with each value of another as the text that DuckDB writes for it, rows in their order."""
        if self._writer is None:
            self._writer = self._connection(None, preserve_insertion_order="true")
        with self._writer.cursor() as connection, told():
            connection.execute(_SETTINGS)
            return texts(connection, table)

    def close(self) -> None:
        """Gives the instances back; the next session makes a new one."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._instance is not None:
            self._instance.close()
            self._instance = None

    def _connection(self, temp_folder: str | None, **settings: str) -> duckdb.DuckDBPyConnection:
        config: dict[str, str | bool | int | float | list[str]] = {
            **_CONFIG,
            "memory_limit": self._memory_limit,
            **settings,
        }
        if self._threads:
            config["threads"] = str(self._threads)
        if temp_folder is not None:
            config["temp_directory"] = temp_folder
        with told():
            connection = duckdb.connect(":memory:", config=config)
            connection.execute(_SETTINGS)
        return connection


def _lock(
    connection: duckdb.DuckDBPyConnection, relations: Mapping[tuple[str, str, str], str], paths: Sequence[str]
) -> None:
    """Shows a connection the given relations, lets it open `paths` and nothing else, and locks it."""
    with told():
        if paths:
            connection.execute(f"SET allowed_paths = [{', '.join(literal(p) for p in paths)}]")
        connection.execute("SET enable_external_access = false")
        for catalog in dict.fromkeys(c for c, _, _ in relations):
            connection.execute(f"ATTACH ':memory:' AS {ident(catalog)}")
        for catalog, schema in dict.fromkeys((c, s) for c, s, _ in relations):
            connection.execute(f"CREATE SCHEMA {dotted((catalog, schema))}")
        for name, relation in relations.items():
            connection.execute(f"CREATE VIEW {dotted(name)} AS SELECT * FROM {relation}")
        connection.execute("SET lock_configuration = true")
