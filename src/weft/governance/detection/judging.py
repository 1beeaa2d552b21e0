"""Judges a sample of a column: which kinds its values are of, and how sure that is."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from msgspec import Struct

from weft.governance.detection import identifiers, people, phones, places, technical
from weft.governance.detection.headers import headers, plain
from weft.governance.detection.kinds import Kind, Proof
from weft.governance.detection.leaves import Leaf
from weft.governance.detection.libraries import there
from weft.model.types import INTEGERS

_PROVED = 500
"""So many values of a sample that have a pattern are proved: the share among more of them is the same."""
_LIKELY = 3.0
"""Values that would have passed by accident once in a thousand columns are not by accident."""
_CERTAIN = frozenset({"ip", "mac", "iban", "birth-date", "coordinates", "email"})
_OVERLAP = 1.1
"""Two kinds that together are found in more than all values are found in the same ones."""
_HALF = 0.5
_SUREST = 0.99
_ANY_DAY = dt.date(2000, 1, 1)

_TEXTS = frozenset({"VARCHAR", "ENUM", "JSON", "VARIANT", "UNION"})
_DATES = frozenset({"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMPTZ"})
_FLOATS = frozenset({"FLOAT", "DOUBLE", "DECIMAL"})
_PEOPLE = headers(
    "people person persons customer customers client clients employee employees staff user users member members "
    "passenger passengers patient patients guest guests student students driver drivers applicant applicants "
    "subscriber subscribers contact contacts lead leads crew pilot kunden kunde mitarbeiter personal patienten "
    "personen personnes clientes empleados usuarios clienti dipendenti utenti klienci pracownicy voters "
    "beneficiaries crm hr"
)


class Evidence(Struct, frozen=True):
    """That values of a sample are of a kind.

    Attributes:
        share: of the sample's values, those that are.
        proved: of those that have the pattern, the share that passed the proof.
        sure: 0 to 1.
        named: whether the column's name says it.
    """

    kind: Kind
    share: float
    proved: float
    sure: float
    named: bool


@lru_cache(maxsize=4)
def contenders(today: dt.date) -> tuple[Kind, ...]:
    """All kinds, as of a day."""
    return (
        *technical.KINDS,
        *identifiers.KINDS,
        phones.KIND,
        phones.ABROAD,
        phones.AT_HOME,
        people.NAME,
        people.birth(today),
        places.ADDRESS,
        places.STREETS,
        places.PAIR,
        places.DEGREES,
    )


def wanting() -> tuple[str, ...]:
    """The kinds that cannot be looked for in full, since a library is not installed."""
    kinds = contenders(_ANY_DAY)
    return tuple(dict.fromkeys(k.id for k in kinds if k.package is not None and not there(k.package)))


def wanted(leaf: Leaf, kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """The kinds that values of a column can be of, by its type and its name."""
    name = plain(leaf.name)
    if leaf.type in _TEXTS:
        return tuple(k for k in kinds if k.alone is not None or _says(k, name) or k.weak.say(name))
    if leaf.type in _DATES:
        return tuple(k for k in kinds if k.id == "birth-date" and _says(k, name))
    if is_whole(leaf) or leaf.type in _FLOATS:
        return tuple(k for k in kinds if k.numeric and (k.alone is not None or _says(k, name)))
    return ()


def is_whole(leaf: Leaf) -> bool:
    """Whether a part holds whole numbers."""
    return leaf.type in INTEGERS or leaf.type == "BIGNUM" or (leaf.type == "DECIMAL" and leaf.scale == 0)


def is_text(leaf: Leaf) -> bool:
    """Whether a part holds texts."""
    return leaf.type in _TEXTS


def people_words(name: str) -> bool:
    """Whether the plain name of a table says that it is about people."""
    return _PEOPLE.say(name)


def judged(
    values: Sequence[str], name: str, kinds: Iterable[Kind], *, padded: bool
) -> tuple[list[Evidence], list[Evidence]]:
    """What a sample of distinct values is, and what it is if the table is one of people.

    Args:
        name: the column's, plain.
        padded: the values were numbers, so that leading zeros may be gone.
    """
    found: list[Evidence] = []
    doubtful: list[Evidence] = []
    for kind in kinds:
        if kind.unless.say(name) and kind.id != "email":
            continue
        named = _says(kind, name)
        if not named and kind.weak_proof is not None and kind.weak.say(name):
            evidence = _evidence(values, kind, kind.weak_proof, named=True, padded=False)
            if evidence is not None:
                doubtful.append(evidence)
        elif named or kind.alone is not None:
            evidence = _evidence(values, kind, kind.proof, named=named, padded=padded and named)
            if evidence is not None:
                found.append(evidence)
    return _settled(found, name), doubtful


def _says(kind: Kind, name: str) -> bool:
    return kind.says.say(name) or kind.generic.say(name)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)


def _evidence(values: Sequence[str], kind: Kind, proof: Proof | None, *, named: bool, padded: bool) -> Evidence | None:
    pattern = _compiled(kind.pattern)
    if padded and kind.width:
        values = [value.zfill(kind.width) for value in values]
    matched = [value for value in values if pattern.fullmatch(value)]
    least = kind.named if named or kind.alone is None else kind.alone
    if not matched or len(matched) < least * len(values):
        return None
    tried = matched[:_PROVED]
    passed = tried if proof is None else [value for value in tried if proof(value)]
    proved = len(passed) / len(tried)
    share = proved * len(matched) / len(values)
    if not passed or share < least:
        return None
    if not named:
        if -math.log10(kind.chance) * len(passed) < _LIKELY:
            return None
        if kind.together is not None and not kind.together(passed):
            return None
    few = 1 - kind.chance ** len(passed)
    by_values = (1 - kind.chance) * few * (_HALF + share / 2)
    if kind.alone is not None and share >= kind.alone:
        by_values = max(by_values, few * (0.6 + 0.35 * share))  # it has passed all gates
    by_name = kind.weight if named else 0.0
    return Evidence(kind, share, proved, round(min(1 - (1 - by_values) * (1 - by_name), _SUREST), 3), named)


def _settled(found: Sequence[Evidence], name: str) -> list[Evidence]:
    """One of each kind, one of those that exclude each other, and no phone where the digits are something else."""
    best: dict[str, Evidence] = {}
    for one in found:
        held = best.get(one.kind.id)
        if held is None or (one.named, one.share) > (held.named, held.share):
            best[one.kind.id] = one
    numbers = [one for one in best.values() if one.kind.exclusive]
    if numbers:
        first = max(numbers, key=lambda e: (e.share >= _HALF, e.kind.says.say(name), (1 - e.kind.chance) * e.share))
        best = {key: one for key, one in best.items() if one is first or not one.kind.exclusive}
    phone = best.get("phone")
    if phone is not None:
        rivals = [e for e in best.values() if e.kind.exclusive or e.kind.id in _CERTAIN]
        if any(e.named >= phone.named and e.share + phone.share > _OVERLAP for e in rivals):
            del best["phone"]
    return list(best.values())
