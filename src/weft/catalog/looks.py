"""Where in the index to look for what a query may mean: the likeliest and cheapest looks first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

LOOKED_AT = 160
"""Entries that are looked at closely."""
PLACES = (
    (("name",), 1.0),
    (("title", "tags", "columns"), 0.7),
    (("owners", "description", "column_texts"), 0.35),
    (("inherited",), 0.2),
)
"""Fields of an entry, and how much it says that a word stands there."""
_OF_COLUMNS = ("name", "title", "tags", "description")
"""Fields in which the entries of columns have words: nothing is looked for in others."""
LAST = "\U0010ffff"
"""Sorts behind every word that begins as what stands before it."""
_OF_A_PLACE = 40
_FEW = 60
"""Entries with which nobody waits for all beginnings to be gathered."""
_BEGUN = 12
"""Words that a beginning is asked for as, before all of them are gathered."""
_MANY = 3
"""Products that read a port which is looked at before those that fewer read."""
_KEPT_BEGINNINGS = 3
"""Letters of the longest beginnings that the index keeps."""


class Within(Struct, frozen=True):
    """Which entries count: all, or those that have a value of each facet that is given.

    Attributes:
        classification: of a port the highest of its columns, of a product that of its ports.
        owner: the team that answers for it.
        freshness: `fresh`, `late` or `not_promised`.
        now: the time (ISO 8601, UTC) at which a promise is kept or broken; `""`: all are kept.
        own: domains whose drafts count; None: all drafts do.
    """

    kind: str | None = None
    domain: str | None = None
    status: str | None = None
    classification: str | None = None
    owner: str | None = None
    tag: str | None = None
    freshness: str | None = None
    now: str = ""
    own: Collection[str] | None = None

    @property
    def scope(self) -> list[tuple[str, str]]:
        """The facets that the index itself can go by, with their values."""
        asked = ((facet, getattr(self, facet)) for facet in SCOPES)
        return [(facet, value) for facet, value in asked if value is not None]

    def condition(self) -> tuple[str, dict[str, str | None]]:
        """What SQL says of an entry `e` that counts, with its values."""
        own = None if self.own is None else json.dumps(sorted(self.own))
        said = ["(:own IS NULL OR NOT e.draft OR e.domain IN (SELECT value FROM json_each(:own)))"]
        columns = {"kind": "kind", "domain": "domain", "status": "status", "classification": "level", "owner": "owner"}
        said += [f"e.{column} = :{facet}" for facet, column in columns.items() if getattr(self, facet) is not None]
        if self.tag is not None:
            said.append("EXISTS (SELECT 1 FROM json_each(e.tags) WHERE value = :tag)")
        if self.freshness is not None:
            said.append(f"{FRESHNESS} = :freshness")
        values = {facet: getattr(self, facet) for facet in (*SCOPES, "freshness", "now")}
        return " AND ".join(said), {**values, "own": own}


SCOPES = ("kind", "domain", "status", "classification", "owner", "tag")
"""Facets that an entry has until it is published again; its freshness goes by the clock."""

FRESHNESS = """
CASE WHEN e.kind = 'domain' THEN '' WHEN e.late_from IS NULL THEN 'not_promised'
  WHEN e.late_from <> '' AND e.late_from <= :now THEN 'late' ELSE 'fresh' END
""".strip()
"""How an entry `e` stands against its promise about age at the time `:now`, as SQL."""


def facets_of(
    kind: str, domain: str, status: str, level: str, owner: str, tags: Iterable[str]
) -> list[tuple[str, str]]:
    """The facets of an entry with its values; what it has no value of is left out."""
    single = zip(SCOPES, (kind, domain, status, level, owner), strict=False)
    return [*((f, v) for f, v in single if v), *(("tag", tag) for tag in dict.fromkeys(tags))]


def busy_word(used: int) -> str:
    """The word that stands in the scope of what many products read; nothing where few do."""
    return "busy" if used >= _MANY else ""


class Term(Struct, frozen=True):
    """A word of a query: how much it weighs, and what it may mean, with how sure that is.

    Attributes:
        readings: words of the index; one with a trailing `*` is a beginning.
    """

    text: str
    weight: float
    readings: Mapping[str, float]


class Look(Struct, frozen=True):
    """A question to the index.

    Attributes:
        early: looks are made from the smallest on, until there are enough entries.
        expression: of FTS5.
        most: how many entries to take.
        place: where it looks and for what; once a look has found more there than it takes, others are needless.
        below: it is made while fewer entries than that are found.
        busy: whether only what many products read is taken.
    """

    early: float
    expression: str
    table: str
    most: int
    place: Any
    below: int = LOOKED_AT
    busy: bool = False


class _Asked(Struct, frozen=True):
    """What the index is asked for a term; each finds what is worth less than what the one before finds, and costs more.

    The index finds words one after another and stops when it has enough, while it gathers all that a beginning means
    before it gives the first.

    Attributes:
        whole: the words that it may be; `""` where no entry has one of them.
        begun: those, and the most frequent of all that begin so.
        every: those, and all that begin so.
    """

    whole: str
    begun: str
    every: str


def looks(connection: sqlite3.Connection, terms: Sequence[Term], within: Within) -> list[Look]:
    """Where to look, in this order."""
    scope = [f"scope : {scope_word(*one)}" for one in within.scope if one != ("kind", "column")]
    tables = [("word", 0.0)] if within.kind not in (None, "column") else [("word", 0.0), ("column_word", 0.45)]
    if within.kind == "column":
        tables = [("column_word", 0.0)]
    known = _known(connection, terms)
    asked = {term.text: _asked(connection, term, known) for term in terms}
    heavy = [asked[t.text] for t in terms if t.weight == 1.0] or list(asked.values())
    found = (
        replace(look, early=look.early + later, expression=" AND ".join([*scope, look.expression]))
        for table, later in tables
        for look in (*_together(heavy, table), *_apart(terms, asked, table))
    )
    return sorted((one for look in found for one in (*_busy(look), look)), key=lambda look: look.early)


def _busy(look: Look) -> Iterator[Look]:
    """The same look among what many products read: of a hundred that fit as well, that is what is meant."""
    if look.below == LOOKED_AT:
        yield replace(look, early=look.early - 0.3, place=("busy", look.place), busy=True)


def found_by(connection: sqlite3.Connection, look: Look, before: dict[tuple[str, str], list[int]]) -> list[int]:
    """The entries that a look finds, at most one more than it takes.

    Args:
        before: what looks have found among all entries, few or many read: kept here from one look to the next.
    """
    found = before.get((look.table, look.expression))
    if found is None:
        found = before[look.table, look.expression] = _matching(connection, look, look.expression)
    if not look.busy:
        return found
    if len(found) > look.most:
        return _matching(connection, look, f"scope : busy AND {look.expression}")
    read_by_many = "SELECT id FROM entry WHERE id IN (SELECT value FROM json_each(?)) AND used >= ? ORDER BY id"
    return [number for (number,) in connection.execute(read_by_many, [json.dumps(found), _MANY])] if found else []


def _matching(connection: sqlite3.Connection, look: Look, expression: str) -> list[int]:
    sql = f"SELECT rowid FROM {look.table} WHERE {look.table} MATCH ? LIMIT ?"
    return [number for (number,) in connection.execute(sql, [expression, look.most + 1])]


def scope_word(facet: str, value: str) -> str:
    """The word that stands in the scope of all entries with a value: one word, whatever signs the value has."""
    return f"{facet}{value.encode().hex()}"


def _together(heavy: Sequence[_Asked], table: str) -> Iterator[Look]:
    """All words in one entry."""
    if len(heavy) < 2:
        return
    whole, begun, every = (
        " AND ".join(f"({expression})" for expression in one) if all(one) else ""
        for one in zip(*((a.whole, a.begun, a.every) for a in heavy), strict=True)
    )
    place = (table,)
    if whole:
        yield Look(0.0, whole, table, LOOKED_AT // 2, place)
    if begun != whole:
        yield Look(0.5, begun, table, LOOKED_AT // 2, place)
    if every != begun:
        yield Look(4.9, every, table, LOOKED_AT // 2, place, _FEW)


def _apart(terms: Sequence[Term], asked: Mapping[str, _Asked], table: str) -> Iterator[Look]:
    """Each word in each place."""
    for term in terms:
        one = asked[term.text]
        light = 0.0 if term.weight == 1.0 else 4.0
        for number, fields in _places(table):
            there, place = f"{{{' '.join(fields)}}}", (table, number, term.text)
            if one.whole:
                yield Look(1.0 + number + light, f"{there} : ({one.whole})", table, _OF_A_PLACE, place)
            if one.begun != one.whole:
                yield Look(1.2 + number + light, f"{there} : ({one.begun})", table, _OF_A_PLACE, place)
        if one.every != one.begun:
            there = f"{{{' '.join(field for _, fields in _places(table) for field in fields)}}}"
            yield Look(5.0 + light, f"{there} : ({one.every})", table, LOOKED_AT // 2, (table, None, term.text), _FEW)


def _places(table: str) -> Iterator[tuple[int, Sequence[str]]]:
    """The places in which the entries of a table have words."""
    for number, (fields, _) in enumerate(PLACES):
        here = [field for field in fields if table == "word" or field in _OF_COLUMNS]
        if here:
            yield number, here


def _known(connection: sqlite3.Connection, terms: Sequence[Term]) -> frozenset[str]:
    """Which of the words that terms may be stand in the index."""
    words = json.dumps([r for term in terms for r in term.readings if not r.endswith("*")])
    sql = "SELECT term FROM term WHERE term IN (SELECT value FROM json_each(?)) AND docs > 0"
    return frozenset(word for (word,) in connection.execute(sql, [words]))


def _asked(connection: sqlite3.Connection, term: Term, known: Collection[str]) -> _Asked:
    words = [_quoted(r) for r in term.readings if r in known]
    beginnings = [r.removesuffix("*") for r in term.readings if r.endswith("*")]
    # a beginning takes in the word itself
    every = [_quoted(r) for r in term.readings if r.endswith("*") or (r in known and f"{r}*" not in term.readings)]
    begun, complete = [*words], True
    for beginning in beginnings:
        if len(beginning) <= _KEPT_BEGINNINGS:
            begun.append(_quoted(f"{beginning}*"))
            continue
        found = connection.execute(
            "SELECT term FROM term WHERE term > ? AND term <= ? AND docs > 0 AND (alone > 0 OR lead < ?) "
            "ORDER BY docs DESC, term LIMIT ?",
            [beginning, beginning + LAST, len(beginning), _BEGUN + 1],
        ).fetchall()
        begun += [_quoted(word) for (word,) in found[:_BEGUN]]
        complete = complete and len(found) <= _BEGUN
    all_begun = " OR ".join(begun)
    return _Asked(" OR ".join(words), all_begun, all_begun if complete else " OR ".join(every))


def _quoted(reading: str) -> str:
    word = reading.removesuffix("*")
    return f'"{word}"*' if reading.endswith("*") else f'"{word}"'
