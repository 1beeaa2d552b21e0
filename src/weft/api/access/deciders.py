"""Who decides on a request: what contracts and domains say of it, with the people and teams that the registry knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from weft.access.approving import Approvers, approvers, has_second_level
from weft.access.principals import of_caller
from weft.api.access.wanted import unusable
from weft.model.address import Address
from weft.registry.access_requests import AccessRequest, Item

if TYPE_CHECKING:
    from weft.access.permissions import Caller
    from weft.registry.users import UserStore
    from weft.wiring import Rooms


class Deciders:
    """Knows for each port of a request whose turn it is."""

    def __init__(self, rooms: Rooms, users: UserStore) -> None:
        self._rooms = rooms
        self._users = users

    def first(self, port: Address, roles: Sequence[str] = ()) -> Approvers:
        """Who decides first on a port, asked for by some roles of its contract."""
        return self._found(port, roles, 1, 0)

    def named(self, port: Address) -> tuple[str, ...]:
        """Who decides first on a port, in words and by name."""
        return self.first(port).named(self._rooms.production.domain(port.domain))

    def of(self, request: AccessRequest, item: Item) -> Approvers:
        """Who decides now."""
        return self._found(item.port, request.roles, item.stage, item.raised)

    def after(self, request: AccessRequest, item: Item) -> Approvers:
        """Who decides when nobody of those who could has."""
        return self._found(item.port, request.roles, item.stage, item.raised + 1)

    def second(self, request: AccessRequest, item: Item) -> Approvers | None:
        """Who decides once the first level has; None where one level is enough, or the second has its turn already."""
        if item.stage == 2 or not has_second_level(self._contract(item.port), request.roles):
            return None
        return self._found(item.port, request.roles, 2, 0)

    def has(self, caller: Caller, request: AccessRequest, item: Item) -> bool:
        """Whether somebody may decide a port of a request now: nobody for themselves, and nobody twice."""
        teams = self.teams(caller.name)
        own = (request.kind, request.consumer) in of_caller(caller, teams).consumers
        if own or caller.name in item.approvals:
            return False
        return self.of(request, item).has(caller, item.port.domain, teams)

    def teams(self, name: str) -> tuple[str, ...]:
        """The teams of somebody."""
        user = self._users.user(name)
        return user.teams if user is not None else ()

    def require_same(self, port: Address, roles: Sequence[str]) -> None:
        """Refuses roles on which different people decide: nobody could decide on all of them.

        Raises:
            UsageError: WFT-ACC-039.
        """
        if any(self._found(port, roles, stage, 0).also for stage in (1, 2)):
            told = ", ".join(f"`{role[:80]}`" for role in dict.fromkeys(roles))
            raise unusable(
                f"different people decide on the roles {told} of `{port}`",
                "ask for each role in a request of its own, one after the other",
            )

    def _found(self, port: Address, roles: Sequence[str], stage: int, raised: int) -> Approvers:
        domain = self._rooms.production.domain(port.domain)
        return approvers(self._contract(port), domain, roles, stage, raised, self._known)

    def _contract(self, port: Address) -> Mapping[str, Any]:
        state = self._rooms.production.port(port)
        return state.contract if state is not None else {}

    def _known(self, name: str) -> bool:
        if name.startswith("team:") or self._users.user(name) is not None:
            return True
        return bool(self._rooms.principal_named(f"user:{name}").roles)
