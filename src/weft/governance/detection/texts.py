"""Free text: what stands in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from weft.governance.detection.identifiers import nino
from weft.governance.detection.kinds import Proof
from weft.governance.detection.libraries import proved, there
from weft.governance.detection.phones import international, shaped
from weft.governance.detection.technical import EMAIL, card, email, iban, ip, spread
from weft.model.classification import Classification

_WORDS = 4
_MATCHES = 3
_TEXTS = 0.2
"""A column is of texts when so many of its values have at least `_WORDS` words."""


class Inside(Struct, frozen=True):
    """What can stand in a text.

    Attributes:
        hint: what it cannot be without; quickly found by DuckDB.
        least: the least share of what has the pattern that has to be proved, so that it is not by accident.
        texts: in how many texts it has to stand.
    """

    kind: str
    hint: str
    pattern: str
    proof: Proof
    level: Classification
    least: float
    texts: int
    package: str | None = None


def _written(value: str) -> bool:
    if value.startswith("+"):
        return international(value) if there("phonenumbers") else shaped(value)
    return shaped(value)


def _host(value: str) -> bool:
    return ip(value) and spread((value,))


def _ssn(value: str) -> bool:
    return proved("us.ssn", value)


INSIDE = (
    Inside("email", r"\w@\w", rf"\b{EMAIL}", email, Classification.CONFIDENTIAL, 0.3, 1),
    Inside(
        "iban",
        r"[A-Z]{2}\d{2} ?[A-Z0-9]{4}",
        r"\b[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}\b",
        iban,
        Classification.RESTRICTED,
        0.3,
        1,
        "stdnum",
    ),
    Inside(
        "card",
        r"\d{4}[ -]?\d{4}[ -]?\d{4}",
        r"\b\d{4}(?:[ -]?\d{4}){2}(?:[ -]?\d{1,7})\b",
        card,
        Classification.RESTRICTED,
        0.5,
        2,
    ),
    Inside(
        "phone",
        r"\+\d|\(\d{3}",
        r"\+\d{1,3}[ ./-]?\(?\d[\d ()./-]{5,18}\d\b|\(\d{3,5}\)[ -]?\d[\d -]{4,10}\d\b",
        _written,
        Classification.CONFIDENTIAL,
        0.5,
        2,
    ),
    Inside(
        "us-ssn",
        r"\d{3}-\d{2}-\d{4}",
        r"\b\d{3}-\d{2}-\d{4}\b",
        _ssn,
        Classification.RESTRICTED,
        0.97,
        5,
        "stdnum",
    ),
    Inside(
        "gb-nino",
        r"[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]",
        r"\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b",
        nino,
        Classification.RESTRICTED,
        0.8,
        2,
    ),
    Inside(
        "ip",
        r"\d\.\d{1,3}\.\d{1,3}\.\d",
        r"(?<![\w./-])\d{1,3}(?:\.\d{1,3}){3}(?![\w.-])",
        _host,
        Classification.CONFIDENTIAL,
        0.8,
        3,
    ),
)
"""What is looked for in texts."""

HINTS = "|".join(one.hint for one in INSIDE)
"""What a text has in which any of them stands."""

_COMPILED = {one.kind: re.compile(one.pattern, re.ASCII) for one in INSIDE}
_HINTS = {one.kind: re.compile(one.hint, re.ASCII) for one in INSIDE}


def of_texts(values: Sequence[str]) -> bool:
    """Whether a column's values are texts rather than names, codes or numbers."""
    many = sum(1 for value in values if value.count(" ") >= _WORDS - 1 or len(value) > 80)
    return bool(values) and many >= _TEXTS * len(values)


class Contained(Struct, frozen=True):
    """What stands in texts.

    Attributes:
        inside: the kinds.
        hint: the pattern by which texts are counted.
        texts: in how many of those that were searched something stands.
        proved: of those that have the hint, the share in which it stands.
    """

    inside: tuple[Inside, ...]
    hint: str
    texts: int
    proved: float


def contained(values: Sequence[str], but: frozenset[str]) -> Contained | None:
    """What stands in texts, in enough of them and proved; None where nothing does.

    Args:
        but: kinds that need not be looked for.
    """
    found: list[Inside] = []
    where: set[int] = set()
    for one in INSIDE:
        if one.kind in but or (one.package is not None and not there(one.package)):
            continue
        stands, proved = _stands(one, values)
        if stands and proved >= one.least and len(stands) >= min(one.texts, max(1, len(values) // 4)):
            found.append(one)
            where |= stands
    if not found:
        return None
    hinted = sum(1 for value in values if any(_HINTS[one.kind].search(value) for one in found))
    hint = "|".join(one.hint for one in found)
    return Contained(tuple(found), hint, len(where), len(where) / hinted)


def _stands(one: Inside, values: Sequence[str]) -> tuple[set[int], float]:
    """In which texts something stands, and the share of what has its pattern that was proved."""
    pattern, hint = _COMPILED[one.kind], _HINTS[one.kind]
    stands: set[int] = set()
    right = tried = 0
    for place, value in enumerate(values):
        if hint.search(value) is None:
            continue
        matched = pattern.findall(value)[:_MATCHES]
        good = sum(1 for match in matched if one.proof(match.strip()))
        tried, right = tried + len(matched), right + good
        if good:
            stands.add(place)
    return stands, right / tried if tried else 0.0
