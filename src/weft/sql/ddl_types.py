"""Types of columns as six systems write them in DDL."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace
from sqlglot import exp

from weft.model.shape import Field
from weft.model.type_text import parse_type
from weft.sql.ddl_values import short

_T = exp.DataType.Type
_PLAIN = {
    _T.BOOLEAN: "BOOLEAN",
    _T.TINYINT: "TINYINT",
    _T.SMALLINT: "SMALLINT",
    _T.MEDIUMINT: "INTEGER",
    _T.INT: "INTEGER",
    _T.BIGINT: "BIGINT",
    _T.INT128: "HUGEINT",
    _T.UTINYINT: "UTINYINT",
    _T.USMALLINT: "USMALLINT",
    _T.UMEDIUMINT: "UINTEGER",
    _T.UINT: "UINTEGER",
    _T.UBIGINT: "UBIGINT",
    _T.UINT128: "UHUGEINT",
    _T.FLOAT: "FLOAT",
    _T.DOUBLE: "DOUBLE",
    _T.DECIMAL: "DECIMAL",
    _T.BIGDECIMAL: "DECIMAL",
    _T.MONEY: "DECIMAL",
    _T.CHAR: "VARCHAR",
    _T.NCHAR: "VARCHAR",
    _T.VARCHAR: "VARCHAR",
    _T.NVARCHAR: "VARCHAR",
    _T.BPCHAR: "VARCHAR",
    _T.NAME: "VARCHAR",
    _T.TEXT: "VARCHAR",
    _T.TINYTEXT: "VARCHAR",
    _T.MEDIUMTEXT: "VARCHAR",
    _T.LONGTEXT: "VARCHAR",
    _T.ENUM: "VARCHAR",
    _T.BINARY: "BLOB",
    _T.VARBINARY: "BLOB",
    _T.BLOB: "BLOB",
    _T.TINYBLOB: "BLOB",
    _T.MEDIUMBLOB: "BLOB",
    _T.LONGBLOB: "BLOB",
    _T.DATE: "DATE",
    _T.DATE32: "DATE",
    _T.TIME: "TIME",
    _T.TIME_NS: "TIME_NS",
    _T.TIMETZ: "TIMETZ",
    _T.TIMESTAMP: "TIMESTAMP",
    _T.TIMESTAMPNTZ: "TIMESTAMP",
    _T.DATETIME: "TIMESTAMP",
    _T.TIMESTAMP_S: "TIMESTAMP_S",
    _T.TIMESTAMP_MS: "TIMESTAMP_MS",
    _T.TIMESTAMP_NS: "TIMESTAMP_NS",
    _T.TIMESTAMPTZ: "TIMESTAMPTZ",
    _T.TIMESTAMPLTZ: "TIMESTAMPTZ",
    _T.INTERVAL: "INTERVAL",
    _T.UUID: "UUID",
    _T.JSON: "JSON",
    _T.JSONB: "JSON",
    _T.VARIANT: "JSON",
    _T.BIT: "BIT",
    _T.YEAR: "SMALLINT",
    _T.SERIAL: "INTEGER",
    _T.BIGSERIAL: "BIGINT",
    _T.SMALLSERIAL: "SMALLINT",
}
_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT"})
_PRECISE = {0: "TIMESTAMP_S", 3: "TIMESTAMP_MS", 9: "TIMESTAMP_NS"}
_DEFAULT_SIZES = {"postgres": None, "mysql": (10, 0), "spark": (10, 0), "snowflake": (38, 0), "bigquery": (38, 9)}


class TypeReader:
    """Reads types of one dialect."""

    def __init__(self, dialect: str, enums: Mapping[str, tuple[str, ...]], note: Callable[[str, str], None]) -> None:
        """Reads what a script declares.

        Args:
            enums: labels of the script's own types, by name in lower case.
            note: is told the place and what of a type there is not understood.
        """
        self._dialect = dialect
        self._enums = enums
        self._note = note

    def field(self, kind: exp.Expr, place: str) -> Field:
        """The type of a column or of a part of one; not required."""
        if not isinstance(kind, exp.DataType):
            return self._unknown(kind, place)
        name, parts = kind.this, kind.expressions
        if name in (_T.STRUCT, _T.OBJECT, _T.NESTED) and parts:
            return Field("", "STRUCT", fields=tuple(self._part(p, place) for p in parts))
        if name in (_T.ARRAY, _T.LIST):
            if not parts:
                self._note(place, "the type does not say what the items are: JSON is taken")
                return Field("", "LIST", items=Field("items", "JSON"))
            element, required = _element(parts[0])
            inner = replace(self.field(element, f"{place}[]"), name="items", required=required)
            sizes = [int(str(v)) for v in kind.args.get("values") or () if str(v).isdigit()]
            if sizes and self._dialect == "duckdb":
                return Field("", "ARRAY", (sizes[0],), items=inner)
            return Field("", "LIST", items=inner)
        if name == _T.VECTOR and len(parts) == 2:
            inner = replace(self.field(parts[0], place), name="items")
            return Field("", "ARRAY", (_number(parts[1]),), items=inner)
        if name == _T.MAP and len(parts) == 2:
            (key, _), (value, required) = _element(parts[0]), _element(parts[1])
            return Field(
                "",
                "MAP",
                key=replace(self.field(key, f"{place}{{key}}"), name="key", required=True),
                items=replace(self.field(value, f"{place}{{}}"), name="value", required=required),
            )
        if name == _T.ENUM and parts:
            labels = tuple(p.this for p in parts if isinstance(p, exp.Literal))
            return Field("", "ENUM" if self._dialect == "duckdb" else "VARCHAR", values=labels)
        if name in (_T.OBJECT, _T.STRUCT, _T.MAP):
            self._note(place, "the type does not say what is in it: JSON is taken")
            return Field("", "JSON")
        if name == _T.USERDEFINED:
            return self._unknown(kind, place)
        found = _PLAIN.get(name)
        return self._simple(found, kind, place) if found is not None else self._unknown(kind, place)

    def _simple(self, name: str, kind: exp.DataType, place: str) -> Field:
        sizes = [_number(p) for p in kind.expressions]
        if self._dialect == "mysql" and name == "TINYINT" and sizes == [1]:
            return Field("", "BOOLEAN")
        if self._dialect == "snowflake" and name in _WHOLE:
            return Field("", "DECIMAL", (38, 0))
        if self._dialect == "bigquery" and name in _WHOLE:
            return Field("", "BIGINT")
        if self._dialect == "bigquery" and name == "FLOAT":
            return Field("", "DOUBLE")
        if self._dialect == "snowflake" and name == "FLOAT":
            return Field("", "DOUBLE")
        if self._dialect == "postgres" and name == "FLOAT" and sizes and sizes[0] > 24:
            return Field("", "DOUBLE")
        if name == "DECIMAL":
            return self._decimal(kind, sizes, place)
        if name == "VARCHAR" and sizes and sizes[0] > 0:
            return Field("", "VARCHAR", options={"maxLength": sizes[0]})
        if name == "TIMESTAMP" and sizes and self._dialect in ("postgres", "mysql", "snowflake"):
            return Field("", _PRECISE.get(sizes[0], "TIMESTAMP"))
        return Field("", name)

    def _decimal(self, kind: exp.DataType, sizes: list[int], place: str) -> Field:
        if not sizes:
            usual = (38, 9) if self._dialect == "bigquery" else _DEFAULT_SIZES.get(self._dialect, (18, 3))
            if usual is None or kind.this in (_T.MONEY, _T.BIGDECIMAL):
                self._note(place, "the type names no precision: DECIMAL(38,9) is taken")
                usual = (38, 9)
            return Field("", "DECIMAL", usual)
        precision, scale = (*sizes, 0)[:2]
        if precision > 38:
            self._note(place, f"DECIMAL has at most 38 digits, not {precision}")
        return Field("", "DECIMAL", (min(precision, 38), min(scale, 38)))

    def _unknown(self, kind: exp.Expr, place: str) -> Field:
        text = kind.sql(self._dialect)
        labels = self._enums.get(text.rpartition(".")[2].strip('"').lower())
        if labels is not None:
            return Field("", "ENUM" if self._dialect == "duckdb" else "VARCHAR", values=labels)
        tree = parse_type(text)
        if tree is not None and tree.known and not tree.parts and tree.name != "ENUM":
            return Field("", tree.name, tree.parameters)
        self._note(place, f"the type {short(text)} is not understood: a text is taken")
        return Field("", "VARCHAR")

    def _part(self, part: exp.Expr, place: str) -> Field:
        """A field of a struct."""
        if not isinstance(part, exp.ColumnDef):
            self._note(place, f"{short(part.sql(self._dialect))} is a field without a name")
            return replace(self.field(part, place), name=f"f{len(place)}")
        name = part.name
        field = replace(self.field(part.args["kind"], f"{place}.{name}"), name=name)
        for constraint in part.args.get("constraints") or ():
            kind = constraint.args["kind"] if isinstance(constraint, exp.ColumnConstraint) else constraint
            if isinstance(kind, exp.NotNullColumnConstraint):
                field = replace(field, required=not kind.args.get("allow_null"))
            elif isinstance(kind, exp.CommentColumnConstraint):
                field = replace(field, description=kind.this.this)
            elif isinstance(kind, exp.Properties):
                texts = {p.name.lower(): p.args["value"].this for p in kind.expressions}
                field = replace(field, description=texts.get("description"))
            else:
                self._note(f"{place}.{name}", f"{short(kind.sql(self._dialect))}: left out")
        return field


def _element(part: exp.Expr) -> tuple[exp.Expr, bool]:
    """The type of an element, and whether it is NOT NULL."""
    if isinstance(part, exp.ColumnDef):
        constraints = [
            c.args["kind"] for c in part.args.get("constraints") or () if isinstance(c, exp.ColumnConstraint)
        ]
        return part.args.get("kind") or part.this, any(isinstance(c, exp.NotNullColumnConstraint) for c in constraints)
    if isinstance(part, exp.DataType) and part.args.get("nullable") is False:
        return part, True
    return part, False


def _number(part: exp.Expr) -> int:
    text = part.name or str(part.this)
    return int(text) if text.isdigit() and len(text) < 10 else 0
