"""Masks: what of a value is shown, which of two masks is the stricter one, and their SQL.

A mask keeps the type of its column, so that a query means the same for whoever runs it. What a type cannot take is
`null`: where nobody knows how to hide a part, the whole is hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import lcm
from typing import Any

from msgspec import Struct

from weft.model.type_text import TypeText, parse_type
from weft.sql.quoting import literal

ITEMS = "[]"
"""The name under which the mask of a list's elements stands in a mask of kind `inside`."""
SHOWN = 4
"""Characters that `first` and `last` show."""
_HIDDEN_AT_LEAST = 5
"""Characters that `first` and `last` hide, else nothing is shown: a short value would be shown in whole."""
_WIDEST_BUCKET = 10**15
_STARS = "****"
_TEXT = frozenset({"VARCHAR"})
_NUMBERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
    | {"FLOAT", "DOUBLE", "DECIMAL"}
)
_DAYS = frozenset({"DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"})
_HASHED = frozenset({"VARCHAR", "BLOB", "UUID", "BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"})


class MaskKind(Struct, frozen=True):
    """A kind of mask.

    Attributes:
        rank: its place in the order of strictness, from what shows most.
        types: what it can be put on, by DuckDB's names.
        shows: what is left of a value, in words.
    """

    rank: int
    types: frozenset[str]
    shows: str


KINDS: Mapping[str, MaskKind] = {
    "month": MaskKind(1, _DAYS, "the first day of the month"),
    "year": MaskKind(2, _DAYS, "the first day of the year"),
    "bucket": MaskKind(3, _NUMBERS, "the lower end of the bucket that a number falls into"),
    "first": MaskKind(4, _TEXT, "the first characters, of a text that has at least five more"),
    "last": MaskKind(5, _TEXT, "the last characters, of a text that has at least five more"),
    "domain": MaskKind(6, _TEXT, "what stands behind the last @"),
    "generalise": MaskKind(7, _TEXT, "the group that a value belongs to"),
    "hash": MaskKind(8, _HASHED, "a hash that is the same for the same value inside one grant"),
    "inside": MaskKind(9, frozenset({"STRUCT", "LIST", "ARRAY"}), "all but the parts that have masks of their own"),
    "fixed": MaskKind(10, _TEXT | _NUMBERS | _DAYS | {"BOOLEAN", "UUID"}, "the same value in every row"),
    "null": MaskKind(11, frozenset(), "nothing"),
}
"""Every kind, in the order of strictness: of what several grants give, the mask with the lower rank is shown.

Two masks that both have to be put on a column are another question, see `stricter`.
"""


class Mask(Struct, frozen=True):
    """What is shown of the values of a column.

    Attributes:
        count: how many characters `first` and `last` show; how wide a `bucket` is.
        value: of `fixed` the value, of `generalise` what is shown of a value in no group.
        groups: of `generalise`, value and group.
        parts: of `inside`, the mask of each field that has one; of a list's elements under `[]`.
    """

    kind: str
    count: int = 0
    value: str | None = None
    groups: tuple[tuple[str, str], ...] = ()
    parts: tuple[tuple[str, Mask], ...] = ()

    @property
    def rank(self) -> tuple[int, int]:
        """Its place in the order of strictness; `first` and `last` show more with more characters."""
        return KINDS[self.kind].rank, -self.count if self.kind in ("first", "last") else self.count

    def as_json(self) -> dict[str, Any]:
        """The mask as `weft access explain` shows it."""
        found: dict[str, Any] = {"kind": self.kind}
        if self.count:
            found["size" if self.kind == "bucket" else "count"] = self.count
        if self.value is not None:
            found["value" if self.kind == "fixed" else "otherwise"] = self.value
        if self.groups:
            found["groups"] = dict(self.groups)
        if self.parts:
            found["parts"] = {name: part.as_json() for name, part in self.parts}
        return found

    def __str__(self) -> str:
        if self.kind == "inside":
            return f"inside ({', '.join(f'{name}: {part}' for name, part in self.parts)})"
        if self.kind in ("first", "last", "bucket"):
            return f"{self.kind} {self.count}"
        return f"fixed {self.value!r}" if self.kind == "fixed" else self.kind


NULL = Mask("null")
"""Nothing is shown."""


def inside(parts: Mapping[str, Mask | None]) -> Mask | None:
    """The mask of a column of which parts have masks; None where none has."""
    found = tuple((name, part) for name, part in sorted(parts.items()) if part is not None)
    return Mask("inside", parts=found) if found else None


def stricter(one: Mask | None, other: Mask | None) -> Mask | None:
    """What is shown where two masks hold: what can be made of either; None is no mask.

    Of one family that is the coarser one: `year` of `month` and `year`, the fewer characters, the bucket that both fit
    into. Where neither can be made of the other it is `null`.

    >>> str(stricter(Mask("month"), Mask("year"))), str(stricter(Mask("hash"), Mask("first", 4)))
    ('year', 'null')
    >>> str(stricter(Mask("bucket", 4), Mask("bucket", 6)))
    'bucket 12'
    """
    if one is None or other is None or one == other:
        return one if other is None else other
    kinds = {one.kind, other.kind}
    if kinds == {"inside"}:
        mine, theirs = dict(one.parts), dict(other.parts)
        return inside({name: stricter(mine.get(name), theirs.get(name)) for name in {*mine, *theirs}})
    if kinds == {"month", "year"}:
        return Mask("year")
    if kinds in ({"first"}, {"last"}):
        return min(one, other, key=lambda mask: mask.count)
    if kinds == {"bucket"}:
        width = lcm(one.count, other.count)
        return Mask("bucket", width) if width <= _WIDEST_BUCKET else NULL
    return NULL


def milder(one: Mask | None, other: Mask | None) -> Mask | None:
    """Which of two masks is shown where either alone would do; None is no mask."""
    if one is None or other is None:
        return None
    if one.kind == other.kind == "inside":
        mine, theirs = dict(one.parts), dict(other.parts)
        return inside({name: milder(mine[name], theirs[name]) for name in mine.keys() & theirs.keys()})
    return min(one, other, key=lambda mask: (mask.rank, str(mask), mask.groups))


def at_least_as_mild(one: Mask | None, other: Mask | None) -> bool:
    """Whether whoever may see a value under `other` is shown no less under `one`."""
    return milder(one, other) == one


def fitted(mask: Mask | None, type_name: str) -> Mask | None:
    """The mask as a type can take it: itself, or `null`."""
    return _fitted(mask, parse_type(type_name))


def _fitted(mask: Mask | None, kind: TypeText | None) -> Mask | None:
    if mask is None or mask.kind == "null":
        return mask
    if kind is None or kind.name not in KINDS[mask.kind].types:
        return NULL
    if mask.kind != "inside":
        return mask
    parts: dict[str, Mask | None] = {}
    for name, part in mask.parts:
        inner = kind.element if name == ITEMS else kind.part(name) if kind.name == "STRUCT" else None
        if inner is None:  # it masks what the type does not show: nobody knows what it was
            return NULL
        parts[name] = _fitted(part, inner)
    return inside(parts)


def expression(mask: Mask | None, value: str, type_name: str, salt: str | None) -> str:
    """The SQL of what is shown of a value, of the same type; without mask the value itself.

    Args:
        value: SQL of the value.
        type_name: DuckDB's name of its type.
        salt: of the grant; without one a hash is null.
    """
    if mask is None:
        return value
    kind = parse_type(type_name)
    found = _fitted(mask, kind)
    if kind is None or found is None or found.kind == "null":
        return f"CAST(NULL AS {type_name})"
    return _sql(found, value, kind, salt, 0)


def _sql(mask: Mask, value: str, kind: TypeText, salt: str | None, depth: int) -> str:
    """The SQL of a mask that the type can take."""
    match mask.kind:
        case "month" | "year":
            # null where the first day is beyond what the type holds: one such value must not make a port unreadable
            return f"TRY(CAST(date_trunc('{mask.kind}', {value}) AS {kind}))"
        case "bucket":
            made = _bucket(value, kind, mask.count)
        case "first" | "last":
            first = mask.kind == "first"
            shown = (
                f"left({value}, {mask.count}) || '{_STARS}'" if first else f"'{_STARS}' || right({value}, {mask.count})"
            )
            long = f"length({value}) >= {SHOWN + _HIDDEN_AT_LEAST}"
            made = f"CASE WHEN {long} THEN {shown} WHEN {value} IS NOT NULL THEN '{_STARS}' END"
        case "domain":
            made = (
                f"CASE WHEN contains({value}, '@') THEN '{_STARS}@' || split_part({value}, '@', -1) "
                f"WHEN {value} IS NOT NULL THEN '{_STARS}' END"
            )
        case "generalise":
            whens = " ".join(f"WHEN {literal(v)} THEN {literal(group)}" for v, group in mask.groups)
            otherwise = literal(mask.value) if mask.value is not None else "NULL"
            made = f"CASE {value} {whens} ELSE {otherwise} END" if whens else otherwise
        case "hash":
            made = _hash(value, kind, salt)
        case "fixed":
            return f"TRY_CAST({literal(mask.value or '')} AS {kind})"
        case "inside":
            made = _inside(mask, value, kind, salt, depth)
        case _:
            made = "NULL"
    return f"CAST({made} AS {kind})"


def _bucket(value: str, kind: TypeText, width: int) -> str:
    """The lower end of a bucket; null where the type cannot hold it."""
    wide = "DOUBLE" if kind.name in ("FLOAT", "DOUBLE", "DECIMAL") else "HUGEINT"
    number = f"CAST({value} AS {wide})"
    if kind.name == "UHUGEINT":
        lower = f"{value} - {value} % {width}"
    elif wide == "HUGEINT":
        lower = f"{number} - (({number} % {width}) + {width}) % {width}"
    else:
        lower = f"floor({number} / {width}) * {width}"
    return f"TRY(CAST({lower} AS {kind}))"


def _hash(value: str, kind: TypeText, salt: str | None) -> str:
    if not salt:
        return "NULL"
    text = f"hex({value})" if kind.name == "BLOB" else f"CAST({value} AS VARCHAR)"
    digest = f"sha256({literal(salt + ':')} || {text})"
    match kind.name:
        case "VARCHAR":
            return digest
        case "BLOB":
            return f"unhex({digest})"
        case "UUID":
            return f"left({digest}, 32)"
        case "BIGINT" | "UBIGINT":
            return f"'0x' || left({digest}, 15)"
        case _:
            return f"'0x' || left({digest}, 30)"


def _inside(mask: Mask, value: str, kind: TypeText, salt: str | None, depth: int) -> str:
    parts = dict(mask.parts)
    element = kind.element
    if element is not None:
        name = f"_element_{depth}"
        return f"list_transform({value}, lambda {name}: {_part(parts[ITEMS], name, element, salt, depth + 1)})"
    fields = []
    for name, inner in kind.parts:
        field = f"struct_extract({value}, {literal(name)})"
        shown = _part(parts[name], field, inner, salt, depth + 1) if name in parts else field
        fields.append(f"{literal(name)}: {shown}")
    return f"CASE WHEN {value} IS NOT NULL THEN {{{', '.join(fields)}}} END"


def _part(mask: Mask, value: str, kind: TypeText, salt: str | None, depth: int) -> str:
    return f"CAST(NULL AS {kind})" if mask.kind == "null" else _sql(mask, value, kind, salt, depth)


def strictest(masks: Iterable[Mask | None]) -> Mask | None:
    """What is shown where all of some masks hold."""
    found: Mask | None = None
    for mask in masks:
        found = stricter(found, mask)
    return found
