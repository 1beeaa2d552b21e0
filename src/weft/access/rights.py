"""Rights: on what account somebody may read a port at all. Each stands alone; a decision unites what they give."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase

from msgspec import Struct

from weft.access.permissions import Role
from weft.access.policies import Policies, Who, names_purpose
from weft.access.principals import Principal, PrincipalKind
from weft.model.address import Address
from weft.model.classification import Classification
from weft.registry.grants import Grant

FIRST_BUILD = "first build"
"""The basis of a grant for a product that is built for the first time."""

ROLE_READS: Mapping[Role, Classification] = {
    Role.DOMAIN_OWNER: Classification.RESTRICTED,
    Role.PRODUCT_OWNER: Classification.RESTRICTED,
    Role.STEWARD: Classification.RESTRICTED,
    Role.DEVELOPER: Classification.CONFIDENTIAL,
    Role.ANALYST: Classification.INTERNAL,
}
"""Up to which level each role is shown the ports of its domain; a role that is not here reads no rows."""


class Label(Struct, frozen=True):
    """What a column inherits from what it is made from."""

    level: Classification = Classification.PUBLIC
    tags: tuple[str, ...] = ()


class Basis(Struct, frozen=True):
    """What a decision rests on beside the port and who asks.

    Attributes:
        grants: all that were given to whoever asks, on the port; also those that have ended.
        purpose: what the read is for, where the reader says it: then only grants for it count.
        inherited: what columns of the port inherit, by name; what is not there inherits nothing.
    """

    grants: tuple[Grant, ...] = ()
    policies: Policies = Policies()
    purpose: str | None = None
    now: datetime = datetime.min.replace(tzinfo=UTC)
    inherited: Mapping[str, Label] = {}


class Right(Struct, frozen=True):
    """One account on which somebody may read a port.

    Attributes:
        why: in words.
        columns: those that the grant names; None: all.
        purpose: of the grant; None: nobody has said one.
        roles: roles of the contract that the grant is for.
        salt: of the grant, for masks.
        clearance: up to which level columns are shown.
        defaults: whether columns of a level are masked where no rule says so.
    """

    why: str
    grant: str | None = None
    columns: frozenset[str] | None = None
    purpose: str | None = None
    roles: tuple[str, ...] = ()
    salt: str | None = None
    clearance: Classification = Classification.INTERNAL
    defaults: bool = True

    def names(self, column: str) -> bool:
        """Whether the grant names a column."""
        return self.columns is not None and column in self.columns


class Reader(Struct, frozen=True):
    """Whoever asks, with what the policies of the mesh say of them."""

    principal: Principal
    clearance: Classification
    attributes: Mapping[str, tuple[str, ...]]
    in_domain: frozenset[Role]

    @property
    def words(self) -> dict[str, str | tuple[str, ...]]:
        """What a row filter asks for as `user.…`."""
        who = self.principal
        own: dict[str, str | tuple[str, ...]] = {
            "name": who.name,
            "kind": who.kind.value,
            "teams": tuple(sorted(who.teams)),
            "domains": tuple(sorted(who.roles)),
        }
        return {name: tuple(sorted(values)) for name, values in self.attributes.items()} | own

    def matches(self, who: Who, right: Right, *, column: str | None = None, strictly: bool) -> bool:
        """Whether a rule means this reader, as they read by a right.

        Args:
            column: the column in question.
            strictly: what is not known, does not count; else it does. A rule spares only whom it surely means.
        """
        principal = self.principal
        named = (
            (PrincipalKind.USER, who.users),
            (PrincipalKind.SERVICE, who.services),
            (PrincipalKind.PRODUCT, who.products),
        )
        if who.users or who.teams or who.services or who.products:
            own = any(
                principal.kind is kind and any(fnmatchcase(principal.name, pattern) for pattern in patterns)
                for kind, patterns in named
            )
            if not own and not set(who.teams) & set(principal.teams):
                return False
        if who.purposes:
            known = right.purpose is not None
            if (known and not names_purpose(who.purposes, right.purpose or "")) or (not known and strictly):
                return False
        if who.roles and not set(who.roles) & set(right.roles):
            return False
        if who.domain_roles and not {role.value for role in self.in_domain} & set(who.domain_roles):
            return False
        if any(not set(values) & set(self.attributes.get(name, ())) for name, values in who.attributes):
            return False
        if who.named and not (column is not None and right.names(column)):
            return False
        return who.clearance is None or right.clearance >= who.clearance


def reader_of(principal: Principal, port: Address, policies: Policies) -> Reader:
    """What the mesh says of a reader: the highest clearance, and all attributes, of the entries that mean them."""
    bare = Reader(principal, Classification.INTERNAL, {}, principal.roles.get(port.domain, frozenset()))
    right = Right("")
    meant = [e for e in policies.readers if bare.matches(e.who, right, strictly=True)]
    levels = [e.clearance for e in meant if e.clearance is not None]
    attributes: dict[str, tuple[str, ...]] = {}
    for entry in meant:
        for name, values in entry.attributes:
            attributes[name] = tuple(dict.fromkeys((*attributes.get(name, ()), *values)))
    clearance = max(levels, default=Classification.INTERNAL)
    return Reader(principal, clearance, attributes, bare.in_domain)


def rights(
    reader: Reader, port: Address, reads: Collection[Address], basis: Basis, contract_roles: Collection[str]
) -> Iterator[Right]:
    """On what accounts somebody may read a port; none: not at all.

    Args:
        contract_roles: roles of the port's contract that read. What a grant for another one gave has ended.
    """
    principal = reader.principal
    if principal.kind is PrincipalKind.PRODUCT:
        yield from _of_product(principal, port, reads, basis)
        return
    for role in sorted(reader.in_domain & ROLE_READS.keys()):
        level = max(ROLE_READS[role], reader.clearance)
        yield Right(f"`{principal.name}` is {role.value} of `{port.domain}`", clearance=level)
    for grant in sorted(basis.grants, key=lambda g: (g.since, g.grant_id)):
        if not grant.holds(basis.now) or (grant.kind, grant.consumer) not in principal.consumers:
            continue
        if grant.roles and not set(grant.roles) & set(contract_roles):
            continue
        if basis.purpose is not None and not _same(grant.purpose, basis.purpose):
            continue
        last = grant.ends_at - timedelta(microseconds=1) if grant.ends_at is not None else None
        until = f" until {last:%Y-%m-%d}" if last is not None else ""
        yield Right(
            f"grant `{grant.grant_id}` to {grant.kind} `{grant.consumer}`{until}",
            grant.grant_id,
            frozenset(grant.columns) if grant.columns is not None else None,
            grant.purpose,
            grant.roles,
            grant.salt,
            reader.clearance,
        )


def _of_product(principal: Principal, port: Address, reads: Collection[Address], basis: Basis) -> Iterator[Right]:
    """A product reads what it has declared, by what it was granted.

    Whoever builds it owns the mesh, or a server has asked for its grant before: without any it reads as declared.
    What was granted and has ended is ended for both.
    """
    own = principal.name == str(port.of_product)
    if port not in reads:
        return
    known = [g for g in basis.grants if g.kind == "product" and g.consumer == principal.name and not own]
    holding = [g for g in known if g.holds(basis.now)]
    if not holding and any(g.basis != FIRST_BUILD for g in known):
        return
    why = f"`{port}` is an input port of `{principal.name}`"
    if not holding:
        yield Right(why, clearance=Classification.RESTRICTED, defaults=False)
    for grant in holding:
        columns = frozenset(grant.columns) if grant.columns is not None else None
        yield Right(
            why, grant.grant_id, columns, grant.purpose, grant.roles, grant.salt, Classification.RESTRICTED, False
        )


def _same(granted: str | None, asked: str) -> bool:
    return granted is not None and granted.strip().casefold() == asked.strip().casefold()
