"""What Flight SQL says on the wire: its commands as Protocol Buffers, and the schemas of what it answers.

Source: FlightSql.proto of Apache Arrow. The messages are few and flat, so they are read and written here.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from weft.errors import UsageError, error

_TYPES = "type.googleapis.com/arrow.flight.protocol.sql."
_VARINT, _WIDE, _BYTES, _NARROW = 0, 1, 2, 5
_MOST_BITS = 63

Fields = Mapping[int, list[Any]]
"""Values by the number of their field; each number or bytes."""


class Message(Struct, frozen=True):
    """A message of Flight SQL by its name."""

    name: str
    fields: Fields

    def text(self, field: int) -> str | None:
        """A field's text; None where it is not there.

        Raises:
            UsageError: WFT-SRV-081, it is no text.
        """
        if field not in self.fields:
            return None
        try:
            return bytes(self.fields[field][-1]).decode()
        except (TypeError, UnicodeDecodeError):
            raise malformed() from None

    def data(self, field: int) -> bytes:
        """A field's bytes; none where it is not there.

        Raises:
            UsageError: WFT-SRV-081, it is a number.
        """
        found = self.fields.get(field, [b""])[-1]
        if not isinstance(found, bytes):
            raise malformed()
        return found

    def flag(self, field: int) -> bool:
        """Whether a field says so."""
        return bool(self.fields.get(field, [0])[-1])


def malformed() -> UsageError:
    """The error of bytes that are no message of Flight SQL."""
    return UsageError(
        error(
            "WFT-SRV-081",
            "this is no message of Flight SQL",
            why="the server reads commands of the Flight SQL standard and nothing else",
            fix="use a driver of Flight SQL: ADBC, JDBC or ODBC; docs/how-to/read-by-flight-sql.md shows how",
        )
    )


def unpacked(data: bytes) -> Message:
    """The message in a `google.protobuf.Any`.

    Raises:
        UsageError: WFT-SRV-081.
    """
    outer = Message("", _decoded(data))
    kind = outer.text(1) or ""
    if not kind.startswith(_TYPES):
        raise malformed()
    return Message(kind.removeprefix(_TYPES), _decoded(outer.data(2)))


def packed(name: str, fields: Mapping[int, bytes | int]) -> bytes:
    """A message in a `google.protobuf.Any`."""
    return encoded({1: (_TYPES + name).encode(), 2: encoded(fields)})


def encoded(fields: Mapping[int, bytes | int]) -> bytes:
    """A message of Protocol Buffers."""
    found = bytearray()
    for number, value in fields.items():
        if isinstance(value, int):
            found += _written(number << 3 | _VARINT) + _written(value)
        else:
            found += _written(number << 3 | _BYTES) + _written(len(value)) + value
    return bytes(found)


def _written(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    found.append(number)
    return bytes(found)


def _decoded(data: bytes) -> Fields:
    found: dict[int, list[Any]] = {}
    at = 0
    while at < len(data):
        key, at = _number(data, at)
        kind = key & 7
        value: int | bytes
        if kind == _VARINT:
            value, at = _number(data, at)
        else:
            if kind == _BYTES:
                size, at = _number(data, at)
            elif kind in (_WIDE, _NARROW):
                size = 8 if kind == _WIDE else 4
            else:
                raise malformed()
            if at + size > len(data):
                raise malformed()
            value = bytes(data[at : at + size])
            at += size
        found.setdefault(key >> 3, []).append(value)
    return found


def _number(data: bytes, at: int) -> tuple[int, int]:
    found = bits = 0
    while at < len(data):
        byte = data[at]
        at += 1
        found |= (byte & 127) << bits
        bits += 7
        if byte < 128:
            return found, at
        if bits > _MOST_BITS:
            break
    raise malformed()


@cache
def schema_of(command: str) -> Any:
    """The schema that the standard gives a command's answer, as a `pyarrow.Schema`; None where it gives none."""
    import pyarrow as pa

    text, number = pa.utf8(), pa.int32()

    def made(*fields: tuple[str, Any, bool]) -> Any:
        return pa.schema([pa.field(name, kind, nullable) for name, kind, nullable in fields])

    key = (("catalog_name", text, True), ("db_schema_name", text, True), ("table_name", text, False))
    keyed = (*key, ("column_name", text, False))
    foreign = (
        *((f"{side}_{name}", kind, null) for side in ("pk", "fk") for name, kind, null in keyed),
        ("key_sequence", number, False),
        ("fk_key_name", text, True),
        ("pk_key_name", text, True),
        ("update_rule", pa.uint8(), False),
        ("delete_rule", pa.uint8(), False),
    )  # fmt: skip
    info = pa.dense_union(
        [
            pa.field("string_value", text),
            pa.field("bool_value", pa.bool_()),
            pa.field("bigint_value", pa.int64()),
            pa.field("int32_bitmask", number),
            pa.field("string_list", pa.list_(pa.field("item", text))),
            pa.field("int32_to_int32_list_map", pa.map_(number, pa.list_(number))),
        ]
    )
    known = {
        "CommandGetCatalogs": made(("catalog_name", text, False)),
        "CommandGetDbSchemas": made(("catalog_name", text, True), ("db_schema_name", text, False)),
        "CommandGetTables": made(*key, ("table_type", text, False)),
        "CommandGetTableTypes": made(("table_type", text, False)),
        "CommandGetSqlInfo": made(("info_name", pa.uint32(), False), ("value", info, False)),
        "CommandGetPrimaryKeys": made(
            *key, ("column_name", text, False), ("key_sequence", number, False), ("key_name", text, True)
        ),
        "CommandGetImportedKeys": made(*foreign),
        "CommandGetExportedKeys": made(*foreign),
        "CommandGetCrossReference": made(*foreign),
        "CommandGetXdbcTypeInfo": made(
            ("type_name", text, False),
            ("data_type", number, False),
            ("column_size", number, True),
            ("literal_prefix", text, True),
            ("literal_suffix", text, True),
            ("create_params", pa.list_(pa.field("item", text, False)), True),
            ("nullable", number, False),
            ("case_sensitive", pa.bool_(), False),
            ("searchable", number, False),
            ("unsigned_attribute", pa.bool_(), True),
            ("fixed_prec_scale", pa.bool_(), False),
            ("auto_increment", pa.bool_(), True),
            ("local_type_name", text, True),
            ("minimum_scale", number, True),
            ("maximum_scale", number, True),
            ("sql_data_type", number, False),
            ("datetime_subcode", number, True),
            ("num_prec_radix", number, True),
            ("interval_precision", number, True),
        ),
    }
    return known.get(command)
