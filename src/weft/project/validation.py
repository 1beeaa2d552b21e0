"""A document against its standard's JSON schema, told to people."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs

from weft.errors import Diagnostic, Severity, did_you_mean, error, warning
from weft.model.document import Document, Pointer
from weft.project.schema import json_schema

_ELSEWHERE = "the standard knows it, but not beside what stands there"


@cache
def _validator(kind: str) -> Any:
    return jsonschema_rs.validator_for(json_schema(kind), validate_formats=False)


def violations(document: Document, kind: str) -> Iterator[Diagnostic]:
    """Every violation of the schema; an unknown field is a warning, and is kept."""
    found: dict[tuple[Pointer, str], Diagnostic] = {}
    for problem in _validator(kind).iter_errors(document.data):
        for pointer, one in _told(problem, document, kind):
            found.setdefault((pointer, one.what), one)
    wrong = [pointer for (pointer, _), one in found.items() if one.severity is Severity.ERROR]
    for (pointer, _), one in found.items():
        # beside an error the schema does not look at the other fields, and would call them unknown
        if one.why == _ELSEWHERE and any(p[: len(pointer)] == pointer for p in wrong):
            continue
        yield one


def _told(problem: Any, document: Document, schema_kind: str) -> Iterator[tuple[Pointer, Diagnostic]]:
    """What one error of the validator says in words: the branch of a choice that comes nearest, unfolded."""
    pointer = tuple(problem.instance_path)
    kind = type(problem.kind).__name__.rpartition("_")[2]
    if kind == "Required" and "then" in problem.schema_path and "logicalType" not in problem.instance:
        return  # the standard's schema asks `map` of every property without a type, by a condition that is too wide
    if kind in ("AnyOf", "OneOfNotValid"):
        branches = problem.kind.context
        nearest = min(branches, key=_distance)
        for inner in nearest:
            yield from _told(inner, document, schema_kind)
        if nearest:
            return
    yield pointer, _diagnostic(problem, kind, pointer, document, schema_kind)


def _distance(branch: Any) -> tuple[int, int]:
    """How far a branch of a choice is from what is written: a wrong type at its root is the farthest."""
    root = sum(1 for e in branch if type(e.kind).__name__.endswith("_Type") and not tuple(e.instance_path))
    unknown = sum(1 for e in branch if "Properties" in type(e.kind).__name__)
    return (root, len(branch) - unknown)


def _diagnostic(problem: Any, kind: str, pointer: Pointer, document: Document, schema_kind: str) -> Diagnostic:
    name, where = path_text(pointer), document.where(pointer)
    subject = f"`{name}`" if name else "the document"
    inner = problem.kind
    if kind in ("AdditionalProperties", "UnevaluatedProperties"):
        unknown = list(inner.unexpected)
        known = _known_fields(problem, schema_kind)
        elsewhere = unknown[0] in _fields(schema_kind)
        return warning(
            "WFT-PRJ-006",
            f"unknown field `{unknown[0]}`" + (f" in {subject}" if name else ""),
            document.where((*pointer, unknown[0])),
            why=_ELSEWHERE if elsewhere else "it is kept, and has no meaning for weft",
            fix="take it away, or correct the type beside it"
            if elsewhere
            else did_you_mean(unknown[0], known, otherwise="put your own fields under `customProperties`"),
        )
    if kind == "Required":
        missing = inner.property
        ours = {"apiVersion", "kind", "id", "version", "status", "contractId"}
        synced = missing in ours and schema_kind in ("contract", "product")
        fix = "`weft contract sync ADDRESS` writes it" if synced else f"add `{missing}:`"
        return error("WFT-PRJ-007", f"{subject} lacks `{missing}`", where, fix=fix)
    value = problem.instance
    if kind == "Enum":
        options = [str(o) for o in inner.options]
        what = f"{subject} is `{value}`, must be one of {', '.join(options)}"
        return error("WFT-PRJ-005", what, where, fix=did_you_mean(str(value), options, otherwise="write one of them"))
    if kind == "Type":
        types = inner.types if isinstance(inner.types, list) else [inner.types]
        what = f"{subject} must be {_article(types)}, not {_described(value)}"
        return error("WFT-PRJ-005", what, where, fix=_retyped(types, value))
    return error("WFT-PRJ-005", f"{subject}: {problem.message}", where, fix="write what the standard allows there")


def path_text(pointer: Pointer) -> str:
    """A pointer as people write it: `schema[0].properties[3].name`."""
    text = ""
    for part in pointer:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _known_fields(problem: Any, schema_kind: str) -> list[str]:
    """Fields that the schema knows at the place of an unknown one."""
    schema = json_schema(schema_kind)
    node: Any = schema
    for part in tuple(problem.schema_path)[:-1]:
        node = _resolved(node, schema)
        node = node.get(str(part), {}) if isinstance(node, dict) else node[int(part)]
    node = _resolved(node, schema)
    return sorted(node.get("properties", {})) if isinstance(node, dict) else []


def _resolved(node: Any, schema: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        reference = str(node["$ref"])
        node = schema
        for part in reference.removeprefix("#/").split("/"):
            node = node.get(part, {})
    return node


@cache
def _fields(schema_kind: str) -> frozenset[str]:
    """Every field that the schema knows at any place."""
    found: set[str] = set()
    nodes: list[Any] = [json_schema(schema_kind)]
    while nodes:
        node = nodes.pop()
        if isinstance(node, dict):
            properties = node.get("properties")
            found |= set(properties) if isinstance(properties, dict) else set()
            nodes += node.values()
        elif isinstance(node, list):
            nodes += node
    return frozenset(found)


def _retyped(types: list[str], value: Any) -> str:
    """How to write a value of one of some types."""
    if "string" in types and isinstance(value, int | float):
        return f'put it in quotes: `"{str(value).lower() if isinstance(value, bool) else value}"`'
    ways = {
        "string": "write one text",
        "boolean": "write `true` or `false`",
        "integer": "write a whole number, without quotes",
        "number": "write a number, without quotes",
        "array": "write a list: each entry on a line of its own, behind `- `",
        "object": "write its fields below it, each `name: value`",
    }
    return next((ways[str(t)] for t in types if str(t) in ways), "leave it empty")


def _article(types: list[str]) -> str:
    words = {
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "array": "a list",
        "object": "a group of fields",
        "null": "empty",
    }
    return " or ".join(words.get(str(t), str(t)) for t in types)


def _described(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    if value is None:
        return "empty"
    return "a list" if isinstance(value, list) else "a group of fields"
