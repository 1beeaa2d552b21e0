"""Who asks: principals."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from msgspec import Struct

from weft.access.permissions import Caller, Role
from weft.errors import AccessDenied, UsageError, error
from weft.model.address import ProductAddress


class PrincipalKind(StrEnum):
    """What a principal is. The owner is the operating-system user who owns the folder of a local mesh."""

    OWNER = "owner"
    PRODUCT = "product"
    USER = "user"
    TEAM = "team"
    SERVICE = "service"


class Principal(Struct, frozen=True):
    """Somebody, or a product, that reads.

    Attributes:
        name: without the kind: `ada`, `crm`, `operations.on_time`.
        teams: of a user or service; a team is its own.
        roles: what they are in each domain.
    """

    name: str
    kind: PrincipalKind
    teams: tuple[str, ...] = ()
    roles: Mapping[str, frozenset[Role]] = {}

    @property
    def domain(self) -> str | None:
        """The domain of a product; None for anybody else."""
        return self.name.partition(".")[0] if self.kind is PrincipalKind.PRODUCT else None

    @property
    def consumers(self) -> frozenset[tuple[str, str]]:
        """Under what kinds and names grants are given to them."""
        own = (self.kind.value, self.name)
        return frozenset({own, *(("team", team) for team in self.teams)})

    @property
    def written(self) -> str:
        """The name with its kind, as `--as` takes it: `ada`, `team:crm`, `operations.on_time`."""
        return (
            f"{self.kind.value}:{self.name}" if self.kind in (PrincipalKind.TEAM, PrincipalKind.SERVICE) else self.name
        )


def require_owner(principal: Principal, what: str, why: str) -> None:
    """Refuses what is for owners alone.

    Args:
        what: what the principal may not do, behind “may not”.
        why: whose business it is.

    Raises:
        AccessDenied: WFT-ACC-002, the principal is no owner.
    """
    if principal.kind is not PrincipalKind.OWNER:
        raise AccessDenied(error("WFT-ACC-002", f"`{principal.name}` may not {what}", why=why))


def local_principal(user: str, requested: str | None = None) -> Principal:
    """The owner of a local mesh; see `named` for anybody else as whom the owner looks.

    Raises:
        AccessDenied: WFT-ACC-005, another name was asked for.
    """
    if requested is not None and requested != user:
        raise AccessDenied(
            error(
                "WFT-ACC-005",
                f"`{user}` may not read as `{requested}`",
                why="only the owner of a mesh looks as somebody else, and not at an environment",
                fix="leave `--as` away",
            )
        )
    return Principal(user, PrincipalKind.OWNER)


def product_principal(product: ProductAddress) -> Principal:
    """A product that reads its input ports while it is built."""
    return Principal(str(product), PrincipalKind.PRODUCT)


def named(text: str, *, product: bool = False, teams: tuple[str, ...] = ()) -> Principal:
    """The principal of a name: `ada`, `user:ada`, `team:crm`, `service:loader`, `product:operations.on_time`.

    A name that nobody knows is that of a stranger: a user without roles and grants.

    Args:
        product: whether there is a product of this address, so that the name without a kind is that of the product.
        teams: of the user or service.

    Raises:
        UsageError: WFT-ACC-005, it is no name.
    """
    kind, colon, name = text.partition(":")
    if not colon:
        kind, name = ("product" if product else "user"), text
    if kind not in ("user", "team", "service", "product") or not name.strip() or not name.isprintable():
        fix = "write `ada`, `team:crm`, `service:loader` or `domain.product`"
        raise UsageError(error("WFT-ACC-005", f"`{text[:80]}` names nobody who could read", fix=fix))
    found = PrincipalKind(kind)
    return Principal(name, found, (name,) if found is PrincipalKind.TEAM else teams)


def of_caller(caller: Caller, teams: tuple[str, ...] = ()) -> Principal:
    """Whoever asks a server, as a reader of rows. Nobody there owns the mesh: each reads what was granted."""
    kind, colon, name = caller.name.partition(":")
    if colon and kind == "service":
        return Principal(name, PrincipalKind.SERVICE, teams, caller.domains)
    return Principal(caller.name, PrincipalKind.USER, teams, caller.domains)
