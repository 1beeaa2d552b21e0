"""What a query may mean, out of an index of any size: the entries worth a look, and how well each fits.

Few entries are looked at closely, the likeliest first: those of the very name, those in which all words stand, then
those in which one stands in a strong place. So an answer costs the same among a hundred thousand columns as among ten.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.catalog.looks import FRESHNESS, LAST, LOOKED_AT, PLACES, Term, Within, found_by, looks
from weft.catalog.words import distance, joined_neighbours, parts, query_terms, squashed, tolerance

_TERMS = 12
_OF_ONE_NAME = 40
FIELDS = ("name", "title", "tags", "columns", "owners", "description", "column_texts", "inherited")
"""Fields of an entry in the order of the index."""
_TEXTS = ", ".join(f"w.c{number}" for number in range(len(FIELDS)))
"""The words of each field, as SQL over the table in which FTS5 keeps them: read through it they cost twice as much.

(Source: https://sqlite.org/fts5.html, 10.2, external representation of the content table.)
"""
_STRENGTH = [(FIELDS.index(field), strength) for fields, strength in PLACES for field in fields]
_NAME = FIELDS.index("name")
_WHOLE_NAME, _EXACT, _SYNONYM, _PREFIX, _ONE_ERROR, _TWO_ERRORS = 1.4, 1.0, 0.8, 0.6, 0.6, 0.4
_LONGEST = 6
"""Parts of the longest synonym."""
_WHOLE = 0.25
"""What it adds to the score that all words of the name were asked for."""
_USE = 0.1
"""What it adds to the score that twice as many products read it."""
_KINDS = {"port": 1.1, "column": 0.6}
_ORDER = {"port": 0, "product": 1, "domain": 2, "column": 3}


class Candidate(Struct, frozen=True):
    """An entry that may be meant.

    Attributes:
        standing: 0 usable, 1 deprecated, 2 retired.
        used: how many products read it, or its port.
        stage: 3 its address, 2 its name, 1 its title is what was asked for.
        tags: a list, as JSON.
        texts: its words, field by field as the index has them.
    """

    id: int
    address: str
    kind: str
    domain: str
    standing: int
    stage: int
    score: float
    used: int
    status: str
    classification: str
    owner: str
    freshness: str
    tags: str
    texts: Sequence[str]

    @property
    def place(self) -> tuple[Any, ...]:
        """What candidates are ordered by, best first."""
        return (-self.stage, self.standing, -self.score, _ORDER[self.kind], self.address)


Synonyms = Mapping[tuple[str, ...], Collection[str]]
"""For what people say, cut into its parts, the words by which the same may stand in the index."""

NO_SYNONYMS: Synonyms = {}


def terms_of(connection: sqlite3.Connection, words: str, synonyms: Synonyms = NO_SYNONYMS) -> list[Term]:
    """The words of a query with what they may mean."""
    found = sorted(query_terms(words), key=lambda t: -t[1])[:_TERMS]
    joined, meant = joined_neighbours(words), _meant_too(words, synonyms)
    terms = []
    for term, weight in found:
        readings = _readings(connection, term, joined.get(term))
        for other in meant.get(term, ()):
            readings.setdefault(other, _SYNONYM)
        terms.append(Term(term, weight, readings))
    return terms


def _meant_too(words: str, synonyms: Synonyms) -> dict[str, list[str]]:
    """For each part of a query the words that mean the same as a stretch of it."""
    said = parts(words)[: 2 * _TERMS]
    found: dict[str, list[str]] = {}
    if synonyms:
        for first in range(len(said)):
            for last in range(first + 1, min(len(said), first + _LONGEST) + 1):
                for part in said[first:last]:
                    found.setdefault(part, []).extend(synonyms.get(tuple(said[first:last]), ()))
    return found


def candidates(
    connection: sqlite3.Connection, words: str, terms: list[Term], within: Within
) -> tuple[list[Candidate], bool]:
    """The entries that may be meant, best first, and whether all were looked at that have one of the words."""
    stages = _exact(connection, words)
    ids: dict[int, str | None] = dict.fromkeys(stages)  # with the table of its words, where that is known
    complete = True
    enough: set[Any] = set()
    answers: dict[tuple[str, str], list[int]] = {}
    for look in looks(connection, terms, within):
        if len(ids) >= LOOKED_AT:
            complete = False
            break
        if look.place in enough or len(ids) >= look.below:
            complete = False
            continue  # there are more that fit better than are looked at
        numbers = found_by(connection, look, answers)
        if len(numbers) > look.most:
            complete = False
            enough.add(look.place)
        for number in numbers[: look.most]:
            ids.setdefault(number, look.table)
    entries = (connection.execute("SELECT value FROM meta WHERE key = 'entries'").fetchone() or ["0"])[0]
    sought = [_sought(connection, term, int(entries)) for term in terms]
    chosen = list(ids.items())[: LOOKED_AT + len(stages)]
    condition, values = within.condition()
    scored = []
    for table in ("word", "column_word"):
        rows = connection.execute(
            "SELECT e.id, e.address, e.kind, e.domain, e.standing, e.squashed_name, e.used, "
            f"e.status, e.level, e.owner, {FRESHNESS}, e.tags, {_TEXTS} FROM json_each(:chosen) c "
            f"CROSS JOIN {table}_content w ON w.id = c.value CROSS JOIN entry e ON e.id = c.value WHERE {condition}",
            {**values, "chosen": json.dumps([number for number, there in chosen if there in (table, None)])},
        )
        for number, address, kind, domain, standing, name, used, status, level, owner, fresh, tags, *texts in rows:
            fit = _fit(sought, name, texts) * _KINDS.get(kind, 1.0) * (1 + _USE * math.log2(1 + used))
            stage = stages.get(number, 0)
            if fit or stage:
                told = (status, level, owner, fresh, tags, texts)
                scored.append(Candidate(number, address, kind, domain, standing, stage, fit, used, *told))
    return sorted(scored, key=lambda c: c.place), complete


def _exact(connection: sqlite3.Connection, words: str) -> dict[int, int]:
    """Entries whose title, name or address is what was asked for, with the strongest of them."""
    found: dict[int, int] = {}
    given = (squashed(words), words.strip().lower())
    for stage, column, value in (
        (3, "address", given[1]),
        (3, "unpinned", given[1]),
        (2, "squashed_name", given[0]),
        (1, "squashed_title", given[0]),
    ):
        order = "address" if stage == 3 else "kind = 'column', used DESC, address"
        sql = f"SELECT id FROM entry WHERE {column} = ? ORDER BY {order} LIMIT ?"
        for (number,) in connection.execute(sql, [value, _OF_ONE_NAME]) if value else ():
            found.setdefault(number, stage)
    return found


class _Sought(Struct, frozen=True):
    """What a term may mean.

    Attributes:
        named: what it is worth that a whole name is one of its readings.
        standing: how its readings stand in a text with a blank around it.
        worth: what it is worth that a field holds one of its readings, the most first.
    """

    named: Mapping[str, float]
    standing: Sequence[str]
    worth: Sequence[tuple[float, int, str]]


def _sought(connection: sqlite3.Connection, term: Term, entries: int) -> _Sought:
    named, worth = {}, []
    standing = {reading: pattern(reading) for reading in term.readings}
    for reading, certainty in term.readings.items():
        rare = term.weight * certainty * _rarity(connection, reading, entries)
        named[reading] = rare * _WHOLE_NAME
        worth += [(rare * strength, field, standing[reading]) for field, strength in _STRENGTH]
    return _Sought(named, tuple(standing.values()), sorted(worth, key=lambda one: -one[0]))


def pattern(reading: str) -> str:
    """How a reading stands in a text with a blank around it.

    >>> pattern("plane"), pattern("pla*")
    (' plane ', ' pla')
    """
    return f" {reading[:-1]}" if reading.endswith("*") else f" {reading} "


def _fit(sought: Sequence[_Sought], name: str, texts: Sequence[str]) -> float:
    """How well an entry fits: the strongest reading and place of each term, added up."""
    total, matched, named = 0.0, 0, 0
    fields = [f" {text} " for text in texts]
    for term in sought:
        best = term.named.get(name, 0.0)
        for worth, field, standing in term.worth:
            if worth <= best:
                break
            if standing in fields[field]:
                best = worth
                break
        if best:
            total, matched = total + best, matched + 1
            for standing in term.standing:
                if standing in fields[_NAME]:
                    named += 1
                    break
    if not matched:
        return 0.0
    # a name of which more was asked for is nearer to what is meant: `shipments` before `shipments_daily_old`
    words = max(texts[_NAME].count(" "), 1)
    near = 1 + _WHOLE * min(named / words, 1.0) if named else 1.0
    return total * near * (0.4 + 0.6 * matched / len(sought))


def _readings(connection: sqlite3.Connection, term: str, joined: str | None) -> dict[str, float]:
    """The words of the index that a term may mean, with how sure that is."""
    readings = {term: _EXACT}
    if joined and _occurs(connection, joined):
        readings[joined] = _EXACT
    if len(term) >= 2 and not term.isdigit():
        readings[f"{term}*"] = _PREFIX
    limit = tolerance(term)
    if limit and len(readings) <= 2 and not _begins(connection, term):
        letters = set(term)
        near = connection.execute(
            "SELECT term FROM term WHERE docs > 0 AND length(term) BETWEEN ? AND ? AND term NOT GLOB '*[0-9]*'",
            [len(term) - limit, len(term) + limit],
        )
        for (candidate,) in near:
            if len(term) <= 5 and candidate[0] != term[0]:
                continue  # in a short word another first letter is another word: gate, date
            if len(letters ^ set(candidate)) <= 2 * limit:
                errors = distance(term, candidate, limit)
                if errors <= limit:
                    readings[candidate] = _ONE_ERROR if errors == 1 else _TWO_ERRORS
    return readings


def _rarity(connection: sqlite3.Connection, reading: str, entries: int) -> float:
    word = reading.rstrip("*")
    upper = word + LAST if reading.endswith("*") else word
    (documents,) = connection.execute(
        "SELECT coalesce(max(docs), 0) FROM term WHERE term >= ? AND term <= ?", [word, upper]
    ).fetchone()
    return 1 + math.log((entries + 1) / (documents + 1)) / 4


def _occurs(connection: sqlite3.Connection, word: str) -> bool:
    return connection.execute("SELECT 1 FROM term WHERE term = ? AND docs > 0", [word]).fetchone() is not None


def _begins(connection: sqlite3.Connection, word: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM term WHERE term >= ? AND term <= ? AND docs > 0 LIMIT 1", [word, word + LAST]
    )
    return found.fetchone() is not None
