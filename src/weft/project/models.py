"""SQL models: a settings comment, then one SELECT."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, msgpack

from weft.errors import Diagnostic, Severity, Where, did_you_mean, error
from weft.model.materialization import wrong_settings
from weft.model.mesh import Model, Reference
from weft.project.cache import Cache

_OPENING, _CLOSING = "/* weft", "*/"
_ENDING = ".sql"

_AT_ONCE = 128
"""Texts that are parsed together; more cost no less each, and their trees lie in memory."""

Parse = Callable[[str], str]
"""Gives the parse tree of a SELECT as DuckDB writes it in JSON."""


class Parsing(Struct, frozen=True):
    """A `Parse` that also takes many texts at once, which is cheaper."""

    one: Parse
    many: Callable[[Sequence[str]], list[str]]

    def __call__(self, sql: str) -> str:
        """The parse tree of one text."""
        return self.one(sql)


class ReadModel(Struct, frozen=True):
    """A model and what is wrong with it; `model` is None when its file cannot be read."""

    model: Model | None
    problems: tuple[Diagnostic, ...]


class _Known(Struct, frozen=True, array_like=True):
    """Everything that a model's text alone tells, as the cache keeps it; places are lines and columns of its file.

    `settings` is JSON: YAML has numbers that the cache's own format has not. References are name, line and column;
    problems the fields of a diagnostic, with line and column in the middle.
    """

    sql: str
    first_line: int
    settings: str
    references: tuple[tuple[str, int, int], ...]
    volatile: tuple[tuple[str, int, int], ...]
    digest: str
    problems: tuple[tuple[str, str, str, int, int | None, str | None, str | None], ...]


_decoded = msgpack.Decoder(_Known).decode


def read_model(path: Path, root: Path, parse: Parse, cache: Cache) -> ReadModel:
    """The model of a file. `parse` is asked only for SQL that was not seen before."""
    file = path.relative_to(root).as_posix()
    return read_models([file], root, parse, cache)[file]


def read_models(files: Sequence[str], root: Path, parse: Parse, cache: Cache) -> dict[str, ReadModel]:
    """The models of files, by file. `parse` is asked only for SQL that was not seen before.

    Args:
        files: paths relative to `root`; best those of a whole mesh, as many texts are parsed at less cost together.
    """
    found: dict[str, ReadModel] = {}
    digests: dict[str, str] = {}
    for file in files:
        try:
            digests[file] = cache.digest_of(f"{root}/{file}")
        except OSError as e:
            what = f"`{file}` cannot be read: {e.strerror}"
            found[file] = ReadModel(None, (error("WFT-PRJ-001", what, Where(file)),))
    blobs = cache.get_many("model", digests.values())
    fresh = []
    for file, digest in digests.items():
        blob = blobs.get(digest)
        if blob is not None:
            found[file] = _placed(_decoded(blob), file, digest)
        else:
            fresh.append(file)
    for start in range(0, len(fresh), _AT_ONCE):
        new: dict[str, bytes] = {}
        for file, known in _analysed(_texts(fresh[start : start + _AT_ONCE], root, found), parse).items():
            with contextlib.suppress(UnicodeEncodeError):  # half a character, which only an escape in YAML can write
                new[digests[file]] = msgpack.encode(known)
            found[file] = _placed(known, file, digests[file])
        cache.put_many("model", new)
    return found


def _texts(files: Iterable[str], root: Path, found: dict[str, ReadModel]) -> dict[str, str]:
    """The texts of files; what is wrong with one that is none goes to `found`."""
    texts = {}
    for file in files:
        with open(f"{root}/{file}", "rb") as opened:  # noqa: PTH123, a Path costs as much as reading the file
            content = opened.read()
        try:
            texts[file] = content.decode("utf-8-sig")
        except UnicodeDecodeError as e:
            line = content[: e.start].count(b"\n") + 1
            fix = "save it as UTF-8"
            wrong = error("WFT-PRJ-021", f"`{file}` is not UTF-8 text", Where(file, line), fix=fix)
            found[file] = ReadModel(None, (wrong,))
    return texts


def _analysed(texts: Mapping[str, str], parse: Parse) -> dict[str, _Known]:
    """Everything that the texts alone tell, each by its file."""
    if not texts:
        return {}
    from weft.sql.analysis import analyse

    parts = {file: split(text) for file, text in texts.items()}
    sqls = [sql for _, sql, _ in parts.values()]
    trees = parse.many(sqls) if isinstance(parse, Parsing) else [parse(sql) for sql in sqls]
    found: dict[str, _Known] = {}
    for (file, (comment, sql, first_line)), tree in zip(parts.items(), trees, strict=True):
        text = texts[file]
        settings, problems = _settings(comment, text[: len(text) - len(text.lstrip())].count("\n"))
        analysis = analyse(sql, tree)
        bare = Model("", file, sql, first_line, {}, (), "", "")

        def place(offset: int | None, model: Model = bare) -> tuple[int, int | None]:
            where = model.where(offset)
            return where.line or 1, where.column

        def places(entries: Iterable[tuple[str, int]], model: Model = bare) -> tuple[tuple[str, int, int], ...]:
            where = ((name, model.where(offset)) for name, offset in entries)
            return tuple((name, at.line or 1, at.column or 1) for name, at in where)

        problems += [[p.code, str(p.severity), p.what, *place(p.offset), p.why, p.fix] for p in analysis.problems]
        found[file] = _Known(
            sql,
            first_line,
            json.dumps(settings),
            places(analysis.references),
            places(analysis.volatile),
            analysis.digest,
            tuple((code, *rest) for code, *rest in problems),
        )
    return found


def settings_of(text: str) -> dict[str, Any] | None:
    """What a model's text sets; None where something is wrong with it.

    >>> settings_of("/* weft\\nmaterialized: full\\n*/\\nselect 1")
    {'materialized': 'full'}
    """
    settings, problems = _settings(split(text)[0], 0)
    return None if problems else settings


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


def _placed(known: _Known, file: str, digest: str) -> ReadModel:
    """The model of a file, with places in it."""
    model = Model(
        file[file.rfind("/") + 1 : -len(_ENDING)],
        file,
        known.sql,
        known.first_line,
        json.loads(known.settings) if known.settings != "{}" else {},
        tuple([Reference(table, Where(file, line, column)) for table, line, column in known.references]),
        known.digest,
        digest,
        tuple([Reference(function, Where(file, line, column)) for function, line, column in known.volatile]),
    )
    problems = tuple(
        Diagnostic(code, Severity(severity), what, Where(file, line, column), why, fix)
        for code, severity, what, line, column, why, fix in known.problems
    )
    return ReadModel(model, problems)
