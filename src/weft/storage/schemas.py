"""DuckDB's types as Iceberg's, with field ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pyiceberg.schema import Schema
from pyiceberg.types import (
    BinaryType,
    BooleanType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IcebergType,
    IntegerType,
    ListType,
    LongType,
    MapType,
    NestedField,
    StringType,
    StructType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)

from weft.errors import ProjectError, error
from weft.model.column import Column
from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import ident

_PLAIN: dict[str, type[IcebergType]] = {
    "BOOLEAN": BooleanType,
    "TINYINT": IntegerType,
    "SMALLINT": IntegerType,
    "INTEGER": IntegerType,
    "UTINYINT": IntegerType,
    "USMALLINT": IntegerType,
    "UINTEGER": LongType,
    "BIGINT": LongType,
    "FLOAT": FloatType,
    "DOUBLE": DoubleType,
    "DATE": DateType,
    "TIME": TimeType,
    "TIMESTAMP": TimestampType,
    "TIMESTAMPTZ": TimestamptzType,
    "VARCHAR": StringType,
    "BLOB": BinaryType,
    "UUID": UUIDType,
}


def iceberg_schema(columns: Sequence[Column], nested_ids: Iterator[int]) -> Schema:
    """The Iceberg schema of columns that have field ids; nested fields take theirs from `nested_ids`.

    Raises:
        ProjectError: WFT-STO-005, a type that Iceberg has no name for.
    """
    return Schema(*(NestedField(c.field_id, c.name, iceberg_type(c, nested_ids), required=False) for c in columns))


def iceberg_type(column: Column, nested_ids: Iterator[int]) -> IcebergType:
    """The Iceberg type of a column."""
    tree = parse_type(column.type)
    found = _type(tree, nested_ids) if tree is not None else None
    if found is None:
        raise ProjectError(
            error(
                "WFT-STO-005",
                f"column `{column.name}` has type {column.type}, which Iceberg tables do not have",
                fix=f"cast it in the model, for example `{column.name}::VARCHAR` or `::BIGINT`",
            )
        )
    return found


def field_ids(schema: Schema) -> str:
    """DuckDB's `FIELD_IDS` literal for COPY."""
    return "{" + ", ".join(f"{ident(f.name)}: {_ids(f.field_id, f.field_type)}" for f in schema.fields) + "}"


def _type(tree: TypeText, ids: Iterator[int]) -> IcebergType | None:
    if tree.name == "STRUCT":
        fields = [(next(ids), name, _type(inner, ids)) for name, inner in tree.parts]
        if any(inner is None for _, _, inner in fields):
            return None
        return StructType(*(NestedField(i, n, t, required=False) for i, n, t in fields if t is not None))
    if tree.name == "LIST":
        number, element = next(ids), _type(tree.parts[0][1], ids)
        return element and ListType(number, element, element_required=False)
    if tree.name == "MAP":
        key_id, value_id = next(ids), next(ids)
        key, value = _type(tree.parts[0][1], ids), _type(tree.parts[1][1], ids)
        return MapType(key_id, key, value_id, value, value_required=False) if key and value else None
    if tree.name == "DECIMAL":
        precision, scale = (int(p) for p in (*tree.parameters, 18, 3)[:2]) if tree.parameters else (18, 3)
        return DecimalType(precision, scale)
    plain = _PLAIN.get(tree.name)
    return plain() if plain else None


def _ids(number: int, kind: IcebergType) -> str:
    if isinstance(kind, StructType):
        inner = ", ".join(f"{ident(f.name)}: {_ids(f.field_id, f.field_type)}" for f in kind.fields)
        return f"{{__duckdb_field_id: {number}, {inner}}}"
    if isinstance(kind, ListType):
        return f"{{__duckdb_field_id: {number}, element: {_ids(kind.element_id, kind.element_type)}}}"
    if isinstance(kind, MapType):
        key, value = _ids(kind.key_id, kind.key_type), _ids(kind.value_id, kind.value_type)
        return f"{{__duckdb_field_id: {number}, key: {key}, value: {value}}}"
    return str(number)
