"""Search: which domains, products, ports and columns the words mean, best first, and why.

Ranking is staged: the exact name or address, then the exact title, then a score that adds up for each word the rarest
and strongest place where it stands (name, title and tags and columns, texts), as itself, as a beginning, or with typing
errors put right. Every stage runs inside SQLite; Python sees only the hits that are shown.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from weft.catalog.index import opened
from weft.catalog.words import distance, joined_neighbours, name_terms, parts, query_terms, squashed, tolerance
from weft.errors import UsageError, did_you_mean, error
from weft.model.address import parse_address
from weft.registry.base import RegistryReader

KINDS = ("domain", "product", "port", "column")

_FIELDS = (
    ("name", 1.0),
    ("{title tags columns}", 0.7),
    ("{owners description column_texts}", 0.35),
    ("inherited", 0.2),
)
_WHOLE_NAME, _EXACT, _PREFIX, _ONE_ERROR, _TWO_ERRORS = 1.4, 1.0, 0.6, 0.6, 0.4

_RANKED = """
WITH found(term, id, strength) AS (
  {stages}
), best AS (
  SELECT term, id, max(strength) AS strength FROM found GROUP BY term, id
), scored AS (
  SELECT id, sum(strength) * (0.4 + 0.6 * count(*) / :terms) AS score FROM best GROUP BY id
), exact AS (
  SELECT id, max(stage) AS stage FROM (
    SELECT id, 1 AS stage FROM entry WHERE squashed_title = :squashed
    UNION ALL SELECT id, 2 FROM entry WHERE squashed_name = :squashed
    UNION ALL SELECT id, 3 FROM entry WHERE address = :words OR unpinned = :words
  ) GROUP BY id
), ranked AS (
  SELECT e.id, e.kind, e.domain, coalesce(x.stage, 0) AS stage, e.standing, e.address,
    coalesce(s.score, 0) * (CASE e.kind WHEN 'port' THEN 1.1 WHEN 'column' THEN 0.6 ELSE 1 END)
      * (CASE e.standing WHEN 1 THEN 0.5 ELSE 1 END) AS score
  FROM entry e LEFT JOIN scored s ON s.id = e.id LEFT JOIN exact x ON x.id = e.id
  WHERE s.id IS NOT NULL OR x.id IS NOT NULL
)
"""


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
    """The best hits, how many there are in all, and how many of each kind and domain."""

    total: int
    results: tuple[Hit, ...]
    facets: Mapping[str, Mapping[str, int]]

    def as_json(self) -> dict[str, Any]:
        """The result in the shape that `weft search --format json` prints."""
        return {
            "total": self.total,
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
    if kind is not None and kind not in KINDS:
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"there is nothing of kind `{kind}` to search for",
                fix=did_you_mean(kind, KINDS, otherwise=f"kinds are: {', '.join(KINDS)}"),
            )
        )
    if domain is not None and domain not in reader.domains():
        raise UsageError(
            error(
                "WFT-CAT-001",
                f"no domain `{domain}` is published",
                fix=did_you_mean(domain, reader.domains(), otherwise="`weft search --kind domain` lists domains"),
            )
        )
    with opened(index, reader) as connection:
        found = _search(connection, words, kind, domain, limit)
    return replace(found, results=tuple(_marked(hit, reader) for hit in found.results))


def _marked(hit: Hit, reader: RegistryReader) -> Hit:
    """A hit with the mark of its port."""
    state = reader.port(parse_address(hit.address)) if hit.kind == "port" else None
    return replace(hit, mark=state.override.mark) if state is not None and state.override is not None else hit


def _search(
    connection: sqlite3.Connection, words: str, kind: str | None, domain: str | None, limit: int
) -> SearchResult:
    terms = query_terms(words)
    readings = {term: _readings(connection, words, term) for term, _ in terms}
    parameters: dict[str, Any] = {
        "squashed": squashed(words),
        "words": words.strip().lower(),
        "terms": float(len(terms) or 1),
        "kind": kind,
        "domain": domain,
        "limit": limit,
    }
    if not terms:
        ranked = "WITH ranked AS (SELECT id, kind, domain, 0 AS stage, standing, address, 0.0 AS score FROM entry)\n"
    else:
        ranked = _RANKED.replace("{stages}", _stages(connection, terms, readings, parameters))
    within = "WHERE (:kind IS NULL OR kind = :kind) AND (:domain IS NULL OR domain = :domain)"
    facets = {
        facet: dict(
            connection.execute(
                f"{ranked}SELECT {facet}, count(*) FROM ranked {within} GROUP BY 1 ORDER BY 2 DESC, 1", parameters
            )
        )
        for facet in ("kind", "domain")
    }
    rows = connection.execute(
        f"{ranked}SELECT e.address, e.kind, e.title, e.domain, e.name, e.standing, e.texts, r.stage, r.score "
        f"FROM (SELECT * FROM ranked {within}) r JOIN entry e ON e.id = r.id "
        "ORDER BY r.stage DESC, r.standing = 2, r.score DESC, "
        "CASE e.kind WHEN 'port' THEN 0 WHEN 'product' THEN 1 WHEN 'domain' THEN 2 ELSE 3 END, e.address LIMIT :limit",
        parameters,
    ).fetchall()
    return SearchResult(
        total=sum(facets["kind"].values()),
        results=tuple(
            Hit(
                address=address,
                kind=found_kind,
                title=title,
                domain=found_domain,
                score=round(stage * 10 + score, 3),
                why=_why(stage, standing, name, title, json.loads(texts), readings),
            )
            for address, found_kind, title, found_domain, name, standing, texts, stage, score in rows
        ),
        facets=facets,
    )


def _readings(connection: sqlite3.Connection, words: str, term: str) -> dict[str, float]:
    """The words of the index that a term may mean, with how sure that is; a trailing `*` marks a beginning."""
    readings = {term: _EXACT}
    joined = joined_neighbours(words).get(term)
    if joined and _occurs(connection, joined):
        readings[joined] = _EXACT
    if len(term) >= 2 and not term.isdigit():
        readings[f"{term}*"] = _PREFIX
    limit = tolerance(term)
    if limit and len(readings) <= 2 and not _occurs(connection, term) and not _begins(connection, term):
        letters = set(term)
        near = connection.execute(
            "SELECT term FROM vocabulary WHERE length(term) BETWEEN ? AND ?", [len(term) - limit, len(term) + limit]
        )
        for (candidate,) in near:
            if len(term) <= 5 and candidate[0] != term[0]:
                continue  # in a short word another first letter is another word: gate, date
            if len(letters ^ set(candidate)) <= 2 * limit:
                errors = distance(term, candidate, limit)
                if errors <= limit:
                    readings[candidate] = _ONE_ERROR if errors == 1 else _TWO_ERRORS
    return readings


def _stages(
    connection: sqlite3.Connection,
    terms: list[tuple[str, float]],
    readings: Mapping[str, Mapping[str, float]],
    parameters: dict[str, Any],
) -> str:
    (entries,) = connection.execute("SELECT count(*) FROM entry").fetchone()
    stages = []
    for number, (term, weight) in enumerate(terms):
        for reading, certainty in readings[term].items():
            word = reading.rstrip("*")
            beginning = "*" if reading.endswith("*") else ""
            worth = weight * certainty * _rarity(connection, word, beginning, entries)
            key = f"m{len(parameters)}"
            if not beginning:
                parameters[key] = word
                stages.append(f"SELECT {number}, id, {worth * _WHOLE_NAME} FROM entry WHERE squashed_name = :{key}")
            for fields, strength in _FIELDS:
                key = f"m{len(parameters)}"
                parameters[key] = f'{fields} : "{word}"{beginning}'
                stages.append(f"SELECT {number}, rowid, {worth * strength} FROM word WHERE word MATCH :{key}")
    return "\n  UNION ALL ".join(stages)


def _rarity(connection: sqlite3.Connection, word: str, beginning: str, entries: int) -> float:
    upper = word + "\U0010ffff" if beginning else word
    (documents,) = connection.execute(
        "SELECT coalesce(max(doc), 0) FROM vocabulary WHERE term >= ? AND term <= ?", [word, upper]
    ).fetchone()
    return 1 + math.log((entries + 1) / (documents + 1)) / 4


def _occurs(connection: sqlite3.Connection, word: str) -> bool:
    return connection.execute("SELECT 1 FROM vocabulary WHERE term = ?", [word]).fetchone() is not None


def _begins(connection: sqlite3.Connection, word: str) -> bool:
    found = connection.execute(
        "SELECT 1 FROM vocabulary WHERE term >= ? AND term <= ? LIMIT 1", [word, word + "\U0010ffff"]
    )
    return found.fetchone() is not None


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
    for where, candidates in (
        ("name", [name]),
        ("title", [title]),
        ("tag", texts["tags"]),
        ("column", texts["columns"]),
        ("owner", texts["owners"]),
        ("owner or tag of its product", texts["inherited"]),
    ):
        for candidate in candidates:
            if any(_means(m, name_terms(candidate)) for m in meanings):
                return where, _meant(candidate, meanings) if where == "title" else candidate
    for where, text in (("description", texts["description"]), ("description of a column", texts["column_texts"])):
        if any(_means(m, parts(text)) for m in meanings):
            return where, _meant(text, meanings)
    return None


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
