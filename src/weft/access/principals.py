"""Who asks: principals."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from weft.errors import AccessDenied, error
from weft.model.address import ProductAddress


class PrincipalKind(StrEnum):
    """What a principal is. On a local mesh: the operating-system user who owns its folder, and products."""

    OWNER = "owner"
    PRODUCT = "product"


class Principal(Struct, frozen=True):
    """Somebody, or a product, that reads."""

    name: str
    kind: PrincipalKind

    @property
    def domain(self) -> str | None:
        """The domain of a product; None for anybody else."""
        return self.name.partition(".")[0] if self.kind is PrincipalKind.PRODUCT else None


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
    """The owner of a local mesh; nobody else is known to it.

    Raises:
        AccessDenied: WFT-ACC-005, another name was asked for.
    """
    if requested is not None and requested != user:
        raise AccessDenied(
            error(
                "WFT-ACC-005",
                f"`{requested}` is not known to this mesh",
                why=f"a local mesh knows its owner alone: `{user}`",
                fix="leave `--as` away",
            )
        )
    return Principal(user, PrincipalKind.OWNER)


def product_principal(product: ProductAddress) -> Principal:
    """A product that reads its input ports while it is built."""
    return Principal(str(product), PrincipalKind.PRODUCT)
