"""Local users: made, changed and shut out by whoever operates the server's machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime

from weft.access import passwords
from weft.access.permissions import MESH_ROLES, Role
from weft.api.cursors import cursor_of, place_of
from weft.errors import UsageError, did_you_mean, error
from weft.registry.users import PasswordSet, User, UserStore

FIRST = "admin"
"""The name of the administrator that the first start makes."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,199}")


class UserVerbs:
    """Verbs over the users of a registry."""

    def __init__(self, users: UserStore, now: Callable[[], datetime]) -> None:
        self._users = users
        self._now = now

    def first(self) -> tuple[str, str] | None:
        """Makes the one administrator of a platform that has no user yet; name and password, or None."""
        if self._users.any():
            return None
        password = passwords.generated()
        roles = sorted(role.value for role in MESH_ROLES)
        made = self._users.add(
            FIRST, passwords.hashed(password), roles, actor="weft serve", at=self._now(), only_first=True
        )
        return (FIRST, password) if made else None

    def listed(self) -> list[User]:
        """All users by name."""
        return self._users.listed()

    def page(self, words: str, limit: int, cursor: str | None) -> tuple[list[User], str | None]:
        """A page of the users by name, and the cursor of the next one.

        Args:
            words: what the name or the title has in it; `""` for all.

        Raises:
            UsageError: WFT-SRV-006, the cursor is none of this list.
        """
        of = f"users {words}"
        place = place_of(of, cursor, str)
        found = self._users.page(words, str(place[0]) if place else "", limit + 1)
        shown = found[:limit]
        return shown, cursor_of(of, [shown[-1].name]) if len(found) > limit else None

    def add(self, name: str, password: str | None, roles: Iterable[str], *, actor: str) -> str:
        """A new local user; gives the password, which is made here where none is given.

        Raises:
            UsageError: WFT-ACC-021 the name is taken or none, WFT-ACC-022 the password is too short, WFT-ACC-025 there
                is no such role in the mesh.
        """
        if not _NAME.fullmatch(name):
            what = f"`{name[:80]}` cannot be a user's name"
            raise UsageError(error("WFT-ACC-021", what, fix="use letters, digits and `.`, `_`, `@`, `+`, `-`"))
        given = passwords.generated() if password is None else password
        if not self._users.add(name, passwords.hashed(given), _roles(roles), actor=actor, at=self._now()):
            raise UsageError(error("WFT-ACC-021", f"there is a user `{name}` already", fix="choose another name"))
        return given

    def set_password(
        self, name: str, password: str | None, *, actor: str, end_tokens: bool = False
    ) -> tuple[str, PasswordSet]:
        """Gives a local user another password; whoever is signed in under the name is signed out.

        Args:
            password: None: one is made here.
            end_tokens: their personal tokens end in the same moment; else they hold on.

        Returns:
            The password, and what came of the tokens.

        Raises:
            UsageError: WFT-ACC-021 there is no such local user, WFT-ACC-022 the password is too short.
        """
        given = passwords.generated() if password is None else password
        done = self._users.set_password(
            name, passwords.hashed(given), actor=actor, at=self._now(), end_tokens=end_tokens
        )
        if done is None:
            raise self._unknown(name)
        return given, done

    def set_roles(self, name: str, roles: Iterable[str], *, actor: str) -> None:
        """Gives a local user these roles in the mesh and no others.

        Raises:
            UsageError: WFT-ACC-021 there is no such local user, WFT-ACC-025 there is no such role in the mesh.
        """
        if not self._users.set_roles(name, _roles(roles), actor=actor, at=self._now()):
            raise self._unknown(name)

    def disable(self, name: str, *, actor: str, undo: bool = False) -> None:
        """Shuts a user out at once, with their sessions and tokens, or lets them in again.

        Raises:
            UsageError: WFT-ACC-021, there is no such user.
        """
        if not self._users.disable(name, actor=actor, at=self._now(), undo=undo):
            raise self._unknown(name)

    def remove(self, name: str, *, actor: str) -> None:
        """Takes a user away for good, with sessions, tokens, grants and queries; somebody else may come by the name.

        Raises:
            UsageError: WFT-ACC-021, there is no such user.
        """
        if not self._users.remove(name, actor=actor, at=self._now()):
            raise self._unknown(name)

    def _unknown(self, name: str) -> UsageError:
        found = self._users.user(name)
        if found is not None:
            what = f"`{name}` comes by the company's provider, which keeps the password and the groups"
            return UsageError(error("WFT-ACC-021", what, fix="change it there"))
        names = [user.name for user in self._users.listed()]
        fix = did_you_mean(name, names, otherwise="`weft user list` shows all users")
        return UsageError(error("WFT-ACC-021", f"there is no user `{name}`", fix=fix))


def _roles(names: Iterable[str]) -> list[str]:
    known = sorted(role.value for role in MESH_ROLES)
    found = []
    for name in names:
        if name not in known:
            own = name in {role.value for role in Role}
            otherwise = f"one of {', '.join(known)}"
            fix = (
                "members of a domain stand in its `domain.yaml`"
                if own
                else did_you_mean(name, known, otherwise=otherwise)
            )
            raise UsageError(error("WFT-ACC-025", f"`{name}` is no role in the whole mesh", fix=fix))
        found.append(name)
    return sorted(set(found))
