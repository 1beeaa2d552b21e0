"""Search: which domains, products, ports and columns the words mean, best first, and why.

Ranking is staged: the exact name or address, then the exact title, then a score that adds up for each word the rarest
and strongest place where it stands (name, title and tags and columns, texts), as itself, as a beginning, with typing
errors put right, or as a synonym of the glossary; see `candidates`. What is deprecated comes after what is not, what is
retired last.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from weft.catalog import reasons
from weft.catalog.candidates import NO_SYNONYMS, Candidate, Synonyms, candidates, terms_of
from weft.catalog.index import opened
from weft.catalog.looks import FRESHNESS, SCOPES, Within, scope_word
from weft.errors import UsageError, did_you_mean, error
from weft.model.classification import Classification
from weft.registry.base import RegistryReader

KINDS = ("domain", "product", "port", "column", "term")
"""What can be searched for; terms are found where they alone are asked for, see `terms`."""

FACETS = (*SCOPES, "freshness")
"""What results can be narrowed by."""

KNOWN = {
    "kind": KINDS,
    "status": ("proposed", "draft", "active", "deprecated", "retired"),
    "classification": tuple(map(str, Classification)),
    "freshness": ("fresh", "late", "not_promised"),
}
"""Values of facets of which there are no others."""

EVERYTHING = Within()

_MARK = "json_extract(l.line, '$.mark')"


class Hit(Struct, frozen=True):
    """One result. `score` is comparable inside one search only; `why` names where the words were found.

    Attributes:
        mark: of a port that was published against failed checks: which, by whom and until when.
    """

    address: str
    kind: str
    title: str
    domain: str
    score: float
    why: str
    mark: str | None = None

    def as_json(self) -> dict[str, Any]:
        """The hit as `weft search --format json` prints it."""
        return {
            "address": self.address,
            "kind": self.kind,
            "title": self.title,
            "domain": self.domain,
            "score": self.score,
            "why": self.why,
            "mark": self.mark,
        }


class SearchResult(Struct, frozen=True):
    """The best hits, how many there are in all, and how many have which value of each facet.

    Attributes:
        facets: of `kind, domain, status, classification, owner, tag, freshness` the values and how many have them.
        complete: whether all were looked at that have one of the words; else there are more than `total`.
    """

    total: int
    results: tuple[Hit, ...]
    facets: Mapping[str, Mapping[str, int]]
    complete: bool = True

    def as_json(self) -> dict[str, Any]:
        """The result in the shape that `weft search --format json` prints."""
        return {
            "total": self.total,
            "complete": self.complete,
            "results": [h.as_json() for h in self.results],
            "facets": {name: dict(counts) for name, counts in self.facets.items()},
        }


def search(
    reader: RegistryReader,
    index: Path | None,
    words: str,
    within: Within = EVERYTHING,
    *,
    limit: int = 20,
    synonyms: Synonyms = NO_SYNONYMS,
) -> SearchResult:
    """What the words mean, best first. `index` is the index's file (None: in memory for this search alone).

    Raises:
        UsageError: WFT-CLI-001, there is no such kind, status, classification or freshness; WFT-CAT-001, there is no
            such domain.
    """
    require_known(within)
    if within.domain is not None and reader.domain(within.domain) is None:
        raise UsageError(
            error(
                "WFT-CAT-001",
                f"no domain `{within.domain}` is published",
                fix=did_you_mean(
                    within.domain, reader.domains(), otherwise="`weft search --kind domain` lists domains"
                ),
            )
        )
    with opened(index, reader) as connection:
        return found_in(connection, words, within, limit=limit, synonyms=synonyms)


def require_known(within: Within) -> None:
    """Refuses what nothing can be.

    Raises:
        UsageError: WFT-CLI-001.
    """
    for facet, known in KNOWN.items():
        value = getattr(within, facet)
        if value is not None and value not in known:
            raise UsageError(
                error(
                    "WFT-CLI-001",
                    f"there is nothing of {facet} `{value}` to search for",
                    fix=did_you_mean(value, known, otherwise=f"it is one of: {', '.join(known)}"),
                )
            )


def found_in(
    connection: sqlite3.Connection,
    words: str,
    within: Within = EVERYTHING,
    *,
    limit: int = 20,
    synonyms: Synonyms = NO_SYNONYMS,
) -> SearchResult:
    """What the words mean in an index that is open."""
    terms = terms_of(connection, words, synonyms)
    if not terms and not within.scope and within.freshness is None:
        return _everything(connection, within, limit)
    if not terms:
        return _all_within(connection, within, limit)
    found, complete = candidates(connection, words, terms, within)
    shown = found[:limit]
    rows = connection.execute(
        f"SELECT e.id, e.title, e.name, coalesce(w.names, '{{}}'), {_MARK} FROM json_each(?) c "
        "CROSS JOIN entry e ON e.id = c.value LEFT JOIN written w ON w.id = e.id LEFT JOIN listed l ON l.id = e.id",
        [json.dumps([c.id for c in shown])],
    )
    told = {number: rest for number, *rest in rows}
    readings = {term.text: term.readings for term in terms}
    hits = []
    for c in shown:
        title, name, written, mark = told[c.id]
        why = reasons.why(c, name, written, readings)
        hits.append(Hit(c.address, c.kind, title, c.domain, round(c.stage * 10 + c.score, 3), why, mark))
    return SearchResult(len(found), tuple(hits), _facets(_counted(found)), complete)


def _counted(found: Sequence[Candidate]) -> Mapping[tuple[str, str], int]:
    """How many candidates have which value of each facet."""
    counted: dict[tuple[str, str], int] = {}
    for facet in FACETS:
        if facet == "tag":
            values = Counter(itertools.chain.from_iterable(msgspec.json.decode(c.tags) for c in found))
        else:
            values = Counter([getattr(c, facet) for c in found])
        counted.update({(facet, value): docs for value, docs in values.items() if value})
    return counted


def _everything(connection: sqlite3.Connection, within: Within, limit: int) -> SearchResult:
    """What there is, where neither words nor values were given."""
    own = None if within.own is None else json.dumps(sorted(within.own))
    seen = "(:own IS NULL OR NOT draft OR domain IN (SELECT value FROM json_each(:own)))"
    counted: Counter[tuple[str, str]] = Counter()
    tally = f"SELECT facet, {_STANDING}, sum(docs) FROM tally WHERE {seen} GROUP BY 1, 2"
    for facet, value, docs in connection.execute(tally, {"own": own, "now": within.now}):
        counted["freshness" if facet == "late_from" else facet, value] = docs
    hits: list[Hit] = []
    for retired, kind in ((r, k) for r in (0, 1) for k in ("port", "product", "domain", "column")):
        rows = connection.execute(
            "SELECT e.address, e.kind, e.title, e.domain, e.standing, "
            f"(SELECT {_MARK} FROM listed l WHERE l.id = e.id) FROM entry e WHERE (standing = 2) = {retired} "
            f"AND kind = '{kind}' AND {seen} ORDER BY address LIMIT :limit",
            {"own": own, "limit": limit},
        )
        hits += [Hit(a, k, t, d, 0.0, reasons.standing(standing), mark) for a, k, t, d, standing, mark in rows]
        if len(hits) >= limit:
            break
    facets = _facets(counted)
    return SearchResult(sum(facets["kind"].values()), tuple(hits[:limit]), facets)


_STANDING = """
CASE WHEN facet <> 'late_from' THEN value WHEN value = 'none' THEN 'not_promised'
  WHEN value <> '' AND value <= :now THEN 'late' ELSE 'fresh' END
""".strip()
"""The value of a line of the tally; of a promise how it stands at `:now`."""

_COUNTED = 20_000
"""Entries that are counted where values were given and no words: beyond, there are more than the total."""


def _all_within(connection: sqlite3.Connection, within: Within, limit: int) -> SearchResult:
    """What has the values that were given, where there are no words."""
    condition, values = within.condition()
    expression = " AND ".join(f"scope : {scope_word(*one)}" for one in within.scope)
    tables = ["column_word"] if within.kind == "column" else ["word"]
    if within.kind is None:
        tables.append("column_word")
    numbers: list[int] = []
    for table in tables:
        sql = f"SELECT rowid FROM {table} WHERE {table} MATCH :scope LIMIT :most"
        if not expression:
            sql = "SELECT id FROM entry WHERE (kind = 'column') = (:scope = 'column_word') LIMIT :most"
        given = {"scope": expression or table, "most": _COUNTED + 1 - len(numbers)}
        numbers += [number for (number,) in connection.execute(sql, given)]
    complete = len(numbers) <= _COUNTED
    values["chosen"] = json.dumps(numbers[:_COUNTED])
    chosen = "FROM json_each(:chosen) c CROSS JOIN entry e ON e.id = c.value"
    of = f"{chosen} WHERE {condition}"
    counted: Counter[tuple[str, str]] = Counter()
    for facet, said in (*_COLUMNS.items(), ("freshness", FRESHNESS)):
        for value, docs in connection.execute(f"SELECT {said}, count(*) {of} GROUP BY 1", values):
            if value:
                counted[facet, value] = docs
    tags = f"SELECT t.value, count(*) {chosen}, json_each(e.tags) t WHERE {condition} GROUP BY 1"
    for value, docs in connection.execute(tags, values):
        counted["tag", value] = docs
    rows = connection.execute(
        f"SELECT e.address, e.kind, e.title, e.domain, e.standing, "
        f"(SELECT {_MARK} FROM listed l WHERE l.id = e.id) {of} "
        "ORDER BY e.standing, instr('port product domain column', e.kind), e.address LIMIT :limit",
        {**values, "limit": limit},
    )
    hits = tuple(Hit(a, k, t, d, 0.0, reasons.standing(standing), mark) for a, k, t, d, standing, mark in rows)
    facets = _facets(counted)
    return SearchResult(sum(facets["kind"].values()), hits, facets, complete)


_COLUMNS = {
    "kind": "e.kind",
    "domain": "e.domain",
    "status": "e.status",
    "classification": "e.level",
    "owner": "e.owner",
}


def _facets(counted: Mapping[tuple[str, str], int]) -> dict[str, dict[str, int]]:
    """Values of each facet with the most frequent first."""
    every = sorted(((value, docs, facet) for (facet, value), docs in counted.items() if docs), key=_by_number)
    return {name: {value: docs for value, docs, facet in every if facet == name} for name in FACETS}


def _by_number(one: tuple[str, int, str]) -> tuple[int, str]:
    return (-one[1], one[0])
