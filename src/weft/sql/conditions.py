"""Filters of the data API: a small grammar of its own, parsed here and written anew as SQL with typed literals.

    condition := term (`or` term)*            term  := factor (`and` factor)*
    factor    := `not` factor | `(` condition `)` | column test
    test      := (`=` | `!=` | `<>` | `<` | `<=` | `>` | `>=`) value | `is` [`not`] `null`
               | [`not`] `in` `(` value (`,` value)* `)` | [`not`] `between` value `and` value
               | [`not`] (`like` | `ilike`) text

Nothing of the text goes into SQL: names are looked up among the columns that the reader has, values become literals of
their column's type, and all else is words of the grammar. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from msgspec import Struct

from weft.errors import UsageError, did_you_mean, error
from weft.sql.literals import Kind, kind_of, written
from weft.sql.quoting import ident

LONGEST = 8_000
"""Characters of a filter."""

_DEEPEST = 40
_MOST_VALUES = 1_000
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")+")
      | (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![A-Za-z0-9_.])
      | (?P<word>[^\W\d]\w*)
      | (?P<sign><=|>=|<>|!=|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_WORDS = frozenset({"and", "or", "not", "in", "is", "null", "between", "like", "ilike", "true", "false"})
_COMPARE = {"=": "=", "!=": "<>", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class _Token(Struct, frozen=True):
    kind: str
    text: str
    at: int


def condition(text: str, columns: Mapping[str, str]) -> str:
    """A filter as a condition of SQL; equal filters that are written differently become the same text.

    >>> condition("seats > 100 and model like 'A3%'", {"seats": "INTEGER", "model": "VARCHAR"})
    '(("seats" > 100) AND ("model" LIKE \\'A3%\\'))'

    Args:
        columns: DuckDB's types by name, of those columns that the reader sees and no others.

    Raises:
        UsageError: WFT-SRV-060 it is no filter, WFT-SRV-061 there is no such column, WFT-SRV-062 a value or an operator
            that the column's type does not have.
    """
    return _Parser(text, columns).parsed()


def column_named(name: str, columns: Mapping[str, str]) -> str:
    """The column that a name means, whatever its case, as it is written in the contract.

    Raises:
        UsageError: WFT-SRV-061, the reader has no such column.
    """
    if name in columns:
        return name
    found = [one for one in columns if one.lower() == name.lower()]
    if len(found) == 1:
        return found[0]
    raise UsageError(
        error("WFT-SRV-061", f"there is no column `{name[:80]}`", fix=did_you_mean(name[:80], list(columns)))
    )


class _Parser:
    def __init__(self, text: str, columns: Mapping[str, str]) -> None:
        if len(text) > LONGEST:
            raise _refused(LONGEST, f"the filter has more than {LONGEST:,} characters")
        self._tokens = _tokens(text)
        self._columns = columns
        self._next = self._values = 0

    def parsed(self) -> str:
        made = self._either(0)
        if self._token.kind != "end":
            raise self._unexpected("`and`, `or` or the end")
        return made

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _is(self, *words: str) -> bool:
        return self._token.kind in ("word", "sign") and self._token.text.lower() in words

    def _take(self, *words: str) -> bool:
        if self._is(*words):
            self._next += 1
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected(f"`{word}`")

    def _either(self, depth: int) -> str:
        return self._chain("or", depth, lambda: self._chain("and", depth, lambda: self._factor(depth)))

    def _chain(self, word: str, depth: int, part: Callable[[], str]) -> str:
        parts = [part()]
        while self._take(word):
            parts.append(part())
        return parts[0] if len(parts) == 1 else f"({f' {word.upper()} '.join(parts)})"

    def _factor(self, depth: int) -> str:
        if depth > _DEEPEST:
            raise _refused(self._token.at, "the filter is nested too deeply")
        if self._take("not"):
            return f"(NOT {self._factor(depth + 1)})"
        if self._take("("):
            made = self._either(depth + 1)
            self._expect(")")
            return made
        return self._test()

    def _test(self) -> str:
        token = self._token
        if token.kind == "quoted":
            name = token.text[1:-1].replace('""', '"')
        elif token.kind == "word" and token.text.lower() not in _WORDS:
            name = token.text
        else:
            raise self._unexpected("the name of a column")
        self._next += 1
        name = column_named(name, self._columns)
        type_ = self._columns[name]
        if self._take("is"):
            negated = self._take("not")
            self._expect("null")
            return f"({ident(name)} IS {'NOT ' if negated else ''}NULL)"
        kind = kind_of(type_)
        if kind is None:
            why = "values of its type have no order, and no form in a filter"
            raise UsageError(
                error("WFT-SRV-062", f"`{name}` is {type_}, and can only be asked whether it is null", why=why)
            )
        return self._compared(name, type_, kind)

    def _compared(self, name: str, type_: str, kind: Kind) -> str:
        quoted = ident(name)
        if self._token.kind == "sign" and self._token.text in _COMPARE:
            sign = _COMPARE[self._token.text]
            self._next += 1
            return f"({quoted} {sign} {self._value(name, type_, kind)})"
        negated = "NOT " if self._take("not") else ""
        if self._take("in"):
            self._expect("(")
            values = [self._value(name, type_, kind)]
            while self._take(","):
                values.append(self._value(name, type_, kind))
            self._expect(")")
            return f"({quoted} {negated}IN ({', '.join(values)}))"
        if self._take("between"):
            low = self._value(name, type_, kind)
            self._expect("and")
            return f"({quoted} {negated}BETWEEN {low} AND {self._value(name, type_, kind)})"
        if self._is("like", "ilike"):
            word = self._token.text.upper()
            self._next += 1
            if kind is not Kind.TEXT:
                raise UsageError(error("WFT-SRV-062", f"`{name}` is {type_}, and `{word.lower()}` is for texts"))
            return f"({quoted} {negated}{word} {self._value(name, type_, kind)})"
        raise self._unexpected("an operator: = != < <= > >= in between like ilike is")

    def _value(self, name: str, type_: str, kind: Kind) -> str:
        token = self._token
        if token.kind == "text":
            given: str | bool = token.text[1:-1].replace("''", "'")
        elif token.kind == "number":
            given = token.text
        elif self._is("true", "false"):
            given = token.text.lower() == "true"
        else:
            raise self._unexpected("a value: a number, a text in '…', true or false")
        self._values += 1
        if self._values > _MOST_VALUES:
            raise _refused(token.at, f"the filter has more than {_MOST_VALUES:,} values")
        self._next += 1
        made = written(given, type_, kind, quoted=token.kind == "text")
        if made is None:
            like = "a text in '…'" if kind is Kind.TEXT else kind.value
            what = f"character {token.at + 1} of the filter is no value of `{name}`, which is {type_}"
            raise UsageError(error("WFT-SRV-062", what, fix=f"write {like}"))
        return made

    def _unexpected(self, wanted: str) -> UsageError:
        return _refused(self._token.at, f"{wanted} is expected")


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise _refused(at, "there is no such sign in a filter")
        assert match.lastgroup is not None, "each way through the pattern has a name"
        found.append(_Token(match.lastgroup, match[match.lastgroup], match.start(match.lastgroup)))
        at = match.end()
    found.append(_Token("end", "", len(text)))
    return found


def _refused(at: int, what: str) -> UsageError:
    return UsageError(
        error(
            "WFT-SRV-060",
            f"character {at + 1} of the filter: {what}",
            why="a filter is made of columns, values and and/or/not/in/like/between/is null; it is no SQL",
            fix="for example `where=seats > 100 and model like 'A3%'`; `weft query` and /api/v1/query take SQL",
        )
    )
