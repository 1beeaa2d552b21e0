"""Parsing: how a value of a text format is read as the type that a contract promises; never by a silent cast."""

from __future__ import annotations

from weft.model.odcs import SchemaObject
from weft.model.type_text import TypeText, parse_type
from weft.model.types import duck_type, normalise
from weft.sql.quoting import ident, literal

_INTEGERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT"}
)
_NUMBERS = _INTEGERS | {"FLOAT", "DOUBLE", "DECIMAL"}


def parsed_as(value: str, given: TypeText, wanted: TypeText) -> str | None:
    """SQL that gives a value as the wanted type, null where it is none; None when nothing is to be parsed.

    DuckDB would read the text `1.5` as the integer 2 and cut a decimal's digits off: what would be rounded is none.

    Args:
        value: an expression of the type `given`: text, or a number as JSON has it.
    """
    if given == wanted:
        return None
    cast = f"TRY_CAST({value} AS {wanted})"
    if given.name in _INTEGERS:
        return cast if wanted.name in _NUMBERS else None
    if given.name != "VARCHAR":
        return None
    if wanted.name in _INTEGERS:
        return f"CASE WHEN regexp_full_match({value}, {literal('[+-]?[0-9]+')}) THEN {cast} END"
    if wanted.name == "DECIMAL":
        scale = wanted.parameters[1] if len(wanted.parameters) > 1 else 0
        pattern = f"[+-]?([0-9]+([.][0-9]{{0,{scale}}}0*)?|[.][0-9]{{1,{scale}}}0*)" if scale else "[+-]?[0-9]+([.]0*)?"
        return f"CASE WHEN regexp_full_match({value}, {literal(pattern)}) THEN {cast} END"
    return cast


def parsed_relation(table: SchemaObject, relation: str, types: dict[str, str]) -> tuple[str, dict[str, str]]:
    """A relation whose columns are of the promised types, and by column the name under which it is still as it was.

    Args:
        types: the types of the relation's columns; those of parsed columns are replaced.
    """
    parsed: dict[str, str] = {}
    casts, raws = [], []
    for prop in table.properties:
        wanted = parse_type(duck_type(prop) or "")
        given = parse_type(types.get(prop.name, ""))
        if wanted is None or given is None:
            continue
        sql = parsed_as(ident(prop.name), given, wanted)
        if sql is None:
            continue
        parsed[prop.name] = f"{prop.name} (as it was)"
        casts.append(f"{sql} AS {ident(prop.name)}")
        raws.append(f", {ident(prop.name)} AS {ident(parsed[prop.name])}")
        types[prop.name] = normalise(str(wanted))
    if casts:
        relation = f"(SELECT * REPLACE ({', '.join(casts)}){''.join(raws)} FROM {relation})"
    return relation, parsed
