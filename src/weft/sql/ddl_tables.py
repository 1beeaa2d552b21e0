"""One table, as the parts of its CREATE TABLE and ALTER TABLE describe it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace
from sqlglot import exp

from weft.model.shape import UNSET, Field, Reference, Table
from weft.sql.ddl_conditions import conjuncts, promised
from weft.sql.ddl_types import TypeReader
from weft.sql.ddl_values import short, written
from weft.sql.stored_checks import as_written


class TableReader:
    """Collects what the parts of one CREATE TABLE say."""

    def __init__(
        self, name: str, dialect: str, enums: Mapping[str, tuple[str, ...]], table: Table | None = None
    ) -> None:
        self.name = name
        self.notes: list[str] = []
        self._dialect = dialect
        self._types = TypeReader(dialect, enums, self.note)
        self._fields: dict[str, Field] = {f.name: f for f in table.fields} if table else {}
        self._description = table.description if table else None
        self._sets = list(table.unique_sets) if table else []
        self._references = list(table.references) if table else []

    def note(self, place: str, text: str) -> None:
        """Tells what of a place is left out."""
        self.notes.append(f"`{place}`: {text}")

    def done(self) -> Table:
        """The table that the parts make."""
        return Table(
            self.name,
            tuple(self._fields.values()),
            self._description,
            unique_sets=tuple(self._sets),
            references=tuple(self._references),
        )

    def property(self, prop: exp.Expr) -> None:
        """A property of the table: its description, or what a contract does not say."""
        if isinstance(prop, exp.SchemaCommentProperty) and isinstance(prop.this, exp.Literal):
            self._description = prop.this.this
            return
        if isinstance(prop, exp.Property) and prop.name.lower() == "description":
            value = prop.args.get("value")
            self._description = value.this if isinstance(value, exp.Literal) else None
            return
        if prop.key not in ("transientproperty", "temporaryproperty", "engineproperty", "fileformatproperty"):
            self.note(self.name, f"{short(prop.sql(self._dialect))} says nothing of columns: left out")

    def column(self, column: exp.ColumnDef) -> None:
        """A column with its own constraints."""
        name = column.name
        kind = column.args.get("kind")
        if kind is None:
            self.note(name, "the statement names no type: a text is taken")
        field = replace(self._types.field(kind, name) if kind is not None else Field("", "VARCHAR"), name=name)
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
                    self.note(name, f"{short(prop.sql(self._dialect))}: left out")
        elif isinstance(kind, exp.GeneratedAsIdentityColumnConstraint) and kind.args.get("expression"):
            self.note(name, f"its values are computed ({short(kind.args['expression'].sql(self._dialect))}): left out")
        elif isinstance(kind, exp.GeneratedAsIdentityColumnConstraint | exp.AutoIncrementColumnConstraint):
            self.note(name, "its values are numbered by the database: a contract has no word for that")
        else:
            self.note(name, f"{short(kind.sql(self._dialect))}: left out")

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
            self.note(self.name, f"{short(part.sql(self._dialect))}: left out")

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
        found = written(as_written(value.copy()) if self._dialect == "postgres" else value)
        if found is UNSET:
            self.note(name, f"the default {short(value.sql(self._dialect))} is computed: left out")
        elif found is not None or self._dialect != "mysql":  # which writes out that there is none
            self._change(name, default=found)

    def _check(self, condition: exp.Expr) -> None:
        """What a CHECK says of one column, if it is one of the promises that a contract has words for."""
        for part in conjuncts(condition):
            if not self._promise(as_written(part.copy()) if self._dialect == "postgres" else part):
                names = [c.name for c in part.find_all(exp.Column)]
                self.note(names[0] if names else self.name, f"CHECK ({short(part.sql(self._dialect))}): left out")

    def _promise(self, part: exp.Expr) -> bool:
        found = promised(part, self._has_items)
        if found is None:
            return False
        if found.values is not None:
            self._change(found.column, values=found.values)
        else:
            self._limit(found.column, found.limits)
        return True

    def _has_items(self, name: str) -> bool:
        field = self._named(name)
        return field is not None and field.items is not None

    def _named(self, name: str) -> Field | None:
        return next((f for n, f in self._fields.items() if n.lower() == name.lower()), None)

    def _limit(self, name: str, limits: Mapping[str, Any]) -> None:
        found = self._named(name)
        if found is not None:
            self._change(name, options={**found.options, **limits})


def _names(parts: Any) -> Iterator[str]:
    for part in parts:
        inner = part.this if isinstance(part, exp.Ordered | exp.ColumnPrefix) else part
        yield inner.name
