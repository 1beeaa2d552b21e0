"""Why a result was found: the strongest place in which each word of a search stands."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import msgspec

from weft.catalog.candidates import FIELDS, Candidate, pattern
from weft.catalog.words import name_terms

_STAGES = {3: "its address", 2: "its name", 1: "its title"}
_STANDINGS = ("", "deprecated", "retired")
_PLACES = (
    ("title", "title", None),
    ("tag", "tags", "tags"),
    ("term", "tags", "terms"),
    ("column", "columns", "columns"),
    ("owner", "owners", "owners"),
    ("owner or tag of its product", "inherited", "inherited"),
    ("description", "description", None),
    ("description of a column", "column_texts", None),
)
"""The places behind the name, the strongest first: what they are called, the field of the index that has their words,
and which names are kept as they are written; of a text the word itself is shown."""
_FIELD = {field: number for number, field in enumerate(FIELDS)}


def why(candidate: Candidate, name: str, written: str, readings: Mapping[str, Collection[str]]) -> str:
    """Where the words of a search stand in what it found.

    Args:
        written: names as they are written, by the place in which they stand (JSON).
        readings: for each word of the search what it may mean.
    """
    if candidate.stage:
        reasons = [_STAGES[candidate.stage]]
    else:
        names, places = msgspec.json.decode(written, type=dict[str, list[str]]), dict[str, list[str]]()
        for term, meanings in readings.items():
            place = _place(name, candidate.texts, names, meanings)
            if place is not None:
                where, word = place
                shown = word if word == term or word.startswith(term) else f"{word} (for {term})"
                places.setdefault(where, []).append(shown)
        reasons = [f"{where}: {', '.join(dict.fromkeys(words))}" for where, words in places.items()]
    used = f"read by {candidate.used:,} products" if candidate.used > 1 else ""
    return "; ".join(filter(None, (*reasons, standing(candidate.standing), used)))


def standing(number: int) -> str:
    """What is said of an entry that nobody should begin to use."""
    return _STANDINGS[number]


def _place(
    name: str, texts: Sequence[str], written: Mapping[str, Sequence[str]], meanings: Collection[str]
) -> tuple[str, str] | None:
    patterns = [pattern(meaning) for meaning in meanings]
    if _holds(texts[_FIELD["name"]], patterns):
        return "name", name
    for where, field, names in _PLACES:
        text = texts[_FIELD[field]]
        if not _holds(text, patterns):
            continue
        if names is None:
            return where, next(word for p in patterns for word in text.split() if _holds(word, [p]))
        for one in _likely(written.get(names, ()), meanings):
            if _holds(" ".join(name_terms(one)), patterns):
                return where, one
    return None


def _holds(text: str, patterns: Sequence[str]) -> bool:
    padded = f" {text} "
    return any(p in padded for p in patterns)


def _likely(names: Sequence[str], meanings: Collection[str]) -> Iterator[str]:
    """Names that may hold one of the words: cutting names into words takes longer than looking through them."""
    whole = "\n".join(names)
    letters = whole.lower().replace("_", "").replace("-", "").replace(" ", "").split("\n")
    if not whole.isascii() or len(letters) != len(names):
        yield from names
        return
    heads = {meaning.rstrip("*")[:3] for meaning in meanings}
    yield from (name for name, mine in zip(names, letters, strict=True) if any(head in mine for head in heads))
