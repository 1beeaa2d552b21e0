"""Semantic versions of contracts and products."""

from __future__ import annotations

import re

from msgspec import Struct

_SEMVER = re.compile(r"v?([0-9]{1,9})(?:\.([0-9]{1,9}))?(?:\.([0-9]{1,9}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")


class Version(Struct, frozen=True, order=True):
    """major.minor.patch; the major is the port's major version (Source: ODCS fundamentals, `version`)."""

    major: int
    minor: int = 0
    patch: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"

    def next_major(self) -> Version:
        """The version after a breaking change."""
        return Version(self.major + 1)

    def next_minor(self) -> Version:
        """The version after a compatible change."""
        return Version(self.major, self.minor + 1)


def parse_version(text: str) -> Version | None:
    """The version that a text names, or None; a leading `v` is accepted.

    >>> parse_version("v1.2.0")
    Version(major=1, minor=2, patch=0)
    >>> parse_version("latest") is None
    True
    """
    match = _SEMVER.fullmatch(text.strip())
    if match is None:
        return None
    return Version(int(match[1]), int(match[2] or 0), int(match[3] or 0))
