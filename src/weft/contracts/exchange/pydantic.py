"""Source code of pydantic models (pydantic 2): a class for each table and each struct. Nothing of it is run here."""

from __future__ import annotations

import builtins
import datetime as dt
import keyword
import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from weft.contracts.exchange.kinds import Header, Written
from weft.contracts.exchange.notes import Notes
from weft.contracts.fresh import fresh
from weft.model.shape import UNSET, Field, Table

_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}
_UNSIGNED = {"UTINYINT": 8, "USMALLINT": 16, "UINTEGER": 32, "UBIGINT": 64, "UHUGEINT": 128}
_SIMPLE = {
    "BOOLEAN": "bool",
    "FLOAT": "float",
    "DOUBLE": "float",
    "DECIMAL": "Decimal",
    "VARCHAR": "str",
    "ENUM": "str",
    "BLOB": "bytes",
    "DATE": "dt.date",
    "TIME": "dt.time",
    "TIME_NS": "dt.time",
    "TIMETZ": "dt.time",
    "TIMESTAMP": "NaiveDatetime",
    "TIMESTAMP_S": "NaiveDatetime",
    "TIMESTAMP_MS": "NaiveDatetime",
    "TIMESTAMP_NS": "NaiveDatetime",
    "TIMESTAMPTZ": "AwareDatetime",
    "INTERVAL": "dt.timedelta",
    "UUID": "UUID",
    "JSON": "JsonValue",
    "BIGNUM": "int",
}
_LIMITS = {
    "minimum": "ge",
    "exclusiveMinimum": "gt",
    "maximum": "le",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
}
_NUMERIC = frozenset({"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum", "multipleOf"})
_IMPORTED = frozenset(
    {"dt", "Decimal", "UUID", "Annotated", "Any", "ClassVar", "Literal", "AwareDatetime", "BaseModel", "ConfigDict"}
    | {"Field", "JsonValue", "NaiveDatetime", "annotations", "PRIMARY_KEY"}
)
_IN_ANNOTATIONS = frozenset({"bool", "bytes", "dict", "float", "int", "list", "str", "tuple"})
_OF_MODELS = frozenset(
    {"construct", "copy", "dict", "from_orm", "json", "parse_file", "parse_obj", "parse_raw"}
    | {"schema", "schema_json", "update_forward_refs", "validate"}
)
"""Names that pydantic's models have of their own."""


def exported(tables: tuple[Table, ...], header: Header) -> Written:
    """A module with a class for each table; structs are classes before it."""
    writer = _Writer(len(tables) > 1)
    for table in tables:
        writer.table(table)
    body = "\n\n\n".join(writer.classes)
    return Written(f"{_head(header, body)}\n\n\n{body}\n", writer.notes.lines)


def _head(header: Header, body: str) -> str:
    wanted = [n for n in ("Annotated", "ClassVar", "Literal") if re.search(rf"\b{n}\[", body)]
    models = ("AwareDatetime", "BaseModel", "ConfigDict", "Field", "JsonValue", "NaiveDatetime")
    used = [n for n in models if re.search(rf"\b{n}\b", body)]
    lines = [
        repr(f"Rows of the contract {header.name} {header.version}."),
        "",
        "from __future__ import annotations",
        "",
    ]
    standard = ["import datetime as dt"] if re.search(r"\bdt\.", body) else []
    standard += ["from decimal import Decimal"] if "Decimal" in body else []
    standard += [f"from typing import {', '.join(wanted)}"] if wanted else []
    standard += ["from uuid import UUID"] if "UUID" in body else []
    return "\n".join([*lines, *standard, *([""] if standard else []), f"from pydantic import {', '.join(used)}"])


class _Writer:
    def __init__(self, several: bool) -> None:
        self.notes = Notes()
        self.classes: list[str] = []
        self._names: set[str] = set()
        self._several = several

    def table(self, table: Table) -> None:
        """Writes the class of a table."""
        prefix = f"{table.name}." if self._several else ""
        extra = [f"PRIMARY_KEY: ClassVar[tuple[str, ...]] = {table.key!r}", ""] if table.key else []
        if table.references or table.unique_sets:
            self.notes.add(table.name, "pydantic cannot say foreign keys or columns that are unique together")
        name = self._class_name(table.name)
        self._class(name, table.fields, table.description, prefix, extra)

    def _class(
        self, name: str, fields: tuple[Field, ...], description: str | None, prefix: str, extra: list[str]
    ) -> None:
        lines = [repr(description), ""] if description is not None else []
        lines += [
            'model_config = ConfigDict(extra="forbid", populate_by_name=True, regex_engine="python-re")',
            "",
            *extra,
        ]
        taken: set[str] = set()
        for field in fields:
            lines.append(self._line(field, f"{prefix}{field.name}", name, taken))
        body = "\n".join(f"    {line}" if line else "" for line in lines)
        self.classes.append(f"class {name}(BaseModel):\n{body}")

    def _class_name(self, words: str) -> str:
        parts = re.findall(r"[A-Za-z0-9]+", words)
        base = "".join(p[:1].upper() + p[1:] for p in parts) or "Row"
        base = base if not base[0].isdigit() else f"Row{base}"
        base = f"{base}Row" if keyword.iskeyword(base) or base in _IMPORTED or hasattr(builtins, base) else base
        name, n = base, 1
        while name in self._names:
            n += 1
            name = f"{base}{n}"
        self._names.add(name)
        return name

    def _line(self, field: Field, place: str, owner: str, taken: set[str]) -> str:
        name = _attribute(field.name, taken)
        self.notes.lost(place, field, "pydantic", "unique", "uniqueItems", "format")
        annotation = self._annotation(field, place, owner)
        arguments = [f"alias={field.name!r}"] if name != field.name else []
        arguments += [f"title={field.title!r}"] if field.title is not None else []
        arguments += [f"description={field.description!r}"] if field.description is not None else []
        default = self._default(field, place)
        if default is not None and arguments:
            arguments.insert(0, f"default={default}")
        if arguments:
            return f"{name}: {annotation} = Field({', '.join(arguments)})"
        return f"{name}: {annotation}" + (f" = {default}" if default is not None else "")

    def _default(self, field: Field, place: str) -> str | None:
        if field.default is UNSET:
            return None if field.required else "None"
        value = field.default
        plain = value is None or isinstance(value, bool | int | float | str)
        if plain and (value is None or field.type in ("VARCHAR", "BOOLEAN", "FLOAT", "DOUBLE", *_BITS, *_UNSIGNED)):
            return repr(value)
        if field.type == "DECIMAL" and plain:
            return f"Decimal({str(value)!r})"
        self.notes.add(place, "its default is not written: pydantic wants a value of its Python type")
        return None if field.required else "None"

    def _annotation(self, field: Field, place: str, owner: str) -> str:
        text = self._type(field, place, owner)
        return text if field.required or text == "JsonValue" else f"{text} | None"

    def _type(self, field: Field, place: str, owner: str) -> str:
        if field.type == "STRUCT":
            name = self._class_name(f"{owner} {field.name if field.name != 'items' else place.rpartition('.')[2]}")
            self._class(name, field.fields, None, f"{place}.", [])
            return name
        if field.type in ("LIST", "ARRAY") and field.items is not None:
            self._lost_inside(field.items, f"{place}[]")
            return _limited(
                f"list[{self._annotation(field.items, f'{place}[]', owner)}]", dict(self._limits(field, place))
            )
        if field.type == "MAP" and field.items is not None and field.key is not None:
            self._lost_inside(field.items, f"{place}{{}}")
            key = self._type(field.key, f"{place}{{key}}", owner)
            return f"dict[{key}, {self._annotation(field.items, f'{place}{{}}', owner)}]"
        if field.values:
            if all(isinstance(v, str | bool | int) for v in field.values):
                if any(n != "format" for n in field.options):
                    self.notes.add(place, "its limits are not written beside its values")
                return f"Literal[{', '.join(repr(v) for v in field.values)}]"
            self.notes.add(place, "pydantic cannot list values that are numbers with decimals")
        base = "int" if field.type in _BITS or field.type in _UNSIGNED else _SIMPLE.get(field.type)
        if base is None:
            self.notes.add(place, f"pydantic has no {field.type}: a text is taken")
            base = "str"
        return _limited(base, dict(self._limits(field, place)))

    def _lost_inside(self, field: Field, place: str) -> None:
        self.notes.lost(place, field, "pydantic", "description", "default", "format")

    def _limits(self, field: Field, place: str) -> Iterator[tuple[str, str]]:
        if field.type in _BITS:
            bound = 2 ** (_BITS[field.type] - 1)
            yield from (("ge", str(-bound)), ("le", str(bound - 1)))
        elif field.type in _UNSIGNED:
            yield from (("ge", "0"), ("le", str(2 ** _UNSIGNED[field.type] - 1)))
        elif field.type == "DECIMAL":
            precision, scale = (*field.parameters, 0)[:2] if field.parameters else (18, 3)
            yield from (("max_digits", str(precision)), ("decimal_places", str(scale)))
        elif field.type == "ARRAY":
            yield from (("min_length", str(field.parameters[0])), ("max_length", str(field.parameters[0])))
        for name, value in field.options.items():
            if name == "pattern":
                yield from self._pattern(str(value), place)
            elif name in _LIMITS:
                told = self._bound(field, name, value)
                if told is None:
                    self.notes.add(place, f"pydantic cannot say {name} of {field.type}")
                else:
                    yield _LIMITS[name], told

    def _pattern(self, pattern: str, place: str) -> Iterator[tuple[str, str]]:
        try:
            re.compile(pattern)
        except re.error:
            self.notes.add(place, "Python does not understand its pattern")
            return
        anchored = pattern if pattern.startswith("^") and "|" not in pattern else f"[\\s\\S]*?(?:{pattern})"
        yield "pattern", repr(anchored)

    def _bound(self, field: Field, name: str, value: Any) -> str | None:
        if name not in _NUMERIC:
            return str(value) if isinstance(value, int) else None
        if field.type == "DECIMAL":
            return f"Decimal({str(value)!r})" if isinstance(value, int | float) else None
        if field.type == "DATE" and isinstance(value, str):
            try:
                day = dt.date.fromisoformat(value)
            except ValueError:
                return None
            return f"dt.date({day.year}, {day.month}, {day.day})"
        numeric = field.type in _BITS or field.type in _UNSIGNED or field.type in ("FLOAT", "DOUBLE")
        return repr(value) if numeric and isinstance(value, int | float) else None


def _limited(base: str, limits: dict[str, str]) -> str:
    return f"Annotated[{base}, Field({', '.join(f'{k}={v}' for k, v in limits.items())})]" if limits else base


def _attribute(name: str, taken: set[str]) -> str:
    """The name of an attribute: the column's, where Python and pydantic allow it and nothing else is called so."""
    plain = unicodedata.normalize("NFKC", name)  # as Python reads names
    wanted = re.sub(r"\W", "_", plain).lstrip("_") or "field"
    wanted = wanted if not wanted[0].isdigit() else f"field_{wanted}"
    wanted = wanted if wanted.isidentifier() else "field"
    own = keyword.iskeyword(wanted) or wanted in _IN_ANNOTATIONS or wanted in _IMPORTED or wanted in _OF_MODELS
    if own or wanted.startswith("model_"):
        wanted = f"{wanted}_"
    return fresh(wanted, taken)
