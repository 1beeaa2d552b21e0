"""Members of a domain in its `domain.yaml`, and whether their roles mean anything."""

from __future__ import annotations

from collections.abc import Iterator

from weft.errors import Diagnostic, did_you_mean, warning
from weft.model.document import Document, entries
from weft.model.roles import MEMBER_ROLES, role_key


def role_problems(document: Document) -> Iterator[Diagnostic]:
    """Warns of roles that give nothing, since no line of the table of permissions knows them."""
    for number, member in entries(document.data, "members"):
        listed = member.get("roles")
        for place, role in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(role, str) and role_key(role) not in MEMBER_ROLES:
                yield warning(
                    "WFT-ACC-025",
                    f"`{role}` is no role in a domain",
                    document.where(("members", number, "roles", place)),
                    why="it gives whoever has it nothing to do on the platform",
                    fix=did_you_mean(role_key(role), MEMBER_ROLES, otherwise=f"one of {', '.join(MEMBER_ROLES)}"),
                )
