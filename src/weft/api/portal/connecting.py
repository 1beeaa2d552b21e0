"""How to read a port from where one works, with the right addresses filled in. Pure."""

from __future__ import annotations

from urllib.parse import quote

from msgspec import Struct

from weft.model.address import Address
from weft.sql.quoting import dotted


class Way(Struct, frozen=True):
    """How clients reach a server.

    Attributes:
        url: of the server, without a slash at its end.
        flight: where it speaks Arrow Flight SQL, like `grpc+tls://mesh.example.com:8081`; None: nowhere.
        user: who reads.
    """

    url: str
    flight: str | None
    user: str


def first_rows(port: Address) -> str:
    """A query for the first rows of a port."""
    return f"select * from {dotted((port.domain, port.product, f'{port.port}@{port.major}'))} limit 100"


def snippets(way: Way, port: Address, *, files: bool = True) -> list[dict[str, str]]:
    """Ways to read a port: each with an id, what it is for, its language, and the text to be copied.

    A token is read from the environment: none is written into a text.

    Args:
        files: whether files are handed out: to readers who see all rows and columns as they are, and of no port that
            lives in a database.
    """
    address = str(port)
    sql = first_rows(port)
    found = [
        (
            "sql",
            "SQL, on the command line",
            "sh",
            f"weft query '{sql}' --server {way.url} --format csv",
            "`pip install weft`; in a repository of this mesh without `--server`.",
        ),
        (
            "python",
            "Python",
            "python",
            _python(way, address),
            "`pip install 'weft[polars]'`; gives Polars, pandas, Arrow or DuckDB.",
        ),
        ("curl", "HTTP, as pages", "sh", _curl(way, address), "JSON, CSV, Arrow or Parquet, as `Accept` says."),
    ]
    if way.flight is not None:
        secure = way.flight.startswith("grpc+tls")
        host = way.flight.partition("://")[2]
        options = "" if secure else "&useEncryption=false"
        jdbc = f"jdbc:arrow-flight-sql://{host}/?user={quote(way.user, safe='@')}&password=…{options}"
        found += [
            (
                "adbc",
                "ADBC, by Arrow Flight SQL",
                "python",
                _adbc(way, sql),
                "`pip install adbc-driver-flightsql pyarrow`",
            ),
            (
                "flight",
                "Arrow Flight",
                "python",
                _flight(way.flight, address),
                "`pip install pyarrow`; other languages have it as well.",
            ),
            (
                "jdbc",
                "JDBC, for DBeaver and the like",
                "text",
                jdbc,
                "Driver `org.apache.arrow:flight-sql-jdbc-driver`; the password is a token.",
            ),
        ]
    if files:
        found.append(
            (
                "iceberg",
                "Iceberg, for engines that read files",
                "python",
                _iceberg(way, port),
                "`pip install 'pyiceberg[pyarrow]'`. For whoever sees all of the port: files have no masks.",
            )
        )
    names = ("id", "title", "language", "text", "note")
    return [dict(zip(names, one, strict=True)) for one in found]


def _python(way: Way, address: str) -> str:
    return f"""import os
import weft

with weft.open("{way.url}", token=os.environ["WEFT_TOKEN"]) as mesh:
    rows = mesh.read("{address}", limit=1000).polars()"""


def _curl(way: Way, address: str) -> str:
    return f"""curl -G {way.url}/api/v1/data/{address} \\
  -H "Authorization: Bearer $WEFT_TOKEN" -H "Accept: text/csv" -d limit=100"""


def _adbc(way: Way, sql: str) -> str:
    text = sql.replace("'", "\\'")
    return f"""import os
import adbc_driver_flightsql.dbapi as flight_sql

options = {{"username": "{way.user}", "password": os.environ["WEFT_TOKEN"]}}
with flight_sql.connect("{way.flight}", db_kwargs=options, autocommit=True) as connection:
    with connection.cursor() as cursor:
        cursor.execute('{text}')
        table = cursor.fetch_arrow_table()"""


def _flight(at: str, address: str) -> str:
    return f"""import os
from pyarrow import flight

options = flight.FlightCallOptions(headers=[(b"authorization", b"Bearer " + os.environb[b"WEFT_TOKEN"])])
with flight.connect("{at}") as client:
    info = client.get_flight_info(flight.FlightDescriptor.for_path("{address}"), options)
    table = client.do_get(info.endpoints[0].ticket, options).read_all()"""


def _iceberg(way: Way, port: Address) -> str:
    return f"""import os
from pyiceberg.catalog import load_catalog

catalog = load_catalog("mesh", type="rest", uri="{way.url}/iceberg", token=os.environ["WEFT_TOKEN"])
rows = catalog.load_table(("{port.domain}", "{port.product}", "{port.port}@{port.major}")).scan().to_arrow()"""
