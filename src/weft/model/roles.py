"""Names of the roles that a member of a domain may have in its `domain.yaml`."""

from __future__ import annotations

MEMBER_ROLES = (
    "owner",
    "domain_owner",
    "product_owner",
    "steward",
    "developer",
    "analyst",
    "compliance_contact",
)
"""`owner` is short for `domain_owner`."""


def role_key(name: str) -> str:
    """A role's name as it is compared: `Product Owner` and `product-owner` mean the same.

    >>> role_key("Product Owner")
    'product_owner'
    """
    return "_".join(name.lower().replace("-", " ").replace("_", " ").split())
