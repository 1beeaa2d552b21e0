"""Where tables of conformance cases lie: files of each format, a DuckDB file, PostgreSQL, MariaDB."""

from __future__ import annotations

import csv
import json
import math
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import duckdb

DATABASES = ("duckdb", "postgres", "mariadb")
TEXT_FILES = ("csv", "json", "ndjson")
FILES = (*TEXT_FILES, "parquet")

Row = Sequence[Any]


class Target(ABC):
    """One kind of place. Types have the names that SQL has for them; `any` is that of what has values of several."""

    kind: str

    @abstractmethod
    def table(self, name: str, columns: dict[str, str], rows: Sequence[Row]) -> None:
        """Makes a table; rows that are missing columns of it do not exist."""

    @property
    @abstractmethod
    def data(self) -> Any:
        """What `weft.verify` is given."""


class Database(Target):
    """A database: how statements run in it, how types are called there, and the URL under which weft finds it."""

    def __init__(self, kind: str, url: str, run: Callable[[str], None]) -> None:
        self.kind = kind
        self.url = url
        self.run = run

    @property
    def data(self) -> str:
        return self.url

    def table(self, name: str, columns: dict[str, str], rows: Sequence[Row]) -> None:
        listed = ", ".join(f"{self.quoted(c)} {self.typed(t)}" for c, t in columns.items())
        self.run(f"CREATE TABLE {self.quoted(name)} ({listed})")
        if rows:
            types = list(columns.values())
            values = ", ".join(
                "(" + ", ".join(self.literal(v, t) for v, t in zip(row, types, strict=True)) + ")" for row in rows
            )
            self.run(f"INSERT INTO {self.quoted(name)} VALUES {values}")

    def typed(self, name: str) -> str:
        """The name of a type; objects, arrays and maps are documents on servers."""
        if self.kind != "duckdb" and (name.endswith("]") or name.startswith(("STRUCT", "MAP"))):
            return "jsonb" if self.kind == "postgres" else "json"
        own = {
            "duckdb": {"any": "varchar"},
            "postgres": {"double": "double precision", "any": "varchar(40)"},
            "mariadb": {"timestamp": "datetime", "timestamptz": "TIMESTAMP NULL", "any": "varchar(40)"},
        }
        return own[self.kind].get(name, name)

    def quoted(self, name: str) -> str:
        """A name as the dialect writes it."""
        return f"`{name}`" if self.kind == "mariadb" else f'"{name}"'

    def literal(self, value: Any, type_: str = "") -> str:
        """A value as the dialect writes it."""
        if value is None:
            return "NULL"
        if isinstance(value, list | dict) and self.kind != "duckdb":
            return self.literal(json.dumps(value))
        if isinstance(value, list):
            return f"[{', '.join(self.literal(v) for v in value)}]"
        if isinstance(value, dict) and type_.startswith("MAP"):
            return f"MAP {{{', '.join(f'{self.literal(k)}: {self.literal(v)}' for k, v in value.items())}}}"
        if isinstance(value, dict):
            return f"{{{', '.join(f'{self.quoted(k)}: {self.literal(v)}' for k, v in value.items())}}}"
        if isinstance(value, float) and math.isnan(value):
            return "'NaN'"
        if isinstance(value, bool | int | float) and type_ != "any":
            return str(value)
        text = str(value).replace("'", "''")
        if self.kind == "mariadb":
            text = text.replace("\\", "\\\\")
            text = text.removesuffix("+00:00") if type_ == "timestamptz" else text
        return f"'{text}'"


class Files(Target):
    """A folder with a file for each table."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self.folder = folder
        self.paths: dict[str, Path] = {}

    @property
    def data(self) -> list[str]:
        return [f"{name}={path}" for name, path in self.paths.items()]

    def table(self, name: str, columns: dict[str, str], rows: Sequence[Row]) -> None:
        path = self.paths[name] = self.folder / f"{name}.{self.kind}"
        if self.kind == "csv":
            with path.open("w", encoding="utf-8", newline="") as out:
                csv.writer(out, lineterminator="\n").writerows([list(columns), *rows])
        elif self.kind == "parquet":
            with duckdb.connect() as connection:
                Database("duckdb", "", lambda sql: connection.execute(sql) and None).table(name, columns, rows)
                connection.execute(f"COPY \"{name}\" TO '{path}' (FORMAT parquet)")
        else:
            records = [
                json.dumps({c: _of_json(v, t) for (c, t), v in zip(columns.items(), row, strict=True)}) for row in rows
            ]
            text = "".join(f"{r}\n" for r in records) if self.kind == "ndjson" else f"[{', '.join(records)}]"
            path.write_text(text, encoding="utf-8")


def _of_json(value: Any, type_: str) -> Any:
    """A value as a program would write it: decimals are numbers in JSON."""
    return float(value) if isinstance(value, str) and type_.startswith("decimal") else value


@contextmanager
def opened(kind: str, folder: Path, server: str) -> Iterator[Target]:
    """A place of a kind, empty.

    Args:
        server: the URL of a running server, for the kinds that have one.
    """
    if kind in FILES:
        yield Files(kind, folder)
    elif kind == "duckdb":
        file = folder / "shop.db"

        def in_duckdb(sql: str) -> None:
            with duckdb.connect(str(file)) as connection:
                connection.execute(sql)

        in_duckdb("SELECT 1")
        yield Database("duckdb", f"duckdb:///{file}", in_duckdb)
    elif kind == "postgres":
        import psycopg

        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}")
            connection.execute(f"SET search_path = {name}")
            yield Database("postgres", f"{server}?schema={name}", lambda sql: connection.execute(sql) and None)
            connection.execute(f"DROP SCHEMA {name} CASCADE")
    else:
        import pymysql

        parts = urlsplit(server)
        name = f"t{uuid.uuid4().hex}"
        at = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": parts.password}
        with pymysql.connect(**at, charset="utf8mb4", autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
            cursor.execute(f"USE {name}")
            url = f"mariadb://weft:sesame@127.0.0.1:{parts.port}/{name}"
            yield Database("mariadb", url, lambda sql: cursor.execute(sql) and None)
            cursor.execute(f"DROP DATABASE {name}")
