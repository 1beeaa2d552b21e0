"""What the name of a column says of its values, in several languages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_A-Za-z]+")


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """A name in lower case without accents and digits, its words parted by `_`.

    >>> plain("contactEMail2"), plain("Straße / Nr."), plain("customer.phone_number")
    ('contact_email', 'strasse_nr', 'customer_phone_number')
    """
    name = name.replace("ß", "ss").replace("ł", "l").replace("Ł", "L").replace("ø", "o")
    name = unicodedata.normalize("NFKD", name.replace("EMail", "Email"))
    name = "".join(c for c in name if not unicodedata.combining(c))
    return "_".join(word.lower() for word in _WORDS.findall(name))


class Headers:
    """Names that say something: words, and phrases whose words are parted by `_`.

    A phrase stands somewhere in the name; one that begins with `*` ends a word of it (`*email` is in `kundenemail`).
    """

    def __init__(self, phrases: Iterable[str]) -> None:
        whole = [re.escape(p) for p in phrases if not p.startswith("*")]
        ending = [rf"[^_]*{re.escape(p[1:])}" for p in phrases if p.startswith("*")]
        self._said = re.compile(rf"(?:^|_)(?:{'|'.join([*whole, *ending])})(?=_|$)") if whole or ending else None

    def say(self, name: str) -> bool:
        """Whether a plain name has one of the phrases."""
        return self._said is not None and self._said.search(name) is not None


def headers(text: str) -> Headers:
    """Phrases that are parted by blanks."""
    return Headers(tuple(text.split()))
