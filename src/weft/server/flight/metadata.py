"""What there is, as Flight SQL asks for it: a domain is a catalog, a product a schema, a port a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from weft import __version__
from weft.access.permissions import Caller
from weft.api.wires.flight import FlightPlatform, Table
from weft.api.wires.flight_messages import Message, schema_of
from weft.errors import UsageError, WeftError, error
from weft.model.address import parse_address
from weft.sql.quoting import dotted

TABLE_TYPE = "TABLE"
MOST_DESCRIBED = 500
"""Tables whose columns are told in one answer."""

_TEXT, _FLAG, _NUMBER, _BITS = range(4)

_SQL_INFO: dict[int, tuple[int, Any]] = {
    0: (_TEXT, "weft"),
    1: (_TEXT, __version__),
    2: (_TEXT, "1.3"),
    3: (_FLAG, True),  # reads alone
    4: (_FLAG, True),  # SQL
    5: (_FLAG, False),  # Substrait
    8: (_BITS, 0),  # transactions: none
    9: (_FLAG, True),  # a query can be cancelled
    10: (_FLAG, False),  # bulk ingestion
    500: (_FLAG, False),  # DDL of catalogs, schemas and tables
    501: (_FLAG, False),
    502: (_FLAG, False),
    503: (_NUMBER, 1),  # names as they are typed are not told apart by case
    504: (_TEXT, '"'),
    505: (_NUMBER, 1),
    542: (_NUMBER, 0),
}
"""What drivers want to know of a server, by the number of SqlInfo."""

Describe = Callable[[Table], Any]
"""The columns of a table as a caller sees it, as a `pyarrow.Schema`."""


def schema(message: Message) -> Any:
    """The schema of what a command is answered with.

    Raises:
        UsageError: WFT-SRV-079, it is none that is answered.
    """
    found = schema_of(message.name)
    if found is None:
        raise unsupported(message.name)
    if message.name == "CommandGetTables" and message.flag(5):
        import pyarrow as pa

        return found.append(pa.field("table_schema", pa.binary(), nullable=False))
    return found


def unsupported(name: str) -> UsageError:
    """The error of what this server does not do: it reads."""
    return UsageError(
        error(
            "WFT-SRV-079",
            f"`{name[:80]}` is not done here",
            why="weft answers queries and tells what there is; what writes, and transactions, there are none",
            fix="write data by publishing a product",
        )
    )


def table(flight: FlightPlatform, caller: Caller, message: Message, describe: Describe) -> Any:
    """The answer to a command, as a `pyarrow.Table`; ports that the caller may not read are not there.

    Raises:
        UsageError: WFT-SRV-079.
        AccessDenied: WFT-ACC-010.
    """
    import pyarrow as pa

    shape = schema(message)
    rows: dict[str, Sequence[Any]] = {}
    match message.name:
        case "CommandGetSqlInfo":
            return _sql_info(shape, message)
        case "CommandGetTableTypes":
            rows = {"table_type": [TABLE_TYPE]}
        case "CommandGetCatalogs":
            rows = {"catalog_name": sorted({t.catalog for t in flight.tables(caller, {})})}
        case "CommandGetDbSchemas":
            names = {"catalog": message.text(1), "schema": message.text(2)}
            found = sorted({(t.catalog, t.schema) for t in flight.tables(caller, names)})
            rows = {"catalog_name": [c for c, _ in found], "db_schema_name": [s for _, s in found]}
        case "CommandGetTables":
            return _tables(flight, caller, message, shape, describe)
    return pa.table({name: rows.get(name, []) for name in shape.names}, schema=shape)


def _tables(flight: FlightPlatform, caller: Caller, message: Message, shape: Any, describe: Describe) -> Any:
    import pyarrow as pa

    names = {"catalog": message.text(1), "schema": message.text(2), "table": message.text(3)}
    kinds = {bytes(kind).decode("utf-8", "replace") for kind in message.fields.get(4, [])}
    found = list(flight.tables(caller, names)) if not kinds or TABLE_TYPE in kinds else []
    columns: dict[str, list[Any]] = {name: [] for name in shape.names}
    described = 0
    for one in found:
        if "table_schema" in columns:
            described += 1
            if described > MOST_DESCRIBED:
                raise UsageError(
                    error(
                        "WFT-SRV-079",
                        f"the columns of more than {MOST_DESCRIBED} tables are asked for at once",
                        fix="ask for those of one catalog or schema",
                    )
                )
            try:
                columns["table_schema"].append(describe(one).serialize().to_pybytes())
            except WeftError:
                continue  # it was taken away while this list was made
        columns["catalog_name"].append(one.catalog)
        columns["db_schema_name"].append(one.schema)
        columns["table_name"].append(one.name)
        columns["table_type"].append(TABLE_TYPE)
    return pa.table(columns, schema=shape)


def all_of(one: Table) -> str:
    """A query for all of a table."""
    return f"SELECT * FROM {dotted((one.catalog, one.schema, one.name))}"


def all_at(path: Sequence[bytes]) -> str:
    """A query for all of the port whose address a path holds, as one part or as several.

    Raises:
        UsageError: WFT-PLN-001, it holds none.
    """
    one = parse_address(b".".join(path).decode(errors="replace"))
    port = one.port if one.major is None else f"{one.port}@{one.major}"
    return f"SELECT * FROM {dotted((one.domain, one.product, port))}"


def _sql_info(shape: Any, message: Message) -> Any:
    import pyarrow as pa

    asked = [number for number in message.fields.get(1, []) if isinstance(number, int)]
    packed = [number for data in message.fields.get(1, []) if isinstance(data, bytes) for number in _numbers(data)]
    wanted = [number for number in (asked + packed or _SQL_INFO) if number in _SQL_INFO]
    kinds = [_SQL_INFO[number][0] for number in wanted]
    values: list[list[Any]] = [[] for _ in range(6)]
    offsets = []
    for number in wanted:
        kind, value = _SQL_INFO[number]
        offsets.append(len(values[kind]))
        values[kind].append(value)
    kind = shape.field("value").type
    children = [pa.array(values[i], kind.field(i).type) for i in range(kind.num_fields)]
    made = pa.UnionArray.from_dense(
        pa.array(kinds, pa.int8()),
        pa.array(offsets, pa.int32()),
        children,
        [kind.field(i).name for i in range(kind.num_fields)],
    )
    return pa.table([pa.array(wanted, pa.uint32()), made.cast(kind) if made.type != kind else made], schema=shape)


def _numbers(data: bytes) -> list[int]:
    """Numbers that stand packed in one field."""
    found, value, bits = [], 0, 0
    for byte in data:
        value |= (byte & 127) << bits
        bits += 7
        if byte < 128:
            found.append(value)
            value = bits = 0
    return found
