"""Labels: the level and tags of a column in one number, so that joining what several sources have is one `|`.

A level sets its bit and those of all lower ones; each tag has a bit of its own. A label holds another one when it has
all its bits.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from weft.model.classification import Classification

PUBLIC = 0
"""The label of what nobody has said anything of: no more than public, without tags."""

_LEVELS = tuple((1 << level.value) - 1 for level in Classification)
_ALL_LEVELS = _LEVELS[-1]
_FIRST_TAG = len(Classification) - 1


class Label(Struct, frozen=True):
    """A level and tags, in the order of their names."""

    level: Classification = Classification.PUBLIC
    tags: tuple[str, ...] = ()


class Labels:
    """Numbers of labels; a tag gets its bit when it is first met."""

    def __init__(self) -> None:
        self._bits: dict[str, int] = {}
        self._tags: list[str] = []

    def number(self, level: Classification | None, tags: Iterable[str] = ()) -> int:
        """The number of a level and tags."""
        found = _LEVELS[level] if level is not None else PUBLIC
        for tag in tags:
            found |= self.of_tag(tag)
        return found

    def of_tag(self, tag: str) -> int:
        """The bit of a tag."""
        bit = self._bits.get(tag)
        if bit is None:
            bit = self._bits[tag] = 1 << (_FIRST_TAG + len(self._tags))
            self._tags.append(tag)
        return bit

    def label(self, number: int) -> Label:
        """The level and tags of a number."""
        return Label(level_of(number), self.tags(number))

    def tags(self, number: int) -> tuple[str, ...]:
        """The tags of a number, by name."""
        left = number >> _FIRST_TAG
        found = []
        while left:
            lowest = left & -left
            found.append(self._tags[lowest.bit_length() - 1])
            left ^= lowest
        return tuple(sorted(found))


def level_of(number: int) -> Classification:
    """The level of a number."""
    return Classification((number & _ALL_LEVELS).bit_length())


def bit_of(level: Classification) -> int:
    """The bit that only this level and higher ones have; 0 for public, which everything has."""
    return _LEVELS[level] & ~_LEVELS[level - 1] if level else PUBLIC
