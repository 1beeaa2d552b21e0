"""Search: which domains, products, ports and columns the words mean, best first, and why.

Ranking is staged: the exact name or address, then the exact title, then a score that adds up for each word the rarest
and strongest place where it stands (name, title and tags and columns, texts), as itself, as a beginning, or with typing
errors put right; see `candidates`.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.catalog.candidates import candidates, terms_of
from weft.catalog.index import opened
from weft.catalog.looks import Within
from weft.catalog.words import name_terms, parts
from weft.errors import UsageError, did_you_mean, error
from weft.registry.base import RegistryReader

KINDS = ("domain", "product", "port", "column", "term")
"""What can be searched for; terms are found where they alone are asked for, see `terms`."""


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
    """The best hits, how many there are in all, and how many of each kind and domain.

    Attributes:
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
    *,
    kind: str | None = None,
    domain: str | None = None,
    limit: int = 20,
) -> SearchResult:
    """What the words mean, best first. `index` is the index's file (None: in memory for this search alone).

    Raises:
        UsageError: WFT-CLI-001, there is no such kind; WFT-CAT-001, there is no such domain.
    """
    require_kind(kind)
    if domain is not None and reader.domain(domain) is None:
        raise UsageError(
            error(
                "WFT-CAT-001",
                f"no domain `{domain}` is published",
                fix=did_you_mean(domain, reader.domains(), otherwise="`weft search --kind domain` lists domains"),
            )
        )
    with opened(index, reader) as connection:
        return found_in(connection, words, kind=kind, domain=domain, limit=limit)


def require_kind(kind: str | None) -> None:
    """Refuses a kind of which there is nothing.

    Raises:
        UsageError: WFT-CLI-001.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"there is nothing of kind `{kind}` to search for",
                fix=did_you_mean(kind, KINDS, otherwise=f"kinds are: {', '.join(KINDS)}"),
            )
        )


def found_in(
    connection: sqlite3.Connection,
    words: str,
    *,
    kind: str | None = None,
    domain: str | None = None,
    limit: int = 20,
    own: Collection[str] | None = None,
) -> SearchResult:
    """What the words mean in an index that is open.

    Args:
        own: domains whose drafts are found; None: all drafts are.
    """
    return _search(connection, words, Within(kind, domain, own), limit)


def _search(connection: sqlite3.Connection, words: str, within: Within, limit: int) -> SearchResult:
    terms = terms_of(connection, words)
    if not terms:
        return _everything(connection, within, limit)
    found, complete = candidates(connection, words, terms, within)
    shown = found[:limit]
    rows = connection.execute(
        f"SELECT e.id, e.title, e.name, e.texts, {_MARK} FROM entry e LEFT JOIN listed l ON l.id = e.id "
        "WHERE e.id IN (SELECT value FROM json_each(?))",
        [json.dumps([c.id for c in shown])],
    )
    told = {number: rest for number, *rest in rows}
    readings = {term.text: term.readings for term in terms}
    hits = []
    for c in shown:
        title, name, texts, mark = told[c.id]
        why = _why(c.stage, c.standing, name, title, json.loads(texts), readings)
        hits.append(Hit(c.address, c.kind, title, c.domain, round(c.stage * 10 + c.score, 3), why, mark))
    facets = {facet: Counter(getattr(c, facet) for c in found) for facet in ("kind", "domain")}
    return SearchResult(len(found), tuple(hits), _by_number(facets), complete)


def _everything(connection: sqlite3.Connection, within: Within, limit: int) -> SearchResult:
    """What there is, where no words were given."""
    own = None if within.own is None else json.dumps(sorted(within.own))
    values = {"kind": within.kind, "domain": within.domain, "own": own, "limit": limit}
    where = (
        "(:kind IS NULL OR kind = :kind) AND (:domain IS NULL OR domain = :domain) "
        "AND (:own IS NULL OR NOT draft OR domain IN (SELECT value FROM json_each(:own)))"
    )
    facets: dict[str, Counter[str]] = {"kind": Counter(), "domain": Counter()}
    for kind, domain, docs in connection.execute(f"SELECT kind, domain, docs FROM tally WHERE {where}", values):
        facets["kind"][kind] += docs
        facets["domain"][domain] += docs
    hits: list[Hit] = []
    for retired, kind in ((r, k) for r in (0, 1) for k in ("port", "product", "domain", "column")):
        rows = connection.execute(
            "SELECT e.address, e.kind, e.title, e.domain, e.standing, "
            f"(SELECT {_MARK} FROM listed l WHERE l.id = e.id) FROM entry e WHERE (standing = 2) = {retired} "
            f"AND kind = '{kind}' AND {where} ORDER BY address LIMIT :limit",
            values,
        )
        hits += [Hit(a, k, t, d, 0.0, _why(0, standing, "", t, {}, {}), mark) for a, k, t, d, standing, mark in rows]
        if len(hits) >= limit:
            break
    return SearchResult(facets["kind"].total(), tuple(hits[:limit]), _by_number(facets))


def _by_number(facets: Mapping[str, Counter[str]]) -> dict[str, dict[str, int]]:
    """Facets with the most frequent first."""
    return {
        facet: dict(sorted(((n, c) for n, c in counts.items() if c), key=lambda item: (-item[1], item[0])))
        for facet, counts in facets.items()
    }


def _why(
    stage: int,
    standing: int,
    name: str,
    title: str,
    texts: Mapping[str, Any],
    readings: Mapping[str, Mapping[str, float]],
) -> str:
    """Where the words of the query stand in a hit, the strongest place of each word."""
    reasons = {3: ["its address"], 2: ["its name"], 1: ["its title"]}.get(stage, [])
    if not stage:
        places: dict[str, list[str]] = {}
        for term, meanings in readings.items():
            place = _place(name, title, texts, meanings)
            if place:
                where, word = place
                shown = word if word == term or word.startswith(term) else f"{word} (for {term})"
                places.setdefault(where, []).append(shown)
        reasons = [f"{where}: {', '.join(dict.fromkeys(words))}" for where, words in places.items()]
    if standing:
        reasons = [*reasons, "retired" if standing == 2 else "deprecated"]
    return "; ".join(reasons)


def _place(name: str, title: str, texts: Mapping[str, Any], meanings: Mapping[str, float]) -> tuple[str, str] | None:
    for where, texts_there in (
        ("name", [name]),
        ("title", [title]),
        ("tag", texts["tags"]),
        ("column", texts["columns"]),
        ("owner", texts["owners"]),
        ("owner or tag of its product", texts["inherited"]),
    ):
        if len(texts_there) > 1 and not _worth_a_look(" ".join(texts_there), meanings):
            continue
        for candidate in texts_there:
            if not _worth_a_look(candidate, meanings):
                continue
            terms = name_terms(candidate)
            if any(_means(m, terms) for m in meanings):
                return where, _meant(candidate, meanings) if where == "title" else candidate
    for where, text in (("description", texts["description"]), ("description of a column", texts["column_texts"])):
        words = parts(text) if _worth_a_look(text, meanings) else []
        if any(_means(m, words) for m in meanings):
            return where, _meant(text, meanings)
    return None


def _worth_a_look(text: str, meanings: Mapping[str, float]) -> bool:
    """Whether a text may hold one of the words: cutting texts into terms is what takes the time of a search."""
    if not text.isascii():
        return True
    whole = text.lower().replace("_", "").replace("-", "").replace(" ", "")
    return any(meaning.rstrip("*")[:3] in whole for meaning in meanings)


def _means(reading: str, terms: list[str]) -> bool:
    if reading.endswith("*"):
        return any(t.startswith(reading[:-1]) for t in terms)
    return reading in terms


def _meant(text: str, meanings: Mapping[str, float]) -> str:
    for reading in meanings:
        for term in parts(text):
            if _means(reading, [term]):
                return term
    return ""
