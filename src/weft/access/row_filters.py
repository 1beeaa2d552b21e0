"""Row filters of policies: a condition in SQL over a row and its reader, with the reader's attributes as literals.

Pure: the text is only cut into words, so that a decision needs no engine. What a word means, the binder says when the
filter is checked and when it runs.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

from msgspec import Struct

from weft.sql.quoting import ident, literal

NAMES = frozenset({"name", "kind", "teams", "domains"})
"""What every reader has: two texts and two lists; every other attribute is a list that a policy gives."""
_TEXTS = frozenset({"name", "kind"})
_WORD = re.compile(
    r"""(?P<text>[A-Za-z_]*'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*")|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"""
    r"""|(?P<blank>\s+)|(?P<number>[0-9][0-9A-Za-z_.]*)|(?P<mark>.)""",
    re.DOTALL,
)
_QUERIES = frozenset(
    {"select", "values", "from", "pivot", "unpivot", "describe", "desc", "summarize", "with", "table", "show"}
)
"""What a query may begin with: behind an opening parenthesis none of them stands in a condition on one row."""
_REFUSED_MARKS = frozenset(";$?\\")


class Unusable(Exception):
    """A filter that cannot be used; the text says why."""


class _Word(Struct, frozen=True):
    kind: str
    text: str

    @property
    def name(self) -> str | None:
        """The name that it is, folded; None for what is none."""
        if self.kind == "quoted":
            return self.text[1:-1].replace('""', '"').lower()
        return self.text.lower() if self.kind == "word" else None


def attributes_of(text: str) -> tuple[str, ...]:
    """The attributes of the reader that a filter asks for.

    Raises:
        Unusable: it is no condition on one row.
    """
    return tuple(dict.fromkeys(name for name, _ in _parted(text) if name is not None))


def bound(text: str, reader: Mapping[str, str | Iterable[str]]) -> str:
    """The filter with the attributes of a reader in the place of `user.…`.

    A reader without an attribute has an empty list for it, or the empty text.

    >>> bound("region IN user.region AND owner = user.name", {"name": "ada", "region": ["north"]})
    "region IN CAST(['north'] AS VARCHAR[]) AND owner = 'ada'"

    Raises:
        Unusable: it is no condition on one row.
    """
    found = []
    for name, words in _parted(text):
        found.append(words if name is None else _literal(name, reader))
    return "".join(found)


def query(text: str, table: str = "port") -> str:
    """A SELECT of all rows that a filter keeps, for the walker and for the binder; attributes are empty.

    Raises:
        Unusable: it is no condition on one row.
    """
    return f"SELECT 1 FROM {ident(table)} WHERE ({bound(text, {})}\n)"


def _parted(text: str) -> Iterator[tuple[str | None, str]]:
    """The text in pieces: as it stands, or the name of an attribute with the words that ask for it."""
    words = [_Word(str(m.lastgroup), m.group()) for m in _WORD.finditer(text)]
    _require_condition(words)
    at = 0
    while at < len(words):
        dot, before = _after(words, at), _before(words, at)
        whole = words[at].name == "user" and (before is None or words[before].text != ".")
        if whole and dot is not None and words[dot].text == ".":
            end = _after(words, dot)
            name = words[end].name if end is not None else None
            if end is None or name is None:
                raise Unusable("behind `user.` stands no name of an attribute")
            yield name, ""
            at = end + 1
            continue
        yield None, words[at].text
        at += 1


def _require_condition(words: list[_Word]) -> None:
    if not any(word.kind != "blank" for word in words):
        raise Unusable("it is empty")
    depth, before = 0, ""
    marks = [word.text for word in words if word.kind == "mark"]
    solid = [word for word in words if word.kind != "blank"]
    for one, other in itertools.pairwise(words):
        if (one.text, other.text) in (("-", "-"), ("/", "*")):
            raise Unusable("it holds a comment")
    for word in solid:
        if word.kind == "mark" and (word.text in _REFUSED_MARKS or word.text in "'\""):
            raise Unusable(f"`{word.text}` is not allowed in it")
        if word.kind == "text" and not word.text.startswith("'"):
            raise Unusable("it holds a text with a prefix")
        query = word.kind == "word" and word.text.lower() in _QUERIES
        if query and (word.text.lower() == "select" or before == "("):
            raise Unusable(f"`{word.text}` begins a query: a filter looks at one row")
        before = word.text
        depth += (word.text == "(") - (word.text == ")")
        if depth < 0:
            raise Unusable("a parenthesis is closed that was not opened")
    if depth:
        raise Unusable("a parenthesis is not closed")
    if marks.count("[") != marks.count("]"):
        raise Unusable("a bracket is not closed")


def _after(words: list[_Word], at: int) -> int | None:
    return next((i for i in range(at + 1, len(words)) if words[i].kind != "blank"), None)


def _before(words: list[_Word], at: int) -> int | None:
    return next((i for i in range(at - 1, -1, -1) if words[i].kind != "blank"), None)


def _literal(name: str, reader: Mapping[str, str | Iterable[str]]) -> str:
    value = reader.get(name, "" if name in _TEXTS else ())
    if isinstance(value, str):
        return literal(value)
    return f"CAST([{', '.join(map(literal, value))}] AS VARCHAR[])"
