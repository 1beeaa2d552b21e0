"""The mapping of docs/reference/types-of-databases.md, compared with real servers."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.conftest import ROOT
from weft.config import Settings
from weft.connections import Connection, Reference, Secret
from weft.connectors.remotes import RemoteConnector
from weft.engines.duckdb.engine import DuckDBEngine
from weft.errors import SourceError
from weft.model.address import ProductAddress
from weft.model.mesh import Source
from weft.model.remote import Remote
from weft.runs.landing import InEngine

_PAGE = (ROOT / "docs" / "reference" / "types-of-databases.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(?P<type>[^`]+)` \| `(?P<given>[^`]+)` \| `(?P<here>[^`]+)` \| `(?P<read>[^`]+)` \|$", re.M)
PRODUCT = ProductAddress("shop", "sales")


def rows(section: str) -> list[tuple[str, str, str, str]]:
    text = _PAGE.partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    found = [(m["type"], m["given"], m["here"], m["read"]) for m in _ROW.finditer(text)]
    assert len(found) > 25, f"the table of {section} is not read"
    return found


def connector(root: Path, kind: str, url: str) -> RemoteConnector:
    connection = Connection("db", kind, {}, {"dsn": Reference("$ DSN", Secret(url))})
    settings = Settings(root=root, connections={"db": connection})
    return RemoteConnector(settings, lambda: None, lambda: dt.datetime.now(dt.UTC))  # type: ignore[arg-type, return-value]


def read(remotes: RemoteConnector, remote: Remote, items: str = "*") -> list[tuple]:
    source = Source("", remote=remote)
    engine = DuckDBEngine()
    try:
        with engine.session() as session:
            remotes.land(PRODUCT, "things", source, InEngine(session))
            bound = remotes.bind(PRODUCT, "things", source)
            return session.rows(f"SELECT {items} FROM {bound.relation()}")
    finally:
        remotes.close()
        engine.close()


def types_and_values(remotes: RemoteConnector, remote: Remote, count: int) -> list[tuple[str, str]]:
    names = [f"c{n}" for n in range(count)]
    (found,) = read(remotes, remote, ", ".join(f"typeof({n}), {n}::VARCHAR" for n in names))
    return list(zip(found[::2], found[1::2], strict=True))


def pg(url: str, *statements: str) -> None:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        for one in statements:
            connection.execute(one.encode())


def my(url: str, *statements: str) -> None:
    import pymysql

    at = urlsplit(url)
    with (
        pymysql.connect(
            host=at.hostname,
            port=at.port,
            user=at.username,
            password=at.password,
            database=at.path[1:],
            autocommit=True,
        ) as connection,
        connection.cursor() as cursor,
    ):
        for one in statements:
            cursor.execute(one)


@pytest.mark.parametrize("query", [False, True], ids=["table", "query"])
def test_postgresql_is_read_as_the_page_says(postgres: str, tmp_path: Path, query: bool) -> None:
    table = rows("PostgreSQL")
    columns = ", ".join(f"c{n} {type_}" for n, (type_, *_) in enumerate(table))
    pg(
        postgres,
        "DROP TABLE IF EXISTS every_type",
        f"CREATE TABLE every_type ({columns})",
        f"INSERT INTO every_type VALUES ({', '.join(given for _, given, *_ in table)})",
    )
    remote = Remote("db", query="SELECT * FROM every_type") if query else Remote("db", table="every_type")

    found = types_and_values(connector(tmp_path, "postgres", postgres), remote, len(table))

    assert found == [(here, as_read) for _, _, here, as_read in table]


@pytest.mark.parametrize("query", [False, True], ids=["table", "query"])
def test_mariadb_is_read_as_the_page_says(mariadb: str, tmp_path: Path, query: bool) -> None:
    table = rows("MySQL and MariaDB")
    columns = ", ".join(f"c{n} {type_}" for n, (type_, *_) in enumerate(table))
    my(
        mariadb,
        "SET NAMES utf8mb4",
        "DROP TABLE IF EXISTS every_type",
        f"CREATE TABLE every_type ({columns}) CHARACTER SET utf8mb4",
        "SET time_zone = '+00:00'",
        f"INSERT INTO every_type VALUES ({', '.join(given for _, given, *_ in table)})",
    )
    remote = Remote("db", query="SELECT * FROM every_type") if query else Remote("db", table="every_type")

    found = types_and_values(connector(tmp_path, "mysql", mariadb), remote, len(table))

    wanted = [(here, as_read) for _, _, here, as_read in table]
    if query:  # the server tells of a result that JSON and UUID are texts
        wanted = [("VARCHAR" if here == "JSON" else here, as_read) for here, as_read in wanted]
    assert found == wanted


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("timestamptz", "'infinity'"),
        ("timestamptz", "'-infinity'"),
        ("timestamp", "'infinity'"),
        ("date", "'infinity'"),
        ("date", "'-infinity'"),
        ("numeric(10,2)", "'NaN'"),
    ],
)
def test_what_postgresql_has_and_no_type_here_ends_the_landing_or_is_null(
    postgres: str, tmp_path: Path, type_: str, value: str
) -> None:
    pg(postgres, "DROP TABLE IF EXISTS odd", f"CREATE TABLE odd (c0 {type_})", f"INSERT INTO odd VALUES ({value})")
    remotes = connector(tmp_path, "postgres", postgres)

    with pytest.raises(SourceError, match=r"1 value of `c0` in `db\.odd` cannot be held") as refused:
        read(remotes, Remote("db", table="odd"))
    nulled = read(remotes, Remote("db", table="odd", nulled=True))

    assert refused.value.diagnostics[0].code == "WFT-SRC-029"
    assert nulled == [(None,)]


def test_an_array_of_arrays_ends_the_landing(postgres: str, tmp_path: Path) -> None:
    pg(postgres, "DROP TABLE IF EXISTS odd", "CREATE TABLE odd (c0 int[])", "INSERT INTO odd VALUES ('{{1,2},{3,4}}')")

    with pytest.raises(SourceError, match="1 value of `c0`"):
        read(connector(tmp_path, "postgres", postgres), Remote("db", table="odd"))


@pytest.mark.parametrize(("type_", "value"), [("date", "'0000-00-00'"), ("datetime", "'2026-02-00 10:00:00'")])
def test_a_day_that_mariadb_has_and_no_calendar_ends_the_landing_or_is_null(
    mariadb: str, tmp_path: Path, type_: str, value: str
) -> None:
    my(
        mariadb,
        "SET sql_mode = ''",
        "DROP TABLE IF EXISTS odd",
        f"CREATE TABLE odd (c0 {type_})",
        f"INSERT INTO odd VALUES ({value})",
    )
    remotes = connector(tmp_path, "mysql", mariadb)

    with pytest.raises(SourceError, match=r"1 value of `c0` in `db\.odd` cannot be held"):
        read(remotes, Remote("db", table="odd"))
    assert read(remotes, Remote("db", table="odd", nulled=True)) == [(None,)]
