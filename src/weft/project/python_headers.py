"""The header of a Python model: PEP 723's comment block, with weft's settings in its `[tool.weft]`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from weft.config import duration, size_in_bytes
from weft.errors import Diagnostic, Where, did_you_mean, error
from weft.model.materialization import wrong_settings

# Source: PEP 723, reference implementation
_BLOCK = re.compile(r"(?m)^# /// (?P<type>[a-zA-Z0-9-]+)$\s(?P<content>(^#(| .*)$\s)+)^# ///$")
_BEGUN = re.compile(r"(?m)^#[ \t]*///[ \t]*script[ \t]*$")
_OWN = ("columns", "lineage", "timeout", "memory_limit")


class Header(Struct, frozen=True):
    """What the header declares; places are lines of the file, by key."""

    dependencies: tuple[str, ...] = ()
    requires_python: str | None = None
    settings: Mapping[str, Any] = {}
    places: Mapping[str, int] = {}


def read_header(text: str, file: str, problems: list[Diagnostic]) -> Header:
    """The header of a file's text; what is wrong with it is added to the problems, with its line."""
    found = [m for m in _BLOCK.finditer(text) if m["type"] == "script"]
    if not found:
        problems += _unread(text, file)
        return Header()
    first = text[: found[0].start()].count("\n") + 1
    if len(found) > 1:
        line = text[: found[1].start()].count("\n") + 1
        problems.append(error("WFT-PYM-005", "a second `# /// script` block", Where(file, line), fix="keep one"))
    lines = [line[2:] if line.startswith("# ") else line[1:] for line in found[0]["content"].splitlines()]
    try:
        data = tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError as e:
        at = re.search(r"at line (\d+)", str(e))
        place = Where(file, first + int(at[1]) if at else first)
        problems.append(error("WFT-PYM-005", "the header is not TOML", place, why=str(e)))
        return Header()
    return _checked(data, _Places(lines, file, first), problems)


def _unread(text: str, file: str) -> list[Diagnostic]:
    """Why a header that somebody began is none: without a word its limits and packages would not hold."""
    begun = _BEGUN.search(text)
    if begun is None:
        return []
    first = text[: begun.start()].count("\n") + 1
    lines = text.splitlines()
    why, fix = "PEP 723: what it says would be overlooked", "end it with a line `# ///`"
    if lines[first - 1] != "# /// script":
        what = "the header does not begin with `# /// script`"
        return [error("WFT-PYM-005", what, Where(file, first), why=why, fix="write the line so")]
    for number, line in enumerate(lines[first:], first + 1):
        if not line.startswith("#"):
            return [error("WFT-PYM-005", "the header is not ended", Where(file, first), why=why, fix=fix)]
        if line.strip("#\t /") == "" and "///" in line:
            what = "the header does not end with `# ///`"
            return [error("WFT-PYM-005", what, Where(file, number), why=why, fix="write the line so")]
        if line != "#" and not line.startswith("# "):
            what = "a line of the header does not begin with `# `"
            return [error("WFT-PYM-005", what, Where(file, number), why=why, fix=f"write `# {line[1:].strip()}`")]
    return [error("WFT-PYM-005", "the header is not ended", Where(file, first), why=why, fix=fix)]


class _Places:
    """Lines of keys in the header's TOML."""

    def __init__(self, lines: list[str], file: str, first: int) -> None:
        self._file, self._first = file, first
        self._lines = lines

    def line(self, key: str) -> int:
        word = re.compile(rf"""^\s*(?:\[tool\.weft\.)?["']?{re.escape(key)}["']?\s*(?:=|\])""")
        found = next((i for i, line in enumerate(self._lines, 1) if word.match(line)), 0)
        return self._first + found

    def where(self, key: str) -> Where:
        return Where(self._file, self.line(key))


def _checked(data: Mapping[str, Any], places: _Places, problems: list[Diagnostic]) -> Header:
    dependencies = data.get("dependencies", [])
    if not isinstance(dependencies, list) or not all(isinstance(d, str) for d in dependencies):
        problems.append(error("WFT-PYM-005", "`dependencies` is no list of texts", places.where("dependencies")))
        dependencies = []
    python = data.get("requires-python")
    if python is not None and not isinstance(python, str):
        problems.append(error("WFT-PYM-005", "`requires-python` is no text", places.where("requires-python")))
        python = None
    tool = data.get("tool", {})
    weft = tool.get("weft", {}) if isinstance(tool, dict) else {}
    settings = _settings(weft, places, problems) if isinstance(weft, dict) else {}
    keys = (*settings, "dependencies", "requires-python")
    known = {key: places.line(key) for key in keys if key in settings or key in data}
    return Header(tuple(dependencies), python, settings, known)


def _settings(found: Mapping[str, Any], places: _Places, problems: list[Diagnostic]) -> dict[str, Any]:
    from weft.project.schema import json_schema

    known = list(json_schema("python_model")["properties"])
    kept = {}
    for key, value in found.items():
        if key not in known:
            fix = did_you_mean(key, known, otherwise=f"the settings are: {', '.join(known)}")
            problems.append(error("WFT-PRJ-017", f"unknown setting `{key}`", places.where(key), fix=fix))
            continue
        wrong = _wrong(key, value) if key in _OWN else None
        if wrong is not None:
            problems.append(error("WFT-PRJ-018", f"`{key}` {wrong[0]}", places.where(key), fix=wrong[1]))
            continue
        kept[key] = value
    problems += [error("WFT-PRJ-018", what, places.where(key), fix=fix) for key, what, fix in wrong_settings(kept)]
    return kept


def _wrong(key: str, value: Any) -> tuple[str, str] | None:
    """What is wrong with a setting that only Python models have, and how to mend it."""
    if key in ("timeout", "memory_limit"):
        try:
            if not isinstance(value, str):
                raise ValueError(f"must be text, not {value!r}")
            if key == "timeout" and duration(value).total_seconds() < 1:
                raise ValueError("must be a second or more")
            if key == "memory_limit":
                size_in_bytes(value)
        except ValueError as e:
            return str(e), f'write `{key} = "{"10m" if key == "timeout" else "2GB"}"`'
        return None
    if not isinstance(value, dict):
        return "is no table", f"write a table `[tool.weft.{key}]`"
    if key == "columns":
        from weft.model.type_text import parse_type

        bad = next((n for n, t in value.items() if not isinstance(t, str) or parse_type(t) is None), None)
        return (f"gives `{bad}` no type", "write a type of DuckDB, such as `BIGINT`") if bad is not None else None
    for name, sources in value.items():
        if not isinstance(sources, list) or not all(isinstance(s, str) and "." in s for s in sources):
            return f"of `{name}` is no list of `input.column`", f'write `{name} = ["flights.dep_delay"]`'
    return None
