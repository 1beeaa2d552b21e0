"""Phone numbers: by the column's name, by an international prefix, or by being valid in one country."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, partial
from importlib import import_module
from typing import Any

from weft.governance.detection.headers import headers
from weft.governance.detection.kinds import Kind
from weft.model.classification import Classification

PATTERN = r"(?:\+|\(|\d)[\d ().\-/+]{4,22}\d(?: ?(?:x|ext\.?|#) ?\d{1,6})?"
REGIONS = {"US": "23456789", "GB": "0", "DE": "0", "FR": "0", "IT": "03", "NL": "0", "ES": "6789", "PL": "45678"}
"""Where a number without the code of its country is looked for, and the digits with which it begins there."""

_TRIED = 100
_INLAND = 0.9
_GIVEN_OUT = 0.6
_EXTENSION = re.compile(r" ?(?:x|ext\.?|#) ?\d{1,6}$")
_DIGITS = re.compile(r"\D")
_INTERNATIONAL = re.compile(r"(?:\+|00)[1-9(]")
_OTHERWISE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:[ T]\d\d:.*)?"  # a date
    r"|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{2}|\d{4})(?: \d\d:.*)?"
    r"|[\d ]*\d[.,]\d{1,2}|\d{1,3}(?:[.,]\d{3})+(?:[.,]\d{1,2})?"  # an amount
    r"|\d{1,3}(?:\.\d{1,3}){3}"  # an IP address
    r"|97[89][- ]\d.*"  # a book
    r"|\d{4}(?:[ -]\d{4}){2,3}(?:[ -]\d{1,3})?"  # a card, or a number of a state
    r"|\d{3}-\d{2}-\d{4}"  # a number of a state
)
_CODE = re.compile(
    r"\d{1,3}(?: \d{3})+"  # an amount
    r"|(?=[\d-]{12,13}$)\d{1,5}-\d{1,7}-\d{1,7}-\d"  # a book
)
_PARTED = re.compile(r"\(?\+?0?\d{1,5}[() ./-]+\d[\d ./()-]*(?: ?(?:x|ext\.?|#) ?\d{1,6})?")


def shaped(value: str) -> bool:
    """Whether it looks like a phone number and like nothing that looks so too.

    >>> shaped("+49 (0) 9141 777631"), shaped("2024-01-31"), shaped("1,299.00"), shaped("(591)341-7776")
    (True, False, False, True)
    """
    if _OTHERWISE.fullmatch(value):
        return False
    return 6 <= len(_DIGITS.sub("", _EXTENSION.sub("", value))) <= 16


def international(value: str) -> bool:
    """Whether it is shaped like one, and begins with the code of a country and has as many digits as numbers there."""
    return _INTERNATIONAL.match(value) is not None and shaped(value) and _possible(re.sub("^00", "+", value))


def parted(value: str) -> bool:
    """Whether it is shaped like one and written in groups, as people write phone numbers."""
    return shaped(value) and _PARTED.fullmatch(value) is not None and _CODE.fullmatch(value) is None


@lru_cache
def _library() -> Any:
    return import_module("phonenumbers")


def _possible(value: str) -> bool:
    library = _library()
    try:
        return bool(library.is_possible_number(library.parse(value, None)))
    except library.NumberParseException:
        return False


def valid_in(value: str, region: str) -> bool:
    """Whether a number is one that is given out in a country."""
    library = _library()
    try:
        return bool(library.is_valid_number(library.parse(value, region)))
    except library.NumberParseException:
        return False


def at_home(values: Sequence[str]) -> bool:
    """Whether there is a country in which most of the values are given out: of random numbers half are, at most."""
    some = values[:_TRIED]
    for region, first in REGIONS.items():
        abroad = sum(1 for value in some if _INTERNATIONAL.match(value) is not None)
        inland = [value for value in some if value.lstrip("(")[:1] in first]
        given_out = sum(valid_in(value, region) for value in inland)
        if len(inland) + abroad >= _INLAND * len(some) and given_out + abroad >= _GIVEN_OUT * len(some):
            return True
    return False


_SAYS = headers(
    "phone *phone phone_number telephone tel *tel telefon *telefon telefonnummer telefono telefone téléphone mobile "
    "mobil mobilnummer *mobile handy handynummer cell cellphone cellulare celular movil portable fax *fax gsm msisdn "
    "whatsapp sms_number numer_telefonu telefoon telefoonnummer rufnummer komorka 电话 手机 电话号码 手机号 電話 "
    "電話番号 телефон"
)
_UNLESS = headers(
    "at on date time seen updated verified status hash login count type model os id code extension prefix duration "
    "minutes cost price version brand calls"
)

_phone = partial(
    Kind,
    id="phone",
    title="phone number",
    tag="pii.phone",
    level=Classification.CONFIDENTIAL,
    says=_SAYS,
    unless=_UNLESS,
)

KIND = _phone(
    pattern=PATTERN,
    proof=shaped,
    chance=0.5,
    named=0.6,
    alone=None,
    weight=0.75,
    numeric=True,
)
"""Under a name that says so."""

ABROAD = _phone(
    pattern=r"(?:\+|00)[1-9(][\d ().\-/]{5,22}\d(?: ?(?:x|ext\.?|#) ?\d{1,6})?",
    proof=international,
    chance=0.1,
    named=0.3,
    alone=0.3,
    package="phonenumbers",
)
"""With the code of a country."""

AT_HOME = _phone(
    pattern=PATTERN,
    proof=parted,
    chance=0.5,
    named=0.6,
    alone=0.7,
    together=at_home,
    package="phonenumbers",
)
"""In groups, and given out in a country."""
