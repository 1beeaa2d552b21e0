"""Access policies as values: what of which ports is hidden from whom, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal

from msgspec import Struct, field

from weft.access.masks import NULL, Mask
from weft.errors import Diagnostic, has_errors
from weft.model.address import Address
from weft.model.classification import Classification


class Who(Struct, frozen=True):
    """Readers, and what they read for. What is named must hold all at once; of users to products one is enough.

    Attributes:
        purposes: globs over the purpose of a grant, without regard to case.
        roles: roles of the contract that a grant is for.
        domain_roles: what the reader is in the domain of the port.
        attributes: at least one of the values of each.
        named: that the grant names the column.
        clearance: the reader's, at least.
    """

    users: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    domain_roles: tuple[str, ...] = ()
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()
    named: bool = False
    clearance: Classification | None = None

    @property
    def nobody(self) -> bool:
        """Whether nothing is named."""
        return self == _NOBODY


_NOBODY = Who()


class Rule(Struct, frozen=True):
    """One rule of a policy: it only ever takes away.

    Attributes:
        rule_id: its name in its file.
        file: and `line`: where it stands.
        domain: whose it is; None: the mesh's.
        sentence: what it is for, in words.
        ports: globs over addresses, or what they begin with; none: all ports (of the domain).
        columns: globs over columns and fields (`address.street`); none: all that the others mean.
        levels: of the columns that it is about.
        tags: of the columns that it is about, or of their contract.
        when: whom it is about; nothing named: everybody.
        unless: whom it spares.
    """

    rule_id: str
    effect: Literal["deny", "mask", "filter"]
    file: str
    line: int = 1
    domain: str | None = None
    sentence: str = ""
    ports: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    levels: frozenset[Classification] = frozenset()
    tags: tuple[str, ...] = ()
    when: Who = _NOBODY
    unless: Who = _NOBODY
    mask: Mask | None = None
    condition: str | None = None

    @property
    def of_columns(self) -> bool:
        """Whether it is about some columns, not about the port as a whole."""
        return bool(self.columns or self.levels or self.tags)

    def about(self, port: Address) -> bool:
        """Whether it is about a port."""
        if self.domain is not None and port.domain != self.domain:
            return False
        return not self.ports or any(names_port(pattern, port) for pattern in self.ports)

    def about_column(self, path: str, level: Classification, tags: Iterable[str]) -> bool:
        """Whether it is about a column, or a field of one, of a port that it is about."""
        if self.columns and not any(fnmatchcase(path.casefold(), c.casefold()) for c in self.columns):
            return False
        if self.levels and level not in self.levels:
            return False
        return not self.tags or bool({t.casefold() for t in self.tags} & {t.casefold() for t in tags})


class Default(Struct, frozen=True):
    """What holds for columns of a level that no rule of the mesh masks.

    Attributes:
        mask: None: they are shown.
        clear_when_named: whether a grant that names the column shows it.
    """

    mask: Mask | None = None
    clear_when_named: bool = False


DEFAULTS: Mapping[Classification, Default] = {
    Classification.PUBLIC: Default(),
    Classification.INTERNAL: Default(),
    Classification.CONFIDENTIAL: Default(Mask("hash")),
    Classification.RESTRICTED: Default(NULL),
}
"""What holds where the mesh says nothing else."""


class ReaderEntry(Struct, frozen=True):
    """What the mesh says of some readers: how much they are cleared for, and their attributes."""

    who: Who
    clearance: Classification | None = None
    attributes: tuple[tuple[str, tuple[str, ...]], ...] = ()


class Terms(Struct, frozen=True):
    """How requests go.

    Attributes:
        at_once: the highest level of what is granted as soon as somebody asks; None: nothing is.
        longest: the longest that a grant may hold; None: as long as was asked for.
        review_every: after which time a grant is looked at again.
        review_grace: how long a grant whose review is due holds without one.
        next_level_after: when a request that nobody decides goes to the next level.
        remind_after: when whoever has to decide is told again.
    """

    at_once: Classification | None = Classification.PUBLIC
    longest: timedelta | None = None
    review_every: timedelta = timedelta(days=180)
    review_grace: timedelta = timedelta(days=30)
    next_level_after: timedelta = timedelta(days=2)
    remind_after: timedelta = timedelta(days=1)


class Policies(Struct, frozen=True, dict=True):
    """All access policies of a mesh, or of what of it a place knows.

    Attributes:
        problems: what is wrong with their files. With an error among them nobody but owners reads anything: what a
            rule was to hide cannot be known.
    """

    rules: tuple[Rule, ...] = ()
    defaults: Mapping[Classification, Default] = field(default_factory=lambda: DEFAULTS)
    readers: tuple[ReaderEntry, ...] = ()
    terms: Terms = Terms()
    file: str = ""
    problems: tuple[Diagnostic, ...] = ()

    @cached_property
    def broken(self) -> bool:
        """Whether something is wrong with them."""
        return has_errors(self.problems)

    def about(self, port: Address) -> tuple[Rule, ...]:
        """The rules about a port."""
        return tuple(rule for rule in self.rules if rule.about(port))


def names_port(pattern: str, port: Address) -> bool:
    """Whether a pattern means a port: a glob over its address, or the beginning of one.

    >>> from weft.model.address import parse_address
    >>> planes = parse_address("fleet.aircraft.planes@1")
    >>> [names_port(p, planes) for p in ("fleet", "fleet.air", "*.planes", "fleet.aircraft.planes@2")]
    [True, False, True, False]
    """
    return any(
        fnmatchcase(address, pattern) or address.startswith(f"{pattern}.") for address in (str(port), port.unpinned)
    )


def names_purpose(patterns: Iterable[str], purpose: str) -> bool:
    """Whether one of some globs means a purpose."""
    return any(fnmatchcase(purpose.strip().casefold(), p.strip().casefold()) for p in patterns)
