"""Patterns: what a regular expression of a contract is in the words of a server.

A contract's pattern has the syntax of ECMA-262. DuckDB reads it with RE2: classes like `\\d` are those of ASCII, `.` is
anything but a line feed, `$` is the very end. Servers differ in all of these, so each of them is written out.
"""

from __future__ import annotations

from collections.abc import Callable

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": "\\t\\n\\f\\r "}
_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "digit": "0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "space": "\\t\\n\\v\\f\\r ",
    "xdigit": "0-9A-Fa-f",
    "word": "0-9A-Za-z_",
}
_CONTROLS = {"t": "\\t", "n": "\\n", "r": "\\r", "f": "\\f", "v": "\\v"}
_WORD = "[0-9A-Za-z_]"
_EDGE = f"(?:(?<!{_WORD})(?={_WORD})|(?<={_WORD})(?!{_WORD}))"
_INNER = f"(?:(?<!{_WORD})(?!{_WORD})|(?<={_WORD})(?={_WORD}))"
_ANYTHING = ("\\s\\S", "\\S\\s", "\\d\\D", "\\D\\d", "\\w\\W", "\\W\\w")
_SPECIAL = frozenset("\\^$.|?*+()[]{}")


class Unsayable(ValueError):
    """A pattern has something that the server's expressions do not have; the text says what."""


def pattern_for(pattern: str, dialect: str) -> str:
    """A contract's pattern as a server reads it.

    >>> pattern_for("^\\\\d{3}.$", "postgres"), pattern_for("^\\\\d{3}.$", "mysql")
    ('(?:^[0-9]{3}[^\\\\n]$)', '(?:^[0-9]{3}[^\\\\n]\\\\z)')

    Raises:
        Unsayable: the server has no words for it.
    """
    beginning = ""
    if pattern.startswith("(?i)"):
        beginning, pattern = "(?i)", pattern[4:]
    return f"{beginning}(?:{_Reader(pattern, dialect).read()})"


class _Reader:
    """Reads a pattern from left to right and writes the same for a server."""

    def __init__(self, pattern: str, dialect: str) -> None:
        self._text = pattern
        self._postgres = dialect == "postgres"
        self._at = 0
        self._out: list[str] = []

    def read(self) -> str:
        kinds: dict[str, Callable[[], None]] = {
            "\\": self._escape,
            "[": self._set,
            "(": self._group,
        }
        while self._at < len(self._text):
            character = self._text[self._at]
            if character in kinds:
                kinds[character]()
                continue
            self._at += 1
            if character == ".":
                self._out.append("[^\\n]")
            elif character == "$":
                self._out.append("$" if self._postgres else "\\z")
            elif character == "{" and not self._counts():
                self._out.append("\\{")
            elif character == "+" and self._out and self._text[self._at - 2] in "*+?}" and self._at > 1:
                raise Unsayable("a possessive quantifier")
            else:
                self._out.append(character)
        return "".join(self._out)

    def _counts(self) -> bool:
        """Whether a brace begins a quantifier; elsewhere it stands for itself."""
        inner, closed, _ = self._text[self._at :].partition("}")
        low, _, high = inner.partition(",")
        return bool(closed) and low.isascii() and low.isdigit() and (not high or high.isdigit())

    def _take(self, count: int) -> str:
        taken = self._text[self._at : self._at + count]
        self._at += count
        return taken

    def _escape(self) -> None:
        self._at += 1
        if self._at >= len(self._text):
            raise Unsayable("a backslash at its end")
        letter = self._take(1)
        if letter in _CLASSES:
            self._out.append(f"[{_CLASSES[letter]}]")
        elif letter.lower() in _CLASSES:
            self._out.append(f"[^{_CLASSES[letter.lower()]}]")
        elif letter in "bB":
            self._out.append(_EDGE if letter == "b" else _INNER)
        elif letter in "Az":
            self._out.append({"A": "\\A", "z": "\\Z" if self._postgres else "\\z"}[letter])
        elif letter in "123456789":
            self._out.append(f"\\{letter}")
        elif letter in "pP" and not self._postgres:
            self._out.append(f"\\{letter}{self._property()}")
        else:
            self._out.append(self._literal(letter))

    def _property(self) -> str:
        if not self._text[self._at :].startswith("{"):
            return self._take(1)
        return self._take(self._text[self._at :].find("}") + 1)

    def _literal(self, letter: str) -> str:
        """A character that is escaped, as the server writes it."""
        if letter in _CONTROLS:
            return _CONTROLS[letter]
        if letter in "xu":
            digits = self._take(2 if letter == "x" else 4)
            try:
                return _written(chr(int(digits, 16)))
            except ValueError:
                raise Unsayable(f"`\\{letter}{digits}`") from None
        if letter.isalnum():
            raise Unsayable(f"`\\{letter}`")
        return _written(letter)

    def _group(self) -> None:
        rest = self._text[self._at :]
        for opening in ("(?:", "(?=", "(?!", "(?<=", "(?<!"):
            if rest.startswith(opening):
                self._out.append(self._take(len(opening)))
                return
        if rest.startswith(("(?<", "(?P<")):
            self._take(rest.find(">") + 1)
            self._out.append("(")
            return
        if rest.startswith("(?"):
            raise Unsayable(f"`{rest[:3]}`")
        self._out.append(self._take(1))

    def _set(self) -> None:
        for anything in _ANYTHING:
            if self._text[self._at :].startswith(f"[{anything}]"):
                self._take(len(anything) + 2)
                self._out.append("(?:[^\\n]|\\n)")
                return
        self._at += 1
        negated = self._text[self._at : self._at + 1] == "^"
        self._at += negated
        parts: list[str] = []
        while True:
            if self._at >= len(self._text):
                raise Unsayable("a set of characters that does not end")
            character = self._take(1)
            if character == "]":
                break
            parts.append(self._in_set(character))
        if not parts:
            raise Unsayable("an empty set of characters")
        self._out.append(f"[{'^' * negated}{''.join(parts)}]")

    def _in_set(self, character: str) -> str:
        if character == "[":
            if self._text[self._at : self._at + 1] == ":":
                name, closed, _ = self._text[self._at + 1 :].partition(":]")
                if closed and name in _POSIX:
                    self._at += len(name) + 3
                    return _POSIX[name]
            return "\\["
        if character == "\\":
            letter = self._take(1)
            if letter in _CLASSES:
                return _CLASSES[letter]
            if letter == "b":
                return "\\x08"
            if letter.lower() in _CLASSES:
                raise Unsayable(f"`\\{letter}` in a set of characters")
            if letter in "pP" and not self._postgres:
                return f"\\{letter}{self._property()}"
            return self._literal(letter)
        if character == "^":
            return "\\^"
        if character == "&":
            return "\\&"
        return character


def _written(character: str) -> str:
    if character in _SPECIAL or character in "-/&":
        return f"\\{character}" if character != "/" else "/"
    return character
