"""Search among the terms of a glossary: they are few, and looked at one by one."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from itertools import islice

from weft.catalog.search import Hit, SearchResult
from weft.catalog.words import STOP_WORDS, parts
from weft.errors import nearest
from weft.governance.glossary import Glossary, Term

_NAME, _WORD, _TEXT, _NEAR = 30.0, 4.0, 1.0, 0.8
_BEGUN = 3
"""Letters from which on a name that only begins like the words is told."""
Names = list[tuple[str, str, str]]
_MESH = "mesh"
"""The facet of terms that belong to no domain."""


def terms_found(glossary: Glossary, words: str, *, domain: str | None = None, limit: int = 20) -> SearchResult:
    """The terms that some words mean, best first; without words all of them."""
    asked = [word for word in parts(words) if word not in STOP_WORDS] or parts(words)
    hits = []
    for term in glossary.terms.values():
        if domain is not None and term.domain != domain:
            continue
        score, why = _score(term, words, asked)
        if score or not asked:
            late = "; deprecated" if term.status == "deprecated" else ""
            halved = round(score / 2 if late else score, 3)
            hits.append(
                Hit(term.name, "term", term.title, term.domain or "", halved, f"{why}{late}".removeprefix("; "))
            )
    hits.sort(key=lambda hit: (-hit.score, hit.address))
    facets = {"kind": {"term": len(hits)} if hits else {}, "domain": dict(Counter(h.domain or _MESH for h in hits))}
    return SearchResult(len(hits), tuple(hits[:limit]), facets)


def names_of(glossary: Glossary) -> Names:
    """What terms are called, in order: each name in plain words, how the term comes by it, and the term's own name."""
    found = set[tuple[str, str, str]]()
    for term in glossary.terms.values():
        found |= {(" ".join(parts(name)), "its name", term.name) for name in (term.name, term.id, term.title)}
        found |= {(" ".join(parts(name)), f"synonym: {name}", term.name) for name in term.synonyms}
    return sorted(found)


def terms_called(names: Names, words: str, limit: int) -> list[tuple[str, str]]:
    """The terms of which a name is, or begins with, some words, each with how: what is called just so comes first.

    Unlike `terms_found` it looks at few of them, so that it can stand beside every search.
    """
    wanted = " ".join(parts(words))
    if not wanted:
        return []
    found: dict[str, str] = {}
    for name, how, term in islice(names, bisect_left(names, (wanted,)), None):
        if (name != wanted and (len(wanted) < _BEGUN or not name.startswith(wanted))) or len(found) >= limit:
            break
        found.setdefault(term, how)
    return list(found.items())


def synonyms_of(glossary: Glossary) -> dict[tuple[str, ...], set[str]]:
    """For all names of each term the words by which columns and ports that mean it may be called."""
    found: dict[tuple[str, ...], set[str]] = {}
    for term in glossary.terms.values():
        names = {tuple(parts(name)) for name in (term.id, term.title, *term.synonyms)} - {()}
        for name in names:
            found.setdefault(name, set()).update("".join(other) for other in names if other != name)
    return found


def _score(term: Term, words: str, asked: list[str]) -> tuple[float, str]:
    """How well a term fits, and where the words stand in it; every word has to stand somewhere."""
    wanted = " ".join(parts(words))
    for how, name in (("its name", term.name), ("its name", term.id), ("its title", term.title)):
        if wanted and wanted == " ".join(parts(name)):
            return _NAME, how
    for synonym in term.synonyms:
        if wanted and wanted == " ".join(parts(synonym)):
            return _NAME - 1, f"synonym: {synonym}"
    names = [*parts(term.name), *parts(term.title), *(w for s in term.synonyms for w in parts(s))]
    texts = [*parts(term.definition), *parts(term.owner or "")]
    score, why = 0.0, []
    for word in asked:
        if any(name.startswith(word) for name in names):
            score += _WORD
            why.append(f"name: {word}")
        elif any(text.startswith(word) for text in texts):
            score += _TEXT
            why.append(f"definition: {word}")
        elif (near := nearest(word, names)) is not None:
            score += _WORD * _NEAR
            why.append(f"name: {near} (for {word})")
        else:
            return 0.0, ""
    return score, "; ".join(why)
