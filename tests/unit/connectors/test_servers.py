"""Database servers: how they are named, what they are asked, and what is never told of them."""

import sys
from pathlib import Path
from typing import Any

import pytest

import weft
from tests.unit.contracts.support import a_contract, col
from weft.config import Secret
from weft.connectors.servers import open_server
from weft.connectors.targets import Database, Place, database, is_database, server_of
from weft.errors import SourceError, UsageError, UserCodeError
from weft.model.document import Document
from weft.model.odcs import Contract, contract

ENVIRON = {"SHOP_PASSWORD": "sesame"}


def outcomes(found):
    """What did not pass."""
    return {c.id: (c.result.value, c.failed_rows) for c in found.checks if c.result.value != "passed"}


@pytest.fixture
def tables(postgres):
    """Makes tables in a schema of PostgreSQL that goes away; gives the URL."""
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA unit")
        connection.execute("SET search_path = unit")

        def make(*statements):
            for statement in statements:
                connection.execute(statement)
            return f"{postgres}?schema=unit"

        yield make
        connection.execute("DROP SCHEMA unit CASCADE")


def test_a_url_names_host_database_user_and_the_variable_of_the_password():
    found = database("postgresql://reader:env:SHOP_PASSWORD@db:5433/shop?schema=sales&timeout_s=7", ENVIRON)

    assert found == Database("postgresql", "shop", "db", 5433, "reader", Secret("sesame"), "sales", 7.0)
    assert str(found) == "postgresql://reader@db:5433/shop"
    assert "sesame" not in repr(found)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("duckdb:///shop.db", "shop.db"),
        ("duckdb:////data/shop.db", "/data/shop.db"),
        ("duckdb://in/shop.db", "in/shop.db"),
    ],
)
def test_a_url_of_a_file_is_relative_unless_it_begins_with_four_slashes(url, path):
    assert database(url, {}).name == path


def test_a_password_whose_variable_is_not_set_is_told_by_the_name_of_the_variable():
    with pytest.raises(UsageError, match="SHOP_PASSWORD"):
        database("mysql://reader:env:SHOP_PASSWORD@db/shop", {})


@pytest.mark.parametrize("url", ["postgresql://u:sesame@db:port/x", "mysql://u:sesame@[::1/x"])
def test_a_url_that_cannot_be_read_is_not_repeated(url):
    with pytest.raises(UsageError) as caught:
        database(url, {})

    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("text", ["shop.csv", "s3://bucket/x.csv", "orders=a.csv", "http://x"])
def test_what_is_no_database_is_a_file(text):
    assert not is_database(text)


def test_a_password_in_a_contract_is_refused():
    secret = [{"property": "weft.password", "value": "sesame"}]
    server = {"server": "s", "type": "postgres", "host": "h", "database": "d", "customProperties": secret}

    with pytest.raises(UsageError, match="a password stands in the contract") as caught:
        server_of(a_contract(servers=[server]), "s", {})

    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("kind", ["postgres", "postgresql", "mysql", "mariadb"])
def test_a_database_server_of_a_contract_is_asked_only_when_somebody_has_named_it(kind):
    secret = [{"property": "weft.password", "value": "env:DEPLOY_TOKEN"}]
    server = {"server": "s", "type": kind, "host": "elsewhere.example", "database": "d", "customProperties": secret}
    if kind == "mariadb":
        server |= {"type": "custom", "customProperties": [*secret, {"property": "weft.type", "value": "mariadb"}]}

    with pytest.raises(UsageError, match=r"elsewhere\.example would be sent a password") as caught:
        server_of(a_contract(servers=[server]), None, {"DEPLOY_TOKEN": "sesame"})

    assert caught.value.diagnostics[0].fix == "choose it with `--server s`"
    named = server_of(a_contract(servers=[server]), "s", {"DEPLOY_TOKEN": "sesame"})
    assert isinstance(named, Database) and named.password is not None and named.password.value == "sesame"


@pytest.mark.parametrize("named", [None, "s"])
@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../other/x.csv", "../../*", "*/../../../etc/passwd", "in/../../x.csv", "link/x.csv"]
)
@pytest.mark.parametrize("kind", ["local", "duckdb"])
def test_a_file_of_a_server_lies_in_the_folder_of_the_contract(kind, path, named, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to("/etc")
    server = {"server": "s", "type": kind, "path" if kind == "local" else "database": path}

    with pytest.raises(SourceError) as caught:
        server_of(in_folder(home, server), named, {})

    assert [d.code for d in caught.value.diagnostics] == ["WFT-SRC-005"]


def test_a_file_of_a_server_may_lie_anywhere_in_the_mesh_of_the_contract(tmp_path):
    (tmp_path / "weft.toml").write_text("")
    home = tmp_path / "domains" / "sales" / "contracts"
    home.mkdir(parents=True)
    server = {"server": "s", "type": "local", "path": "../../../data/*.csv"}

    found = server_of(in_folder(home, server), None, {})

    assert isinstance(found, Place)
    assert Path(found.path).resolve() == (tmp_path / "data" / "*.csv")


def in_folder(home: Path, server: dict[str, Any]) -> Contract:
    """A contract that lies in a folder and names a server."""
    described = a_contract(servers=[server])
    return contract(Document(str(home / "t.odcs.yaml"), dict(described.data)))


@pytest.mark.parametrize(
    ("servers", "named", "said"),
    [
        ([{"server": "a", "type": "local", "path": "x"}], "b", "no server `b`"),
        ([{"server": "a", "type": "local", "path": "x"}, {"server": "b", "type": "duckdb"}], None, "2 servers"),
        ([{"server": "a", "type": "kafka"}], "a", "none that weft reads"),
    ],
)
def test_it_is_said_which_server_is_not_clear(servers, named, said):
    with pytest.raises(UsageError, match=said):
        server_of(a_contract(servers=servers), named, {})


def test_mariadb_is_a_custom_server_of_a_type():
    kind = [{"property": "weft.type", "value": "mariadb"}]
    server = {"server": "s", "type": "custom", "host": "h", "database": "d", "customProperties": kind}

    found = server_of(a_contract(servers=[server]), "s", {})

    assert isinstance(found, Database)
    assert (found.kind, found.port) == ("mysql", 3306)


@pytest.mark.parametrize(("url", "extra"), [("postgresql://x/y", "postgres"), ("mysql://x/y", "mysql")])
def test_a_driver_that_is_not_installed_is_told_with_what_to_install(url, extra, monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg" if extra == "postgres" else "pymysql", None)

    found = weft.verify(a_contract(col("id")), url)

    assert (found.result, found.diagnostics[0].code) == ("error", "WFT-SRC-006")
    assert found.diagnostics[0].fix == f'pip install "weft[{extra}]"'


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_server_that_does_not_answer_is_told_without_the_password(kind):
    found = weft.verify(a_contract(col("id")), f"{kind}://reader:sesame@127.0.0.1:9/shop")

    assert (found.result, [d.code for d in found.diagnostics]) == ("error", ["WFT-SRC-010"])
    assert "sesame" not in str(found)


def test_a_wrong_password_is_told_without_it(mariadb):
    found = weft.verify(a_contract(col("id")), mariadb.replace("sesame", "open-wide"))

    assert [d.code for d in found.diagnostics] == ["WFT-SRC-010"]
    assert "open-wide" not in str(found)


@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_nothing_can_be_written(server, request):
    url = request.getfixturevalue(server)

    with open_server(database(url, {})) as opened, pytest.raises(UserCodeError):
        opened.native("CREATE TABLE written (id integer)")
    with open_server(database(url, {})) as opened:
        assert all(table != "written" for _, table in opened.available)


@pytest.mark.parametrize("server", ["postgres", "mariadb"])
def test_a_second_statement_is_refused_by_the_connection_too(server, request):
    with open_server(database(request.getfixturevalue(server), {})) as opened, pytest.raises(UserCodeError):
        opened.native("SELECT 1; SELECT 2")


def test_all_rules_see_one_state_of_the_tables(tables, postgres):
    import psycopg

    url = tables("CREATE TABLE t (id integer)", "INSERT INTO t VALUES (1)")

    with open_server(database(url, {})) as opened, psycopg.connect(postgres, autocommit=True) as other:
        relation = opened.table("t")
        before = opened.rows(f"SELECT count(*) FROM {relation}")
        other.execute("INSERT INTO unit.t VALUES (2)")
        after = opened.rows(f"SELECT count(*) FROM {relation}")

    assert before == after == [(1,)]


def test_a_rule_that_takes_too_long_is_stopped_and_said_so(tables):
    url = tables("CREATE TABLE t AS SELECT generate_series(1, 3000) AS id")
    rule = {"id": "slow", "type": "sql", "query": "SELECT count(*) FROM t AS a, t AS b, t AS c", "mustBe": 0}
    contract = a_contract(col("id", "integer"), table={"quality": [rule]})

    found = weft.verify(contract, f"{url}&timeout_s=0.5")

    assert outcomes(found) == {"slow": ("error", None)}
    assert [c.reason for c in found.checks if c.id == "slow"] == ["the query took longer than 0.5 s"]


def test_a_value_of_a_row_is_in_no_message(tables):
    url = tables("CREATE TABLE t (id integer, secret text)", "INSERT INTO t VALUES (1, 'sesame')")
    rule = {"id": "cast", "type": "sql", "query": "SELECT max(CAST(secret AS integer)) FROM t", "mustBe": 0}
    contract = a_contract(col("id", "integer"), col("secret", "string"), table={"quality": [rule]})

    found = weft.verify(contract, url)

    assert outcomes(found) == {"cast": ("error", None)}
    assert "sesame" not in str(found)


def test_rules_are_in_the_words_of_the_server(tables):
    url = tables(
        "CREATE TABLE t (id integer, placed timestamp, note text)", "INSERT INTO t VALUES (1, '2025-05-01', 'x')"
    )
    queries = {
        "year": "SELECT count(*) FROM ${table} WHERE to_char(placed, 'YYYY') <> '2026'",
        "match": "SELECT count(*) FROM t WHERE note ~ '^x' AND placed < now() AT TIME ZONE 'UTC'",
        "column": "SELECT count(${column}) FROM t",
    }
    rules = [{"id": n, "type": "sql", "query": q, "mustBe": 0} for n, q in queries.items()]
    contract = a_contract(
        col("id", "integer", quality=rules), col("placed", "timestamp"), col("note", "string"), table={}
    )

    assert outcomes(weft.verify(contract, url)) == dict.fromkeys(("year", "match"), ("failed", 1)) | {
        "column": ("failed", None)
    }


def test_rules_are_in_the_words_of_mariadb(mariadb):
    from urllib.parse import urlsplit

    import pymysql

    at = urlsplit(mariadb)
    with pymysql.connect(host=at.hostname, port=at.port, user=at.username, password=at.password) as connection:
        connection.cursor().execute("CREATE TABLE weft.words (id integer, placed datetime)")
        connection.cursor().execute("INSERT INTO weft.words VALUES (1, '2025-05-01')")
        connection.commit()
    query = 'SELECT COUNT(*) FROM `words` WHERE DATE_FORMAT(placed, "%Y") <> "2026"'
    rule = {"id": "year", "type": "sql", "query": query, "mustBe": 0}
    contract = a_contract(col("id", "integer"), col("placed", "timestamp"), table={"name": "words", "quality": [rule]})

    assert outcomes(weft.verify(contract, mariadb)) == {"year": ("failed", 1)}


def test_arrays_of_postgres_are_judged_item_by_item(tables):
    url = tables(
        "CREATE TABLE t (id integer, tags text[], marks integer[])",
        "INSERT INTO t VALUES (1, '{a,b}', '{1,2,3}'), (2, '{a,a}', '{}'), (3, '{X}', '{7}'), (4, NULL, NULL)",
    )
    tags = col("tags", "array", options={"uniqueItems": True, "maxItems": 2})
    tags["items"] = {"logicalType": "string", "logicalTypeOptions": {"pattern": "^[a-z]$"}}
    marks = col("marks", "array", options={"minItems": 1})
    marks["items"] = {"logicalType": "integer", "logicalTypeOptions": {"maximum": 5}}

    found = weft.verify(a_contract(col("id", "integer", primaryKey=True), tags, marks), url)

    assert outcomes(found) == {
        "tags.items": ("failed", 1),
        "tags[].pattern": ("failed", 1),
        "marks.items": ("failed", 1),
        "marks[].range": ("failed", 1),
    }


def test_what_postgres_calls_otherwise_has_the_type_that_is_promised(tables):
    url = tables(
        "CREATE DOMAIN short AS varchar(5)",
        "CREATE TABLE t (a short, b char(5), c numeric(10,2), d double precision, e timestamp(3) with time zone)",
        "INSERT INTO t VALUES ('x', 'y', 1, 2, now())",
    )
    contract = a_contract(
        col("a", "string", physicalType="varchar(5)", unique=True),
        col("b", "string", physicalType="char(5)", options={"maxLength": 1}),
        col("c", "number", physicalType="numeric(10,2)"),
        col("d", "number", physicalType="double precision"),
        col("e", "timestamp", physicalType="timestamptz"),
    )

    assert outcomes(weft.verify(contract, url)) == {}


def test_a_view_and_a_table_of_another_schema_are_found_by_their_physical_names(tables):
    url = tables("CREATE TABLE t1 (id integer)", "CREATE VIEW v AS SELECT * FROM t1", "INSERT INTO t1 VALUES (1)")
    plain = url.partition("?")[0]

    for physical in ("unit.t1", "unit.v"):
        found = weft.verify(a_contract(col("id", "integer"), table={"physicalName": physical}), plain)
        assert (found.result, found.rows) == ("passed", 1)


def test_a_field_of_an_object_that_cannot_be_judged_is_an_error(tables):
    url = tables("CREATE TABLE t (place jsonb)", """INSERT INTO t VALUES ('{"zip": "x"}'), ('{}')""")
    zip_ = col("zip", "string", required=True, logicalTypeOptions={"pattern": r"\p{L}"})
    place = col("place", "object", properties=[zip_])

    found = weft.verify(a_contract(place), url)

    assert outcomes(found) == {"place.zip.required": ("failed", 1), "place.zip.pattern": ("error", None)}


def test_a_database_is_named_alone():
    with pytest.raises(UsageError, match="named alone"):
        weft.verify(a_contract(col("id")), ["postgresql://x/y", "t=z.csv"])


def test_a_file_that_is_no_duckdb_database_is_told(tmp_path):
    (tmp_path / "shop.db").write_text("no database")

    for name in ("shop.db", "none.db"):
        found = weft.verify(a_contract(col("id")), f"duckdb:///{tmp_path / name}")
        assert [d.code for d in found.diagnostics] == ["WFT-SRC-010"]


def test_a_duckdb_file_is_not_changed_and_not_kept_open(tmp_path):
    import duckdb

    file = tmp_path / "shop.db"
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS id")
    before = file.read_bytes()

    assert weft.verify(a_contract(col("id", "integer")), f"duckdb:///{file}").result == "passed"

    assert file.read_bytes() == before
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO t VALUES (2)")


def test_a_table_that_the_user_may_not_read_is_told(tables, postgres):
    url = tables(
        "CREATE TABLE t (id integer)",
        "DROP ROLE IF EXISTS nobody_in_particular",
        "CREATE ROLE nobody_in_particular LOGIN",
    )
    tables("GRANT USAGE ON SCHEMA unit TO nobody_in_particular")

    found = weft.verify(a_contract(col("id", "integer")), url.replace("weft@", "nobody_in_particular@"))

    assert [d.code for d in found.diagnostics] == ["WFT-SRC-010"]
    tables("REVOKE USAGE ON SCHEMA unit FROM nobody_in_particular", "DROP ROLE nobody_in_particular")


def test_the_error_of_a_missing_package_is_one_of_sources():
    from weft.connectors.servers import missing

    assert isinstance(missing("psycopg", "postgres"), SourceError)


def test_a_rule_that_takes_too_long_on_mariadb_is_stopped_and_said_so(mariadb):
    from urllib.parse import urlsplit

    import pymysql

    at = urlsplit(mariadb)
    who = {"user": at.username, "password": at.password, "database": "weft"}
    with pymysql.connect(host=at.hostname, port=at.port, **who) as connection:
        connection.cursor().execute("CREATE TABLE many AS SELECT CAST(seq AS int) AS id FROM seq_1_to_3000")
    rule = {"id": "slow", "type": "sql", "query": "SELECT sum(a.id * b.id * c.id) FROM many a, many b, many c"}
    contract = a_contract(col("id", "integer"), table={"name": "many", "quality": [{**rule, "mustBe": 0}]})

    found = weft.verify(contract, f"{mariadb}?timeout_s=0.5")

    assert [(c.result.value, c.reason) for c in found.checks if c.id == "slow"] == [
        ("error", "the query took longer than 0.5 s")
    ]
