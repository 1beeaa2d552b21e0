"""DDL: CREATE TABLE statements of six systems."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from weft.contracts.exchange.documents import malformed, missing
from weft.contracts.exchange.kinds import Header, Read, Written
from weft.contracts.exchange.notes import VALUE_LIMITS, Notes
from weft.contracts.exchange.sql_dialects import DIALECTS, Dialect
from weft.model.shape import UNSET, Field, Reference, Table

_BOUNDS = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
_SHORT_KEY = 255


def imported(text: str, name: str, dialect: str = "duckdb") -> Read:
    """The tables that a script creates.

    Raises:
        SourceError: WFT-IMP-003, it is no SQL of the dialect; WFT-IMP-004, it creates no table.
    """
    from weft.sql.ddl import Unreadable, described

    try:
        found = described(text, dialect)
    except Unreadable as e:
        raise malformed(name, f"DDL of {dialect}", str(e), e.line) from e
    if not found.tables:
        raise missing(name, "creates no table with columns", "give a script with CREATE TABLE, and its `--dialect`")
    return Read(found.tables, notes=found.notes)


def exported(tables: tuple[Table, ...], header: Header, dialect: str = "duckdb") -> Written:
    """CREATE TABLE statements that the system runs as they are, tables before those that refer to them."""
    writer = _Writer(DIALECTS[dialect], tables)
    text = "\n".join(writer.table(table) for table in writer.ordered())
    return Written(text, writer.notes.lines)


def column(field: Field, dialect: str, place: str, notes: Notes) -> tuple[list[str], str]:
    """What a system has to check of a column's values, as conditions in its SQL, and the type of the column there."""
    writer = _Writer(DIALECTS[dialect], (), notes)
    return writer.checks(field, place), writer.type(field, place)


class _Writer:
    def __init__(self, dialect: Dialect, tables: tuple[Table, ...], notes: Notes | None = None) -> None:
        self.notes = Notes() if notes is None else notes
        self._d = dialect
        self._tables = {t.name: t for t in tables}
        self._done: set[str] = set()
        self._several = len(tables) > 1

    def ordered(self) -> Iterator[Table]:
        """Tables, those that others refer to first, as far as there is such an order."""
        left = list(self._tables.values())
        placed: set[str] = set()
        while left:
            ready = next((t for t in left if self._needs(t) <= placed), left[0])
            left.remove(ready)
            placed.add(ready.name)
            yield ready

    def _needs(self, table: Table) -> set[str]:
        return {r.table for r in table.references if r.table in self._tables and r.table != table.name}

    def table(self, table: Table) -> str:
        """The statements of one table."""
        prefix = f"{table.name}." if self._several else ""
        key = table.key
        lines = [self._column(f, f"{prefix}{f.name}", key) for f in table.fields]
        if key and self._index(table, key, "are its primary key"):
            listed = ", ".join(self._name(c) for c in key)
            lines.append(f"PRIMARY KEY ({listed}){self._d.key}")
            if self._d.name == "spark":
                self.notes.add(table.name, "PRIMARY KEY is known to Databricks and to Spark from 4.1 on")
        for names in table.unique_sets:
            if self._d.uniques and self._index(table, names, "are unique together"):
                lines.append(f"UNIQUE ({', '.join(self._name(c) for c in names)})")
            elif not self._d.uniques:
                self.notes.add(table.name, f"{self._d.name} cannot say that {', '.join(names)} are unique together")
        lines += filter(None, (self._foreign(r, table) for r in table.references))
        for field in table.fields:
            lines += [f"CHECK ({check})" for check in self.checks(field, f"{prefix}{field.name}")]
        self._done.add(table.name)
        body = ",\n".join(f"    {line}" for line in lines)
        comment = self._table_comment(table)
        statements = [f"CREATE TABLE {self._name(table.name)} (\n{body}\n){comment};\n"]
        if self._d.comments == "statements":
            statements += self._comments(table)
        return "".join(statements)

    def _index(self, table: Table, names: tuple[str, ...], said: str) -> bool:
        """Whether the system has an index over columns; a note tells what it could not say for want of one."""
        types = {f.name: f.type for f in table.fields}
        without = [n for n in names if types.get(n) in self._d.unindexed]
        if without:
            listed, why = ", ".join(names), ", ".join(f"{n} is {types[n]}" for n in without)
            self.notes.add(table.name, f"{self._d.name} cannot say that {listed} {said}: it has no index where {why}")
        return not without

    def _name(self, name: str) -> str:
        q = self._d.quote
        if self._d.name == "bigquery":
            return f"{q}{name.replace(chr(92), chr(92) * 2).replace(q, chr(92) + q)}{q}"
        return f"{q}{name.replace(q, q * 2)}{q}"

    def _text(self, text: str) -> str:
        if self._d.escapes:
            text = text.replace("\\", "\\\\").replace("\n", "\\n")
        quote = "\\'" if self._d.name in ("bigquery", "spark") else "''"
        return "'" + text.replace("'", quote) + "'"

    def _value(self, value: Any) -> str:
        if value is None:
            return "NULL"
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, int | float) and math.isfinite(value):
            return repr(value)
        return self._text(str(value) if isinstance(value, str | float) else json.dumps(value, ensure_ascii=False))

    def _column(self, field: Field, place: str, key: tuple[str, ...]) -> str:
        typed = self.type(field, place, keyed=field.name in key)
        if self._d.name == "mysql" and field.type == "VARCHAR" and _labels(field):
            typed = f"ENUM({', '.join(self._text(v) for v in field.values)})"
        parts = [self._name(field.name), typed]
        if field.default is not UNSET:
            parts += self._default(field, place)
        if field.required or (field.name in key and field.type in self._d.unindexed):
            if self._d.name == "bigquery" and field.type in ("LIST", "ARRAY", "MAP"):
                self.notes.add(place, "bigquery's arrays are never NULL, and cannot be declared so")
            else:
                parts.append("NOT NULL")
        if field.unique:
            if self._d.uniques and field.type not in self._d.unindexed:
                parts.append("UNIQUE")
            else:
                self.notes.lost(place, field, self._d.name, "unique")
        if field.description is not None and self._d.comments == "inline":
            parts.append(f"COMMENT {self._text(field.description)}")
        if field.description is not None and self._d.comments == "options":
            parts.append(f"OPTIONS(description = {self._text(field.description)})")
        return " ".join(parts)

    def _default(self, field: Field, place: str) -> list[str]:
        value = field.default
        nested = field.fields or field.items is not None or isinstance(value, dict | list)
        if nested and value is not None:
            self.notes.add(place, "the default of a nested column is not written")
            return []
        if (
            self._d.name == "mysql"
            and self.type(field, place, keyed=False) in ("TEXT", "JSON", "LONGBLOB")
            and value is not None
        ):
            return ["DEFAULT", f"({self._value(value)})"]
        return ["DEFAULT", self._value(value)]

    def type(self, field: Field, place: str, *, keyed: bool = False) -> str:
        d = self._d
        if field.type == "STRUCT":
            return self._struct(field, place)
        if field.type in ("LIST", "ARRAY") and field.items is not None:
            return self._list(field, place)
        if field.type == "MAP" and field.items is not None and field.key is not None:
            return self._map(field, place)
        if field.type == "DECIMAL":
            return self._decimal(field, place)
        if field.type == "ENUM":
            if d.name == "duckdb":
                return f"ENUM({', '.join(self._text(str(v)) for v in field.values)})"
            if d.name == "mysql":
                return f"ENUM({', '.join(self._text(str(v)) for v in field.values)})"
            return d.types["VARCHAR"]
        if field.type == "VARCHAR":
            return self._varchar(field, place, keyed=keyed)
        if field.type == "BLOB" and d.name == "mysql" and (keyed or field.unique):
            self.notes.add(place, f"mysql has no key of bytes of any length: written as VARBINARY({_SHORT_KEY})")
            return f"VARBINARY({_SHORT_KEY})"
        if field.type in d.types:
            return d.types[field.type]
        wider = d.wider.get(field.type, d.types["VARCHAR"])
        self.notes.add(place, f"{d.name} has no {field.type}: written as {wider}")
        return wider

    def _varchar(self, field: Field, place: str, *, keyed: bool) -> str:
        longest = field.options.get("maxLength")
        if self._d.sized is not None and isinstance(longest, int) and 0 < longest <= self._d.longest:
            return self._d.sized.format(longest)
        if self._d.name == "mysql" and (keyed or field.unique):
            self.notes.add(place, f"mysql has no key of texts of any length: written as VARCHAR({_SHORT_KEY})")
            return f"VARCHAR({_SHORT_KEY})"
        if self._d.sized is not None and longest is not None:
            self.notes.add(place, f"{self._d.name} has no text of at most {longest} characters")
        return self._d.types["VARCHAR"]

    def _decimal(self, field: Field, place: str) -> str:
        precision, scale = (*field.parameters, 0)[:2] if field.parameters else (18, 3)
        name = self._d.decimal
        if self._d.name == "bigquery" and (scale > 9 or precision - scale > 29):
            name = "BIGNUMERIC"
        return f"{name}({precision}, {scale})"

    def _struct(self, field: Field, place: str) -> str:
        d = self._d
        if d.structs is None:
            self.notes.add(place, f"{d.name} has no structs: written as {d.json}")
            return d.json
        found = []
        for inner in field.fields:
            at = f"{place}.{inner.name}"
            sep = ":" if d.name == "spark" else ""
            text = f"{self._name(inner.name)}{sep} {self.type(inner, at)}"
            self._lost_inside(inner, at)
            if inner.required:
                if d.inner_required and not (d.name == "bigquery" and inner.type in ("LIST", "ARRAY", "MAP")):
                    text += " NOT NULL"
                else:
                    self.notes.lost(at, inner, d.name, "required")
            if inner.description is not None and d.inner_comments:
                said = self._text(inner.description)
                text += f" COMMENT {said}" if d.name == "spark" else f" OPTIONS(description = {said})"
            elif inner.description is not None:
                self.notes.lost(at, inner, d.name, "description")
            found.append(text)
        return d.structs.format(", ".join(found))

    def _lost_inside(self, field: Field, place: str) -> None:
        """What no DDL says of a part of a column."""
        sized = self._d.sized is not None and field.type == "VARCHAR"
        self.notes.lost(
            place, field, self._d.name, "default", "values", *(n for n in VALUE_LIMITS if n != "maxLength" or not sized)
        )
        self.notes.lost(place, field, self._d.name, "unique", "minItems", "maxItems", "uniqueItems", "format")

    def _element(self, field: Field, place: str) -> str:
        text = self.type(field, place)
        self._lost_inside(field, place)
        self.notes.lost(place, field, self._d.name, "description")
        if field.required:
            # Snowflake could say it, and sqlglot would not read it again
            self.notes.add(place, f"that no element is null is not written for {self._d.name}")
        return text

    def _list(self, field: Field, place: str) -> str:
        d = self._d
        assert field.items is not None, "a list has an element"
        if d.lists is None:
            self.notes.add(place, f"{d.name} has no lists: written as {d.json}")
            return d.json
        if d.name == "bigquery" and field.items.type in ("LIST", "ARRAY", "MAP"):
            self.notes.add(
                place, "bigquery has no lists of lists: the inner one stands in a struct with the field `items`"
            )
            inner = self._element(field.items, f"{place}[]")
            return f"ARRAY<STRUCT<`items` {inner}>>"
        inner = self._element(field.items, f"{place}[]")
        if field.type == "ARRAY" and d.name in ("duckdb", "postgres"):
            if d.name == "postgres":
                self.notes.add(place, f"postgres does not hold the size {field.parameters[0]} of an array")
            return f"{inner}[{field.parameters[0]}]"
        if field.type == "ARRAY":
            self.notes.add(place, f"{d.name} cannot say that there are always {field.parameters[0]} items")
        return d.lists.format(inner)

    def _map(self, field: Field, place: str) -> str:
        d = self._d
        assert field.key is not None and field.items is not None, "a map has a key and a value"
        if d.maps is None and d.lists is not None and d.structs is not None:
            self.notes.add(place, f"{d.name} has no maps: written as a list of keys and values")
            key, value = self._element(field.key, f"{place}{{key}}"), self._element(field.items, f"{place}{{}}")
            return d.lists.format(d.structs.format(f"`key` {key} NOT NULL, `value` {value}"))
        if d.maps is None:
            self.notes.add(place, f"{d.name} has no maps: written as {d.json}")
            return d.json
        key = self.type(field.key, f"{place}{{key}}")
        self._lost_inside(field.key, f"{place}{{key}}")
        self.notes.lost(f"{place}{{key}}", field.key, d.name, "description")
        return d.maps.format(key, self._element(field.items, f"{place}{{}}"))

    def _foreign(self, reference: Reference, table: Table) -> str | None:
        target = table if reference.table == table.name else self._tables.get(reference.table)
        columns = ", ".join(reference.columns)
        if not self._d.foreign:
            self.notes.add(table.name, f"the foreign key of {columns} is not written for {self._d.name}")
            return None
        if target is None or (target is not table and target.name not in self._done):
            why = "is not in this contract" if target is None else "refers back to this one"
            self.notes.add(
                table.name, f"the foreign key of {columns} is not written: the table `{reference.table}` {why}"
            )
            return None
        known = {frozenset(target.key)}
        if self._d.uniques:
            known |= {frozenset(s) for s in target.unique_sets}
            known |= {frozenset([f.name]) for f in target.fields if f.unique}
        unindexed = {f.name for f in target.fields if f.type in self._d.unindexed}
        if frozenset(reference.targets) not in known or unindexed & set(reference.targets):
            self.notes.add(table.name, f"the foreign key of {columns} is not written: its targets are no key there")
            return None
        own = ", ".join(self._name(c) for c in reference.columns)
        there = ", ".join(self._name(c) for c in reference.targets)
        return f"FOREIGN KEY ({own}) REFERENCES {self._name(reference.table)} ({there}){self._d.key}"

    def checks(self, field: Field, place: str) -> list[str]:
        """Conditions for all that a contract says of a column's values and its type does not."""
        d, options = self._d, field.options
        self.notes.lost(place, field, d.name, "format")
        if not d.checks:
            said = d.sized is not None and isinstance(options.get("maxLength"), int)
            self.notes.lost(place, field, d.name, *(n for n in VALUE_LIMITS if n != "maxLength" or not said))
            self.notes.lost(place, field, d.name, "values", "minItems", "maxItems", "uniqueItems")
            if field.type == "ENUM":
                self.notes.add(place, f"{d.name} cannot say values")
            return []
        name, found = self._name(field.name), []
        typed = d.name == "mysql" and (field.type == "ENUM" or (field.type == "VARCHAR" and _labels(field)))
        if field.values and not typed and not (field.type == "ENUM" and d.name == "duckdb"):
            found.append(f"{name} IN ({', '.join(self._value(v) for v in field.values)})")
        for limit, sign in _BOUNDS.items():
            if options.get(limit) is not None:
                found.append(f"{name} {sign} {self._value(options[limit])}")
        if options.get("multipleOf") is not None:
            float_ = d.name == "postgres" and field.type in ("FLOAT", "DOUBLE")  # it has no % for them
            divided = f"CAST({name} AS NUMERIC)" if float_ else name
            found.append(f"{divided} % {self._value(options['multipleOf'])} = 0")
        measured = f"{d.length}({name})" if field.type == "VARCHAR" else None
        if options.get("minLength") is not None and measured:
            found.append(f"{measured} >= {options['minLength']}")
        if options.get("maxLength") is not None and measured and (d.sized is None or options["maxLength"] > d.longest):
            found.append(f"{measured} <= {options['maxLength']}")
        if options.get("pattern") is not None and d.match is not None:
            found.append(d.match.format(column=name, pattern=self._text(str(options["pattern"]))))
        items = {"minItems": ">=", "maxItems": "<="}
        for limit, sign in items.items():
            if options.get(limit) is not None and d.name == "duckdb":
                found.append(f"len({name}) {sign} {options[limit]}")
            elif options.get(limit) is not None and d.name == "postgres":
                found.append(f"cardinality({name}) {sign} {options[limit]}")
            else:
                self.notes.lost(place, field, d.name, limit)
        self.notes.lost(place, field, d.name, "uniqueItems")
        return found

    def _table_comment(self, table: Table) -> str:
        if table.description is None or self._d.comments == "statements":
            return ""
        said = self._text(table.description)
        if self._d.comments == "options":
            return f"\nOPTIONS(description = {said})"
        return f"\nCOMMENT {said}" if self._d.name == "spark" else f"\nCOMMENT = {said}"

    def _comments(self, table: Table) -> Iterator[str]:
        name = self._name(table.name)
        if table.description is not None:
            yield f"COMMENT ON TABLE {name} IS {self._text(table.description)};\n"
        for field in table.fields:
            if field.description is not None:
                yield f"COMMENT ON COLUMN {name}.{self._name(field.name)} IS {self._text(field.description)};\n"


def _labels(field: Field) -> bool:
    """Whether the values of a text are listed, and are texts."""
    return bool(field.values) and all(isinstance(v, str) for v in field.values)
