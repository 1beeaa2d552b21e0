"""YAML as the standards mean it: the core schema of YAML 1.2, with the place of every part.

PyYAML's C loader reads YAML 1.1, where `NO` is false and `2022-10-03` a date; only its syntax tree is used here.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from weft.errors import Diagnostic, Where, error
from weft.model.document import Pointer

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = {".inf": float("inf"), "+.inf": float("inf"), "-.inf": float("-inf"), ".nan": float("nan")}
_TEXT, _MAP, _LIST = "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_LONGEST_NUMBER = 400
"""Characters. A longer number is read as text: Python would not print it, and no field of a standard wants it."""

_DEEPEST, _MOST_PARTS = 100, 500_000
"""How deep a document may be, and how many parts it may have: an alias may stand for itself, or for very many."""

Marks = dict[Pointer, tuple[int, int]]


def read(text: str, file: str) -> tuple[Any, Marks, list[Diagnostic]]:
    """What a YAML text says, where each part stands (line and column from 1), and what is wrong with it."""
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.YAMLError as e:
        return None, {}, [_broken(e, file)]
    except RecursionError:
        return None, {}, [_too_much(file, 1)]
    marks: Marks = {(): (1, 1)}
    problems: list[Diagnostic] = []
    if node is None:
        return None, marks, problems
    try:
        return _Reader(file, marks, problems).value(node, ()), marks, problems
    except _TooMuch as e:
        return None, {}, [_too_much(file, e.line)]


class _TooMuch(Exception):
    """The document has no end."""

    def __init__(self, line: int) -> None:
        self.line = line


def _too_much(file: str, line: int) -> Diagnostic:
    what = "the document is nested too deep, or its aliases make it too large"
    return error("WFT-PRJ-002", what, Where(file, line), fix="write out what an alias stands for")


class _Reader:
    """Turns nodes into values."""

    def __init__(self, file: str, marks: Marks, problems: list[Diagnostic]) -> None:
        self._file = file
        self._marks = marks
        self._problems = problems
        self._parts = 0

    def value(self, node: yaml.Node, pointer: Pointer) -> Any:
        self._parts += 1
        if len(pointer) > _DEEPEST or self._parts > _MOST_PARTS:
            raise _TooMuch(node.start_mark.line + 1)
        self._marks.setdefault(pointer, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, pointer)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*pointer, i)) for i, child in enumerate(node.value)]
        return scalar(node.value, plain=not getattr(node, "style", None) and node.tag != "!", tag=node.tag)

    def _mapping(self, node: yaml.MappingNode, pointer: Pointer) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            at = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, yaml.ScalarNode):
                what = "the name of a field is a list or a group of fields"
                self._problems.append(error("WFT-PRJ-002", what, Where(self._file, *at), fix="write a name"))
                continue
            key = str(key_node.value)
            if key in found:
                what = f"`{key}` stands twice in the same place"
                self._problems.append(error("WFT-PRJ-002", what, Where(self._file, *at), fix="keep one of them"))
            self._marks[(*pointer, key)] = at
            found[key] = self.value(value_node, (*pointer, key))
        return found


def scalar(text: str, *, plain: bool, tag: str = _TEXT) -> Any:
    """The value of a scalar: quoted ones are text, plain ones follow the core schema.

    >>> scalar("NO", plain=True), scalar("2022-10-03", plain=True), scalar("12", plain=True), scalar("12", plain=False)
    ('NO', '2022-10-03', 12, '12')
    """
    if not plain:
        return text
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text) or _HEX.fullmatch(text):
        return int(text, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    return _SPECIAL.get(text.lower(), text)


def _broken(e: yaml.YAMLError, file: str) -> Diagnostic:
    mark = getattr(e, "problem_mark", None)
    where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
    problem = getattr(e, "problem", None) or str(e)
    context = getattr(e, "context", None)
    return error(
        "WFT-PRJ-002",
        f"YAML does not parse: {problem}",
        where,
        why=context,
        fix="look for a missing quote, colon or a wrong indent at this line or the one before",
    )
