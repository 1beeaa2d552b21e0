"""Likely bindings: which term a column that is bound to none may mean, and how sure that is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct

from weft.governance.concepts import bindings, fits_type, listed_values, unit_of
from weft.governance.glossary import Glossary, Term
from weft.model.odcs import Property

LEAST = 0.5
"""The confidence from which on a binding is suggested."""

_NAMED, _PART, _SYNONYM = 0.85, 0.55, 0.05
_PART_MORE = 0.25
_CODES, _UNIT, _DESCRIBED = 0.1, 0.05, 0.05
_OTHER_TYPE = 0.5
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_a-zA-Z]+")


class Suggestion(Struct, frozen=True):
    """That a column may mean a term.

    Attributes:
        column: path of names from the column down.
        confidence: from 0 to 1.
        why: what speaks for it and against it, in words.
    """

    column: tuple[str, ...]
    term: str
    confidence: float
    why: str


class Suggester:
    """Suggests terms of a glossary, for the columns of one domain after the other."""

    def __init__(self, glossary: Glossary) -> None:
        self._glossary = glossary
        self._names: dict[tuple[str, ...], list[tuple[Term, str]]] = {}
        for term in glossary.terms.values():
            if term.status == "deprecated":
                continue
            called = [(term.id, "name"), (term.title, "title"), *((s, f"synonym `{s}`") for s in term.synonyms)]
            for name, how in called:
                named = self._names.setdefault(tokens(name), [])
                if all(one is not term for one, _ in named):
                    named.append((term, how))
        self._names.pop((), None)
        self._longest = max(map(len, self._names), default=0)

    def suggestions(
        self, domain: str, columns: Iterable[Property], least: float = LEAST
    ) -> Iterator[tuple[Property, Suggestion]]:
        """For each column without a binding the terms that it may mean, the likeliest first.

        Args:
            least: confidence from which on a term is told.
        """
        for column in columns:
            if bindings(column, domain, self._glossary):
                continue
            found = [one for one in self._of(domain, column) if one.confidence >= least]
            for one in sorted(found, key=lambda s: (-s.confidence, s.term)):
                yield column, one

    def _of(self, domain: str, column: Property) -> Iterator[Suggestion]:
        best: dict[str, tuple[Term, float, str]] = {}
        for name, of in ((column.name, "its name"), (str(column.data.get("businessName") or ""), "its business name")):
            whole = tokens(name)
            for part in _parts(whole, self._longest):
                for term, how in self._names.get(part, ()):
                    if term.domain not in (None, domain):
                        continue  # another domain's terms are bound to on purpose
                    sure = _NAMED if part == whole else _PART + _PART_MORE * len(part) / len(whole)
                    if part != whole and whole[-len(part) :] != part:
                        sure -= 0.2  # `currency_rate` is a rate: what a name ends with is what it is
                    sure -= _SYNONYM if how not in ("name", "title") else 0
                    said = f"{of} {'is' if part == whole else 'has'} the {how}"
                    if term.name not in best or best[term.name][1] < sure:
                        best[term.name] = (term, sure, said)
        for term, sure, said in best.values():
            yield _weighed(column, term, sure, said)


def tokens(name: str) -> tuple[str, ...]:
    """The words of a name, small and in the singular.

    >>> tokens("OriginAirportCodes"), tokens("ISO_4217-currency")
    (('origin', 'airport', 'code'), ('iso', '4217', 'currency'))
    """
    return tuple(_singular(word.lower()) for word in _WORD.findall(name))


def _singular(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _parts(whole: tuple[str, ...], longest: int) -> Iterator[tuple[str, ...]]:
    """The stretches of some words, which names of terms may be; nobody names a column with more than 12."""
    words = whole[:12]
    for size in range(1, min(len(words), longest) + 1):
        for start in range(len(words) - size + 1):
            yield words[start : start + size]


def _weighed(column: Property, term: Term, sure: float, said: str) -> Suggestion:
    weights: list[tuple[float, str]] = []
    own, codes = listed_values(column), term.standard.values
    if own and codes:
        within = set(own) <= set(codes)
        weights.append((_CODES, "its codes are the term's") if within else (-_CODES, "its codes are others"))
    if term.standard.unit is not None and unit_of(column) == term.standard.unit:
        weights.append((_UNIT, "it has the term's unit"))
    described, titled = tokens(column.description or ""), tokens(term.title)
    if any(described[n : n + len(titled)] == titled for n in range(len(described) - len(titled) + 1)):
        weights.append((_DESCRIBED, "its description names it"))
    sure += sum(weight for weight, _ in weights)
    reasons = [said, *(reason for _, reason in weights)]
    if not fits_type(column, term):
        sure *= _OTHER_TYPE
        reasons.append("its type is another one")
    return Suggestion(column.path, term.name, round(max(0.0, min(sure, 0.99)), 2), "; ".join(reasons))
