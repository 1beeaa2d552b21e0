"""Looks at a table: a sample of each column is judged here, and what seems to be there is counted by the engine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.errors import WeftError
from weft.governance.detection import texts
from weft.governance.detection.findings import Finding, Found
from weft.governance.detection.headers import plain
from weft.governance.detection.judging import (
    Evidence,
    contenders,
    is_text,
    is_whole,
    judged,
    people_words,
    wanted,
    wanting,
)
from weft.governance.detection.kinds import Kind
from weft.governance.detection.leaves import Leaf, leaves, shown
from weft.governance.detection.libraries import there
from weft.model.classification import Classification
from weft.model.column import Column
from weft.sql.quoting import literal

DETECTOR = "1"
"""Moves when the same rows would give other findings."""

CANDIDATES = 5_000
"""At most so many distinct values of a column are looked at in this process."""

Ask = Callable[[str], list[tuple[Any, ...]]]
"""The rows of a query: an engine's session."""

_SAMPLED = 4_000
_SEARCHED = CANDIDATES - _SAMPLED
_ROWS = 200_000
"""Of a column with more values, so many are drawn before the distinct ones are."""
_LONGEST = 2_000
_READ = 3_000
_TRIMMED = 64
_WORD = 12
_NOTHING_WORDS = """
n/a na nil null none nan unknown unbekannt inconnu desconocido - -- --- . ? x xx xxx tbd n.a. #n/a
"""
_NOTHING = _NOTHING_WORDS.split()
_PEOPLE = frozenset({"email", "phone", "birth-date", "person-name", "card", "iban"})
_LEAST = 0.5
PLACE = "location"
"""The tag of coordinates where nothing is about people: it says what they are, and not that they concern anybody."""
_FEW = 5


class _Column(Struct, frozen=True):
    """A part of a column while it is looked at.

    Attributes:
        filled: a FROM item of its values as texts, without nulls and placeholders, in one column `v`.
        values: how many these are.
    """

    leaf: Leaf
    ask: Ask
    filled: str
    values: int


def look(ask: Ask, relation: str, columns: Sequence[Column], *, today: dt.date, about: str = "") -> Found:
    """What a relation's columns hold.

    Args:
        today: nobody was born later.
        about: names of the table and of its product, which may say that it is about people.
    """
    kinds = contenders(today)
    missing = wanting()
    kinds = tuple(k for k in kinds if k.package is None or there(k.package))
    found: list[Finding] = []
    doubtful: list[tuple[_Column, list[Evidence]]] = []
    unread: list[str] = []
    for leaf in leaves(relation, columns):
        possible = wanted(leaf, kinds)
        if possible or is_text(leaf):
            try:
                own, perhaps = _looked_at(ask, leaf, possible, found)
            except WeftError:  # the engine's words may hold a value: the name of the column is all that is kept
                unread.append(shown(leaf.path))
                continue
            if perhaps:
                doubtful.append((own, perhaps))
    people = people_words(plain(about)) or any(f.kind in _PEOPLE or f.tag == "pii.national-id" for f in found)
    if people:
        found += [_counted(column, evidence) for column, perhaps in doubtful for evidence in perhaps]
    else:
        found = [_of_a_place(f) for f in found]
    sure = [f for f in found if f.confidence >= _LEAST and f.matches]
    return Found(tuple(sorted(sure, key=lambda f: (f.path, -f.share, f.kind))), missing, tuple(unread))


def _looked_at(ask: Ask, leaf: Leaf, kinds: Sequence[Kind], found: list[Finding]) -> tuple[_Column, list[Evidence]]:
    """Adds what is certain to `found`; gives what is so only in a table of people."""
    text = "CAST(v AS VARCHAR)" if not leaf.type.startswith(("FLOAT", "DOUBLE")) else _whole_float()
    nothing = ", ".join(literal(word) for word in _NOTHING)
    # trim and lower read every letter of long texts, which have no blanks around and are no such word
    filled = (
        f"(SELECT v FROM (SELECT CASE WHEN strlen(v) <= {_TRIMMED} THEN trim(v) ELSE v END AS v "
        f"FROM (SELECT {text} AS v FROM ({leaf.values})) WHERE v IS NOT NULL) "
        f"WHERE v <> '' AND (strlen(v) > {_WORD} OR lower(v) NOT IN ({nothing})))"
    )
    ((values, at_signs),) = ask(f"SELECT count(*), count(*) FILTER (contains(v, '@')) FROM {filled}")
    column = _Column(leaf, ask, filled, values)
    if not values:
        return column, []
    sample = _sample(column)
    padded = is_whole(leaf) or leaf.type in ("FLOAT", "DOUBLE")
    sure, perhaps = judged(sample, plain(leaf.name), kinds, padded=padded)
    own = [_counted(column, evidence) for evidence in sure]
    if is_text(leaf):
        inside = _texts(column, sample, at_signs, frozenset(e.kind.id for e in sure))
        if inside is not None:
            own.append(inside)
    found += own
    return column, [] if own else perhaps


def _whole_float() -> str:
    """Whole numbers that a data frame has turned into floats, as they were."""
    return "regexp_replace(CAST(v AS VARCHAR), '\\.0$', '')"


def _sample(column: _Column) -> list[str]:
    """Distinct values, the same ones whenever the rows are the same."""
    rows = column.filled
    if column.values > _ROWS:
        rows = f"(SELECT v FROM {rows} USING SAMPLE reservoir({_ROWS} ROWS) REPEATABLE (7))"
    distinct = f"SELECT DISTINCT left(v, {_LONGEST}) AS v FROM {rows}"
    return [v for (v,) in column.ask(f"SELECT v FROM ({distinct}) ORDER BY hash(v), v LIMIT {_SAMPLED}")]


def _counted(column: _Column, evidence: Evidence) -> Finding:
    """The finding, counted over the whole column."""
    kind = evidence.kind
    value = "v"
    if kind.width and evidence.named and not is_text(column.leaf):
        value = f"lpad(v, CAST(greatest(length(v), {kind.width}) AS INTEGER), '0')"
    ((counted,),) = column.ask(
        f"SELECT count(*) FILTER (regexp_full_match({value}, {literal(kind.pattern)})) FROM {column.filled}"
    )
    return Finding(
        column.leaf.path,
        kind.id,
        kind.tag,
        kind.level,
        round(counted * evidence.proved),
        column.values,
        evidence.sure,
        evidence.named,
    )


def _texts(column: _Column, sample: Sequence[str], at_signs: int, but: frozenset[str]) -> Finding | None:
    """What stands in texts, or in a few values of a column of something else."""
    long = column.leaf.type == "JSON" or texts.of_texts(sample)
    if not long and not (at_signs and "email" not in but):
        return None
    searched = list(sample)
    if column.values > len(sample):
        wanted_ones = f"regexp_matches(v, {literal(texts.HINTS)})" if long else "contains(v, '@')"
        more = column.ask(
            f"SELECT DISTINCT left(v, {_LONGEST}) AS v FROM {column.filled} WHERE {wanted_ones} LIMIT {_SEARCHED}"
        )
        searched = list(dict.fromkeys([*(v for (v,) in more), *sample]))
    found = texts.contained(searched[:_READ], but)
    if found is None:
        return None
    counted = f"SELECT count(*) FILTER (regexp_matches(v, {literal(found.hint)})) FROM {column.filled}"
    ((hinted,),) = column.ask(counted)
    return Finding(
        column.leaf.path,
        "free-text",
        "pii.free-text",
        max(one.level for one in found.inside),
        max(1, round(hinted * found.proved)),
        column.values,
        0.9 if found.texts >= _FEW else 0.7,
        contains=tuple(one.kind for one in found.inside),
    )


def _of_a_place(finding: Finding) -> Finding:
    """Where no people are, coordinates are those of places."""
    if finding.kind != "coordinates":
        return finding
    return replace(finding, tag=PLACE, level=Classification.PUBLIC)
