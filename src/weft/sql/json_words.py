"""JSON: what is asked of documents in DuckDB's words, in those of a server."""

from __future__ import annotations

import json
import re

from sqlglot import exp

from weft.sql.patterns import Unsayable

_POSTGRES_KINDS = {
    "OBJECT": ("object",),
    "ARRAY": ("array",),
    "NULL": ("null",),
    "BOOLEAN": ("boolean",),
    "VARCHAR": ("string",),
    "BIGINT": ("number",),
    "UBIGINT": (),
    "DOUBLE": (),
}
_MYSQL_KINDS = {
    "VARCHAR": ("STRING",),
    "BIGINT": ("INTEGER",),
    "UBIGINT": ("UNSIGNED INTEGER",),
    "DOUBLE": ("DOUBLE", "DECIMAL"),
}
"""What servers call the kinds of values for which DuckDB has these names, where they differ."""

_SOMETIMES_ESCAPED = frozenset("<>&'/\x7f")


class JsonWords:
    """Rewrites what is asked of JSON; each step gives the node itself where it has nothing to say.

    Attributes:
        functions: the server's functions that are written, each of which only computes.
    """

    functions = frozenset(
        {"jsonb_typeof", "jsonb_object_field", "jsonb_array_length", "json_type", "json_extract", "json_unquote"}
        | {"json_length"}
    )

    def __init__(self, dialect: str) -> None:
        self._dialect = dialect
        self._postgres = dialect == "postgres"

    def kind(self, node: exp.JSONType) -> exp.Expr:
        """The kind of a value; what it is compared with has the server's names."""
        names = _POSTGRES_KINDS if self._postgres else _MYSQL_KINDS
        compared = node.parent
        if isinstance(compared, exp.In):
            words = [str(e.this) for e in compared.expressions]
            compared.set("expressions", [exp.Literal.string(n) for w in words for n in names.get(w, (w,))])
        elif isinstance(compared, exp.EQ | exp.NEQ):
            (name,) = names.get(str(compared.expression.this), (str(compared.expression.this),))
            compared.set("expression", exp.Literal.string(name))
        return self._kind_of(node.this)

    def field(self, node: exp.JSONExtract) -> exp.Expr:
        """A field of an object, named by a JSON pointer; what is no object has none."""
        if not isinstance(node.expression, exp.Literal):
            return node  # all items, or all values: rows, where a function of lists reads them
        name = str(node.expression.this).removeprefix("/").replace("~1", "/").replace("~0", "~")
        if self._postgres:
            return _call("jsonb_object_field", self._document(node.this), exp.Literal.string(name))
        found = [_call("json_extract", node.this, exp.Literal.string(f"$.{n}")) for n in _spellings(name)]
        return found[0] if len(found) == 1 else exp.Coalesce(this=found[0], expressions=found[1:])

    def text(self, node: exp.JSONExtractScalar) -> exp.Expr:
        """The text that a value is."""
        if self._postgres:
            root = exp.Literal.string("{}")
            return exp.Paren(this=exp.JSONBExtractScalar(this=self._document(node.this), expression=root))
        return _as_text(_call("json_unquote", node.this))

    def length(self, node: exp.Anonymous) -> exp.Expr:
        """How many items an array has; a server may stop at what is no array."""
        (value,) = node.expressions
        if self._postgres:
            return _call("jsonb_array_length", self._only("array", self._document(value)))
        return _call("json_length", self._only("ARRAY", value))

    def keys(self, node: exp.ArrayFilter) -> exp.ArrayFilter:
        """A list of keys: MySQL has them as JSON, so each is read as the text that it is."""
        if isinstance(node.this, exp.JSONKeys) and not self._postgres:
            name = node.expression.expressions[0].name
            key = self.item(node.this, name)
            body = node.expression.this.transform(lambda n: key.copy() if _named(n, name) else n)
            node.expression.set("this", body)
        return node

    def item(self, items: exp.Expr, name: str) -> exp.Expr:
        """One of a list, where it is a key as the text that it is."""
        text = isinstance(items, exp.JSONKeys) and not self._postgres
        return _as_text(_call("json_unquote", exp.column(name))) if text else exp.column(name)

    def rows_of(self, items: exp.Expr, name: str, alias: str) -> exp.Expr | None:
        """A FROM item of all items of an array, all values or keys of an object; None when it is none of these."""
        keys = isinstance(items, exp.JSONKeys)
        if not keys and not (isinstance(items, exp.JSONExtract) and isinstance(items.expression, exp.JSONPath)):
            return None
        entries = keys or any(isinstance(step, exp.JSONPathKey) for step in items.expression.expressions)
        if self._postgres:
            value = self._only("object" if entries else "array", self._document(items.this)).sql(dialect="postgres")
            if keys:
                return exp.Var(this=f"jsonb_object_keys({value}) AS {alias}({name})")
            if entries:
                return exp.Var(this=f"jsonb_each({value}) AS {alias}({name}_key, {name})")
            return exp.Var(this=f"jsonb_array_elements({value}) AS {alias}({name})")
        value = self._only("OBJECT" if entries else "ARRAY", items.this).sql(dialect="mysql")
        source, path = (f"JSON_KEYS({value})", "$[*]") if keys else (value, "$.*" if entries else "$[*]")
        return exp.Var(this=f"JSON_TABLE({source}, '{path}' COLUMNS({name} JSON PATH '$')) AS {alias}")

    def _document(self, value: exp.Expr) -> exp.Expr:
        """A value as the type of which PostgreSQL's functions are; its other JSON is a text."""
        field = isinstance(value, exp.Anonymous) and value.name == "jsonb_object_field"
        if field or (isinstance(value, exp.Cast) and value.is_type("jsonb")):
            return value.copy()
        return exp.Cast(this=value.copy(), to=exp.DataType.build("jsonb", dialect="postgres"))

    def _kind_of(self, value: exp.Expr) -> exp.Expr:
        return _call("jsonb_typeof", self._document(value)) if self._postgres else _call("json_type", value)

    def _only(self, kind: str, value: exp.Expr) -> exp.Expr:
        """A value where it is of a kind, else null."""
        same = exp.EQ(this=self._kind_of(value), expression=exp.Literal.string(kind))
        return exp.Case(ifs=[exp.If(this=same, true=value.copy())])


def _spellings(name: str) -> list[str]:
    """How writers of JSON spell a name: MariaDB keeps documents as they were written, and compares names so."""
    if set(name) & _SOMETIMES_ESCAPED:
        raise Unsayable(f"the field `{name}`, which documents spell in more than one way")
    escaped = json.dumps(name)
    upper = re.sub(r"\\u[0-9a-f]{4}", lambda found: "\\u" + found[0][2:].upper(), escaped)
    return list(dict.fromkeys((json.dumps(name, ensure_ascii=False), escaped, upper)))


def _named(node: exp.Expr, name: str) -> bool:
    """Whether a node is the variable of a function of lists."""
    if isinstance(node, exp.Column):
        return not node.table and not node.this.quoted and node.name == name
    return isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column) and node.name == name


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=[a.copy() for a in arguments])


def _as_text(value: exp.Expr) -> exp.Expr:
    """A text that compares as the session's texts do: by its bytes, to its last blank."""
    return exp.Cast(this=value, to=exp.DataType.build("char", dialect="mysql"))
