"""How texts and queries are cut into search terms: the same way on both sides."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable

STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "by",
        "do",
        "does",
        "for",
        "from",
        "had",
        "has",
        "have",
        "how",
        "i",
        "in",
        "into",
        "is",
        "it",
        "its",
        "many",
        "much",
        "my",
        "of",
        "on",
        "or",
        "our",
        "per",
        "show",
        "that",
        "the",
        "their",
        "this",
        "to",
        "was",
        "were",
        "what",
        "when",
        "where",
        "which",
        "who",
        "why",
        "with",
    ]
)
"""Words that say nothing of what is looked for; inside names they still count."""

_WORD = re.compile(r"[^\W_]+")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+")


def parts(text: str) -> list[str]:
    """The words inside a text, cut at snake_case, camelCase, digits and punctuation; lower case, singular, no accents.

    >>> parts("depDelay_2013 of New York's airports")
    ['dep', 'delay', '2013', 'of', 'new', 'york', 's', 'airport']
    """
    return [_singular(p.lower()) for word in _WORD.findall(_plain(text)) for p in _PARTS.findall(word)]


def name_terms(name: str) -> list[str]:
    """The terms of a name: its words, and all of them written as one, so that `tail num` and `tailnum` meet.

    >>> name_terms("on_time")
    ['on', 'time', 'ontime']
    """
    words = parts(name)
    return [*words, "".join(words)] if len(words) > 1 else words


def names_terms(names: Iterable[str]) -> list[str]:
    """The terms of several names."""
    return [term for name in names for term in name_terms(name)]


def squashed(name: str) -> str:
    """A name without case, separators and plural, for telling whether two names are the same.

    >>> squashed("carrier-daily") == squashed("CarrierDaily") == "carrierdaily"
    True
    """
    return "".join(parts(name))


def query_terms(words: str) -> list[tuple[str, float]]:
    """The terms of a query with their weights: stop words weigh little, two neighbours may be one word.

    >>> query_terms("the planes")
    [('the', 0.05), ('plane', 1.0)]
    """
    terms = list(dict.fromkeys(parts(words)))
    return [(t, 0.05 if t in STOP_WORDS and len(terms) > 1 else 1.0) for t in terms]


def joined_neighbours(words: str) -> dict[str, str]:
    """Each term of a query that stands before another one, with both written as one word.

    >>> joined_neighbours("tail num")
    {'tail': 'tailnum', 'num': 'tailnum'}
    """
    terms = parts(words)
    joined: dict[str, str] = {}
    for left, right in itertools.pairwise(terms):
        joined.setdefault(left, left + right)
        joined.setdefault(right, left + right)
    return joined


def distance(a: str, b: str, limit: int) -> int:
    """Edits that make one word of the other: insert, delete, replace, swap neighbours. Above `limit`: limit + 1.

    >>> distance("palnes", "planes", 2), distance("carier", "carrier", 2), distance("abc", "xyz", 1)
    (1, 1, 2)
    """
    if abs(len(a) - len(b)) > limit:
        return limit + 1
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row = row, [i] + [0] * len(b)
        for j, y in enumerate(b, 1):
            row[j] = min(previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                row[j] = min(row[j], before[j - 2] + 1)
        if min(row) > limit:
            return limit + 1
        before = previous
    return min(row[-1], limit + 1)


def tolerance(term: str) -> int:
    """How many typing errors a word of its length may hold: none up to 3 letters, one up to 7, two beyond."""
    if len(term) <= 3 or term.isdigit():
        return 0
    return 1 if len(term) <= 7 else 2


def _plain(text: str) -> str:
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
