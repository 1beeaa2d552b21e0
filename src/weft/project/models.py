"""SQL models: a settings comment, then one SELECT."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, Severity, Where, did_you_mean, error
from weft.model.materialization import wrong_settings
from weft.model.mesh import Model, Reference
from weft.project.cache import Cache

_OPENING, _CLOSING = "/* weft", "*/"

Parse = Callable[[str], str]
"""Gives the parse tree of a SELECT as DuckDB writes it in JSON."""


class ReadModel(Struct, frozen=True):
    """A model and what is wrong with it; `model` is None when its file cannot be read."""

    model: Model | None
    problems: tuple[Diagnostic, ...]


def read_model(path: Path, name: str, root: Path, parse: Parse, cache: Cache) -> ReadModel:
    """The model of a file. `parse` is asked only for SQL that was not seen before."""
    file = path.relative_to(root).as_posix()
    try:
        digest = cache.digest_of(path)
    except OSError as e:
        return ReadModel(None, (error("WFT-PRJ-001", f"`{file}` cannot be read: {e.strerror}", Where(file)),))
    blob = cache.get("model", digest)
    if blob is not None:
        return _placed(json.loads(blob), name, file, digest)
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = path.read_bytes()[: e.start].count(b"\n") + 1
        fix = "save it as UTF-8"
        return ReadModel(None, (error("WFT-PRJ-021", f"`{file}` is not UTF-8 text", Where(file, line), fix=fix),))
    found = _analysed(text, parse)
    cache.put_many("model", {digest: json.dumps(found).encode()})
    return _placed(found, name, file, digest)


def _analysed(text: str, parse: Parse) -> dict[str, Any]:
    """Everything that the text alone tells, with places as lines of the file or offsets in the SQL."""
    from weft.sql.analysis import analyse

    comment, sql, first_line = split(text)
    settings, problems = _settings(comment, text[: len(text) - len(text.lstrip())].count("\n"))
    analysis = analyse(sql, parse(sql))
    problems += [[p.code, str(p.severity), p.what, None, p.offset, p.why, p.fix] for p in analysis.problems]
    return {
        "sql": sql,
        "first_line": first_line,
        "settings": settings,
        "references": [list(r) for r in analysis.references],
        "volatile": [list(v) for v in analysis.volatile],
        "digest": analysis.digest,
        "problems": problems,
    }


def split(text: str) -> tuple[str, str, int]:
    """The settings comment's YAML, the SQL, and the line on which the SQL begins (from 1).

    >>> split("/* weft\\nmaterialized: full\\n*/\\nselect 1")
    ('\\nmaterialized: full\\n', 'select 1', 4)
    """
    stripped = text.lstrip()
    comment = ""
    rest = text
    if stripped.startswith(_OPENING) and _CLOSING in stripped:
        start = len(text) - len(stripped)
        end = text.index(_CLOSING, start)
        comment = text[start + len(_OPENING) : end]
        rest = text[end + len(_CLOSING) :]
    sql = rest.lstrip()
    first_line = text[: len(text) - len(sql)].count("\n") + 1
    return comment, sql.rstrip().rstrip(";").rstrip(), first_line


def _settings(comment: str, above: int) -> tuple[dict[str, Any], list[list[Any]]]:
    """The settings below a number of lines, and what is wrong with them each as a list."""
    if not comment.strip():
        return {}, []
    from weft.project import yaml12
    from weft.project.schema import json_schema

    data, marks, wrong = yaml12.read(comment, "")
    problems: list[list[Any]] = [
        [d.code, "error", d.what, above + ((d.where and d.where.line) or 1), None, d.why, d.fix] for d in wrong
    ]
    if wrong or data is None:
        return {}, problems
    if not isinstance(data, dict):
        return {}, [["WFT-PRJ-018", "error", "the settings are not `key: value` lines", above + 1, None, None, None]]
    known = list(json_schema("model")["properties"])
    for key in data:
        line = above + marks[(key,)][0]
        if key not in known:
            fix = did_you_mean(key, known, otherwise=f"the settings are: {', '.join(known)}")
            problems.append(["WFT-PRJ-017", "error", f"unknown setting `{key}`", line, None, None, fix])
    found = {k: v for k, v in data.items() if k in known}
    problems += [
        ["WFT-PRJ-018", "error", what, above + marks[(key,)][0] if (key,) in marks else above + 1, None, None, fix]
        for key, what, fix in wrong_settings(found)
    ]
    return found, problems


def _placed(found: Mapping[str, Any], name: str, file: str, digest: str) -> ReadModel:
    """The model of a file, with places as lines and columns of it."""
    bare = Model(name, file, found["sql"], found["first_line"], found["settings"], (), found["digest"], digest)

    def references(entries: list[list[Any]]) -> tuple[Reference, ...]:
        return tuple(Reference(text, bare.where(offset)) for text, offset in entries)

    model = Model(
        name,
        file,
        bare.sql,
        bare.first_line,
        bare.settings,
        references(found["references"]),
        bare.digest,
        digest,
        references(found["volatile"]),
    )
    problems = tuple(
        Diagnostic(code, Severity(severity), what, Where(file, line) if line else bare.where(offset), why, fix)
        for code, severity, what, line, offset, why, fix in found["problems"]
    )
    return ReadModel(model, problems)
