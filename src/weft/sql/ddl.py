"""Tables that CREATE TABLE statements describe, in the DDL of six systems. Nothing is run."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlglot
from msgspec import Struct
from msgspec.structs import replace
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from weft.model.shape import UNSET, Field, Reference, Table
from weft.model.type_text import parse_type
from weft.sql.stored_checks import as_written

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
_COMPARISONS: dict[type[exp.Expr], str] = {
    exp.GTE: "minimum",
    exp.GT: "exclusiveMinimum",
    exp.LTE: "maximum",
    exp.LT: "exclusiveMaximum",
}
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {exp.GTE: exp.LTE, exp.LTE: exp.GTE, exp.GT: exp.LT, exp.LT: exp.GT}


_ODD = (LookupError, TypeError, ValueError, AttributeError)
"""What reading a tree raises when sqlglot has let something pass that has not the parts of its kind."""


class Described(Struct, frozen=True):
    """What DDL describes: tables, and what it says beyond them, one line each."""

    tables: tuple[Table, ...]
    notes: tuple[str, ...]


class Unreadable(Exception):
    """The text is no SQL of the dialect; `line` counts from 1."""

    def __init__(self, why: str, line: int | None = None) -> None:
        super().__init__(why)
        self.line = line


def described(text: str, dialect: str) -> Described:
    """The tables that a script creates; ALTER TABLE and COMMENT ON that follow are taken into account.

    Raises:
        Unreadable: it does not parse.
    """
    try:
        with _silent():
            statements = sqlglot.parse(text, dialect=dialect)
    except ParseError as e:
        first = e.errors[0] if e.errors else {}
        raise Unreadable(str(first.get("description") or "it does not parse"), first.get("line")) from e
    except (TokenError, SqlglotError, RecursionError) as e:
        raise Unreadable(str(e) or type(e).__name__) from e
    reader = _Script(dialect)
    try:
        with _silent():
            for statement in statements:
                if statement is not None:
                    reader.take(statement)
    except RecursionError as e:
        raise Unreadable("it is nested too deep") from e
    except _ODD as e:
        raise Unreadable("a statement lacks a part that belongs to it") from e
    return Described(tuple(reader.tables.values()), tuple(reader.notes))


@contextmanager
def _silent() -> Iterator[None]:
    """Lets sqlglot not warn on standard error of what is noted here."""
    logger = logging.getLogger("sqlglot")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def checked(table: Table, checks: list[str], dialect: str) -> tuple[Table, tuple[str, ...]]:
    """The table with what conditions of CHECKs say of its columns, and those that say something else, told."""
    builder = _TableReader(table.name, dialect, {}, table)
    for check in checks:
        try:
            builder.constraint(exp.CheckColumnConstraint(this=sqlglot.parse_one(check, dialect=dialect)))
        except (SqlglotError, RecursionError, *_ODD):
            builder.note(table.name, f"CHECK ({_short(check)}): left out")
    return builder.done(), tuple(builder.notes)


def column_type(text: str, dialect: str, place: str) -> tuple[Field, tuple[str, ...]]:
    """The type of a column as a system writes it, as a field without name, and what of it is not understood.

    Raises:
        Unreadable: it is no type of the dialect.
    """
    try:
        kind = exp.DataType.build(text, dialect=dialect, udt=True)
        builder = _TableReader(place, dialect, {})
        field = builder.type(kind, place)
    except (SqlglotError, RecursionError, *_ODD) as e:
        raise Unreadable(str(e)) from e
    return field, tuple(n.partition(": ")[2] for n in builder.notes)


def constant(text: str, dialect: str = "duckdb") -> tuple[bool, Any]:
    """Whether an expression is a value that is written there, and the value.

    >>> constant("'a'"), constant("CAST('2020-01-01' AS DATE)"), constant("now()")
    ((True, 'a'), (True, '2020-01-01'), (False, None))
    """
    try:
        found = _constant(sqlglot.parse_one(text, dialect=dialect))
    except (SqlglotError, RecursionError, *_ODD):
        found = UNSET
    return (False, None) if found is UNSET else (True, found)


class _Script:
    def __init__(self, dialect: str) -> None:
        self.tables: dict[str, Table] = {}
        self.notes: dict[str, None] = {}
        self._dialect = dialect
        self._enums: dict[str, tuple[str, ...]] = {}

    def take(self, statement: exp.Expr) -> None:
        if isinstance(statement, exp.Create) and statement.kind == "TABLE":
            self._create(statement)
        elif isinstance(statement, exp.Create) and statement.kind == "TYPE":
            self._type(statement)
        elif isinstance(statement, exp.Comment):
            self._comment(statement)
        elif isinstance(statement, exp.Alter) and statement.args.get("kind") == "TABLE":
            self._alter(statement)
        elif isinstance(statement, exp.Command) and self._enum(statement.sql(self._dialect)):
            pass
        else:
            self._note("", f"{statement.key.upper()} says nothing of columns: left out")

    def _note(self, place: str, text: str) -> None:
        self.notes[f"`{place}`: {text}" if place else text] = None

    def _create(self, statement: exp.Create) -> None:
        target = statement.this
        if not isinstance(target, exp.Schema):
            name = target.name if isinstance(target, exp.Table) else "?"
            self._note(name, "the statement lists no columns: left out")
            return
        builder = _TableReader(target.this.name, self._dialect, self._enums)
        for part in target.expressions:
            if isinstance(part, exp.ColumnDef):
                builder.column(part)
        for part in target.expressions:
            if not isinstance(part, exp.ColumnDef):
                builder.constraint(part)
        properties = statement.args.get("properties")
        for prop in properties.expressions if properties is not None else ():
            builder.property(prop)
        self.tables[builder.name.lower()] = builder.done()
        self.notes |= dict.fromkeys(builder.notes)

    def _alter(self, statement: exp.Alter) -> None:
        name = statement.this.name
        table = self.tables.get(name.lower())
        if table is None:
            self._note(name, "ALTER TABLE of a table that the script does not create: left out")
            return
        builder = _TableReader(name, self._dialect, self._enums, table)
        for action in statement.args.get("actions") or ():
            if isinstance(action, exp.AddConstraint):
                for part in action.expressions:
                    builder.constraint(part)
            elif isinstance(action, exp.ColumnDef):
                builder.column(action)
            else:
                builder.note(name, f"ALTER TABLE … {action.key.upper()}: left out")
        self.tables[name.lower()] = builder.done()
        self.notes |= dict.fromkeys(builder.notes)

    def _comment(self, statement: exp.Comment) -> None:
        kind, target = str(statement.args.get("kind")).upper(), statement.this
        text = statement.expression.this if isinstance(statement.expression, exp.Literal) else None
        name = target.name if kind == "TABLE" else target.args["table"].name if target.args.get("table") else ""
        table = self.tables.get(name.lower())
        if table is None or kind not in ("TABLE", "COLUMN"):
            self._note(name or kind, "COMMENT on what the script does not create: left out")
            return
        if kind == "TABLE":
            self.tables[name.lower()] = replace(table, description=text)
            return
        fields = tuple(replace(f, description=text) if f.name == target.name else f for f in table.fields)
        self.tables[name.lower()] = replace(table, fields=fields)

    def _type(self, statement: exp.Create) -> None:
        if not self._enum(statement.sql(self._dialect)):
            self._note("", "CREATE TYPE of another kind than ENUM: left out")

    def _enum(self, text: str) -> bool:
        """Remembers the labels of `CREATE TYPE name AS ENUM (…)`."""
        words = text.replace("(", " ( ", 1).split(None, 5)
        if [w.upper() for w in words[:2]] != ["CREATE", "TYPE"] or [w.upper() for w in words[3:5]] != ["AS", "ENUM"]:
            return False
        tree = parse_type("ENUM" + words[5].rstrip("; \n"))
        if tree is None:
            return False
        self._enums[words[2].rpartition(".")[2].strip('"').lower()] = tree.labels
        return True


class _TableReader:
    """Collects what the parts of one CREATE TABLE say."""

    def __init__(
        self, name: str, dialect: str, enums: Mapping[str, tuple[str, ...]], table: Table | None = None
    ) -> None:
        self.name = name
        self.notes: list[str] = []
        self._dialect = dialect
        self._enums = enums
        self._fields: dict[str, Field] = {f.name: f for f in table.fields} if table else {}
        self._description = table.description if table else None
        self._sets = list(table.unique_sets) if table else []
        self._references = list(table.references) if table else []

    def note(self, place: str, text: str) -> None:
        self.notes.append(f"`{place}`: {text}")

    def done(self) -> Table:
        return Table(
            self.name,
            tuple(self._fields.values()),
            self._description,
            unique_sets=tuple(self._sets),
            references=tuple(self._references),
        )

    def property(self, prop: exp.Expr) -> None:
        if isinstance(prop, exp.SchemaCommentProperty) and isinstance(prop.this, exp.Literal):
            self._description = prop.this.this
            return
        if isinstance(prop, exp.Property) and prop.name.lower() == "description":
            value = prop.args.get("value")
            self._description = value.this if isinstance(value, exp.Literal) else None
            return
        if prop.key not in ("transientproperty", "temporaryproperty", "engineproperty", "fileformatproperty"):
            self.note(self.name, f"{_short(prop.sql(self._dialect))} says nothing of columns: left out")

    def column(self, column: exp.ColumnDef) -> None:
        name = column.name
        kind = column.args.get("kind")
        if kind is None:
            self.note(name, "the statement names no type: a text is taken")
        field = replace(self.type(kind, name) if kind is not None else Field("", "VARCHAR"), name=name)
        self._fields[name] = field
        for constraint in column.args.get("constraints") or ():
            self._column_constraint(name, constraint.args["kind"])

    def _change(self, name: str, **changes: Any) -> None:
        found = next((n for n in self._fields if n.lower() == name.lower()), None)
        if found is None:
            self.note(name, "a constraint names this column, and the table has none of the name")
            return
        self._fields[found] = replace(self._fields[found], **changes)

    def _column_constraint(self, name: str, kind: exp.Expr) -> None:
        if isinstance(kind, exp.NotNullColumnConstraint):
            self._change(name, required=not kind.args.get("allow_null"))
        elif isinstance(kind, exp.CommentColumnConstraint):
            self._change(name, description=kind.this.this)
        elif isinstance(kind, exp.PrimaryKeyColumnConstraint):
            self._change(name, key_position=1, required=True)
        elif isinstance(kind, exp.UniqueColumnConstraint):
            self._change(name, unique=True)
        elif isinstance(kind, exp.DefaultColumnConstraint):
            self._default(name, kind.this)
        elif isinstance(kind, exp.CheckColumnConstraint):
            self._check(kind.this)
        elif isinstance(kind, exp.Reference):
            self._foreign((name,), kind)
        elif isinstance(kind, exp.Properties):
            for prop in kind.expressions:
                if prop.name.lower() == "description":
                    self._change(name, description=prop.args["value"].this)
                else:
                    self.note(name, f"{_short(prop.sql(self._dialect))}: left out")
        elif isinstance(kind, exp.GeneratedAsIdentityColumnConstraint) and kind.args.get("expression"):
            self.note(name, f"its values are computed ({_short(kind.args['expression'].sql(self._dialect))}): left out")
        elif isinstance(kind, exp.GeneratedAsIdentityColumnConstraint | exp.AutoIncrementColumnConstraint):
            self.note(name, "its values are numbered by the database: a contract has no word for that")
        else:
            self.note(name, f"{_short(kind.sql(self._dialect))}: left out")

    def constraint(self, part: exp.Expr) -> None:
        """A constraint of the table, with or without a name."""
        if isinstance(part, exp.Constraint):
            for inner in part.expressions:
                self.constraint(inner)
        elif isinstance(part, exp.PrimaryKey):
            for position, name in enumerate(_names(part.expressions), start=1):
                self._change(name, key_position=position, required=True)
        elif isinstance(part, exp.UniqueColumnConstraint):
            inner = part.this
            names = tuple(_names(inner.expressions if isinstance(inner, exp.Schema) else [inner] if inner else []))
            if len(names) == 1:
                self._change(names[0], unique=True)
            elif names:
                self._sets.append(names)
        elif isinstance(part, exp.ForeignKey):
            self._foreign(tuple(_names(part.expressions)), part.args.get("reference"))
        elif isinstance(part, exp.CheckColumnConstraint):
            self._check(part.this)
        else:
            self.note(self.name, f"{_short(part.sql(self._dialect))}: left out")

    def _foreign(self, columns: tuple[str, ...], reference: Any) -> None:
        schema = reference.this if reference is not None else None
        if isinstance(schema, exp.Schema):
            targets = tuple(_names(schema.expressions))
            if len(targets) == len(columns):
                self._references.append(Reference(columns, schema.this.name, targets))
                return
        table = schema.name if schema is not None else "?"
        self.note(self.name, f"the foreign key to `{table}` names no columns there: left out")

    def _default(self, name: str, value: exp.Expr) -> None:
        found = _constant(as_written(value.copy()) if self._dialect == "postgres" else value)
        if found is UNSET:
            self.note(name, f"the default {_short(value.sql(self._dialect))} is computed: left out")
        elif found is not None or self._dialect != "mysql":  # which writes out that there is none
            self._change(name, default=found)

    def _check(self, condition: exp.Expr) -> None:
        """What a CHECK says of one column, if it is one of the promises that a contract has words for."""
        for part in _conjuncts(condition):
            if not self._promise(as_written(part.copy()) if self._dialect == "postgres" else part):
                names = [c.name for c in part.find_all(exp.Column)]
                self.note(names[0] if names else self.name, f"CHECK ({_short(part.sql(self._dialect))}): left out")

    def _promise(self, part: exp.Expr) -> bool:
        if isinstance(part, exp.In):
            name = _column(part.this)
            values = [_constant(v) for v in part.expressions]
            if name and values and UNSET not in values:
                self._change(name, values=tuple(v for v in values if v is not None))
                return True
        if isinstance(part, exp.Between):
            name, low, high = _column(part.this), _constant(part.args["low"]), _constant(part.args["high"])
            if name and UNSET not in (low, high):
                self._limit(name, minimum=low, maximum=high)
                return True
        if isinstance(part, exp.RegexpLike):
            name, pattern = _column(part.this), _constant(part.expression)
            if name and isinstance(pattern, str) and not part.args.get("flag"):
                self._limit(name, pattern=pattern)
                return True
        if isinstance(part, exp.EQ) and isinstance(part.this, exp.Mod):
            divided = part.this.this  # PostgreSQL divides no float: it is cast
            name = _column(divided.this if isinstance(divided, exp.Cast) else divided)
            step = _constant(_bare(part.this.expression))
            if name and _constant(part.expression) == 0 and isinstance(step, int | float):
                self._limit(name, multipleOf=step)
                return True
        if type(part) in _COMPARISONS:
            return self._comparison(part)
        return False

    def _comparison(self, part: exp.Expr) -> bool:
        left, right = _bare(part.this), _bare(part.expression)
        kind: type[exp.Expr] = type(part)
        if _constant(left) is not UNSET:
            left, right, kind = right, left, _MIRRORED[kind]
        bound = _constant(right)
        if bound is UNSET or bound is None:
            return False
        name = _column(left)
        if name is not None:
            self._limit(name, **{_COMPARISONS[kind]: bound})
            return True
        counted = _counted(left)
        measured = _column(counted) if counted is not None else None
        if measured is None or not isinstance(bound, int):
            return False
        field = next((f for n, f in self._fields.items() if n.lower() == measured.lower()), None)
        word = "Items" if field is not None and field.items is not None else "Length"
        if kind in (exp.GTE, exp.GT):
            self._limit(measured, **{f"min{word}": bound + (kind is exp.GT)})
        else:
            self._limit(measured, **{f"max{word}": bound - (kind is exp.LT)})
        return True

    def _limit(self, name: str, **limits: Any) -> None:
        found = next((f for n, f in self._fields.items() if n.lower() == name.lower()), None)
        if found is not None:
            self._change(name, options={**found.options, **limits})

    def type(self, kind: exp.Expr, place: str) -> Field:
        """The type of a column or of a part of one; not required."""
        if not isinstance(kind, exp.DataType):
            return self._unknown(kind, place)
        name, parts = kind.this, kind.expressions
        if name in (_T.STRUCT, _T.OBJECT, _T.NESTED) and parts:
            return Field("", "STRUCT", fields=tuple(self._part(p, place) for p in parts))
        if name in (_T.ARRAY, _T.LIST):
            if not parts:
                self.note(place, "the type does not say what the items are: JSON is taken")
                return Field("", "LIST", items=Field("items", "JSON"))
            element, required = _element(parts[0])
            inner = replace(self.type(element, f"{place}[]"), name="items", required=required)
            sizes = [int(str(v)) for v in kind.args.get("values") or () if str(v).isdigit()]
            if sizes and self._dialect == "duckdb":
                return Field("", "ARRAY", (sizes[0],), items=inner)
            return Field("", "LIST", items=inner)
        if name == _T.VECTOR and len(parts) == 2:
            inner = replace(self.type(parts[0], place), name="items")
            return Field("", "ARRAY", (_number(parts[1]),), items=inner)
        if name == _T.MAP and len(parts) == 2:
            (key, _), (value, required) = _element(parts[0]), _element(parts[1])
            return Field(
                "",
                "MAP",
                key=replace(self.type(key, f"{place}{{key}}"), name="key", required=True),
                items=replace(self.type(value, f"{place}{{}}"), name="value", required=required),
            )
        if name == _T.ENUM and parts:
            labels = tuple(p.this for p in parts if isinstance(p, exp.Literal))
            return Field("", "ENUM" if self._dialect == "duckdb" else "VARCHAR", values=labels)
        if name in (_T.OBJECT, _T.STRUCT, _T.MAP):
            self.note(place, "the type does not say what is in it: JSON is taken")
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
                self.note(place, "the type names no precision: DECIMAL(38,9) is taken")
                usual = (38, 9)
            return Field("", "DECIMAL", usual)
        precision, scale = (*sizes, 0)[:2]
        if precision > 38:
            self.note(place, f"DECIMAL has at most 38 digits, not {precision}")
        return Field("", "DECIMAL", (min(precision, 38), min(scale, 38)))

    def _unknown(self, kind: exp.Expr, place: str) -> Field:
        text = kind.sql(self._dialect)
        labels = self._enums.get(text.rpartition(".")[2].strip('"').lower())
        if labels is not None:
            return Field("", "ENUM" if self._dialect == "duckdb" else "VARCHAR", values=labels)
        tree = parse_type(text)
        if tree is not None and tree.known and not tree.parts and tree.name != "ENUM":
            return Field("", tree.name, tree.parameters)
        self.note(place, f"the type {_short(text)} is not understood: a text is taken")
        return Field("", "VARCHAR")

    def _part(self, part: exp.Expr, place: str) -> Field:
        """A field of a struct."""
        if not isinstance(part, exp.ColumnDef):
            self.note(place, f"{_short(part.sql(self._dialect))} is a field without a name")
            return replace(self.type(part, place), name=f"f{len(place)}")
        name = part.name
        field = replace(self.type(part.args["kind"], f"{place}.{name}"), name=name)
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
                self.note(f"{place}.{name}", f"{_short(kind.sql(self._dialect))}: left out")
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


def _names(parts: Any) -> Iterator[str]:
    for part in parts:
        inner = part.this if isinstance(part, exp.Ordered | exp.ColumnPrefix) else part
        yield inner.name


def _column(part: exp.Expr) -> str | None:
    bare = _bare(part)
    return bare.name if isinstance(bare, exp.Column | exp.Identifier) else None


def _bare(part: exp.Expr) -> exp.Expr:
    while isinstance(part, exp.Paren):
        part = part.this
    return part


def _counted(part: exp.Expr) -> exp.Expr | None:
    """What a function counts the characters or items of; None where it is another one."""
    if isinstance(part, exp.Length | exp.ArraySize):
        found: exp.Expr | None = part.this
    elif isinstance(part, exp.Anonymous) and part.name.lower() == "cardinality" and len(part.expressions) == 1:
        found = part.expressions[0]
    else:
        found = None
    return found


def _conjuncts(condition: exp.Expr) -> Iterator[exp.Expr]:
    bare = _bare(condition)
    if isinstance(bare, exp.And):
        yield from _conjuncts(bare.this)
        yield from _conjuncts(bare.expression)
    else:
        yield bare


def _number(part: exp.Expr) -> int:
    text = part.name or str(part.this)
    return int(text) if text.isdigit() and len(text) < 10 else 0


def _constant(part: exp.Expr) -> Any:
    """The value that is written there; UNSET where it is none."""
    part = _bare(part)
    if isinstance(part, exp.Null):
        return None
    if isinstance(part, exp.Boolean):
        return bool(part.this)
    if isinstance(part, exp.Neg):
        inner = _constant(part.this)
        return -inner if isinstance(inner, int | float) and not isinstance(inner, bool) else UNSET
    if isinstance(part, exp.Cast) and isinstance(part.this, exp.Literal) and part.this.is_string:
        return part.this.this
    if not isinstance(part, exp.Literal):
        return UNSET
    if part.is_string:
        return part.this
    try:
        return int(part.this) if part.this.isdigit() and len(part.this) < 400 else float(part.this)
    except ValueError:
        return UNSET


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"
