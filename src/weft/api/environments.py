"""Environments: which there are, how one is told from production, and how one goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from weft.config import duration
from weft.errors import UsageError, did_you_mean, error
from weft.model.address import Address, is_slug, parse_address, slugify
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.runs.data_diff import DataDiff
    from weft.runs.environments import Environment


def checked_name(name: str) -> str:
    """A name that an environment may have.

    Raises:
        UsageError: WFT-ENV-002.
    """
    if not is_slug(name) or name == "production":
        fix = f"for example `{slugify(name)}`" if name != "production" else "leave `--env` away: that is production"
        raise UsageError(
            error("WFT-ENV-002", f"`{name}` cannot be the name of an environment", why="it is a-z, 0-9 and _", fix=fix)
        )
    return name


class Environments:
    """The environments of a mesh."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def list(self) -> Sequence[Environment]:
        """Every environment with what was built in it, those whose time is over included."""
        from weft.runs.environments import environment

        rooms = self._rooms
        keep = duration(rooms.settings.environments.keep)
        return [
            environment(name, own, rooms.environment_made_at(name), keep) for name, own in rooms.environments.items()
        ]

    def require(self, name: str) -> Environment:
        """An environment that can be read.

        Raises:
            UsageError: WFT-ENV-001, there is none of that name, or its time is over.
        """
        found = next((e for e in self.list() if e.name == name), None)
        if found is None:
            known = list(self._rooms.environments)
            fix = did_you_mean(name, known, otherwise=f"`weft apply --env {name}` makes it")
            raise UsageError(error("WFT-ENV-001", f"there is no environment `{name}`", fix=fix))
        if found.ended(self._rooms.now()):
            raise UsageError(
                error(
                    "WFT-ENV-001",
                    f"the time of environment `{name}` was over at {found.ends_at:%Y-%m-%d %H:%M} UTC",
                    why="nobody used it for longer than `environments.keep`",
                    fix=f"`weft apply --env {name}` makes it anew",
                )
            )
        return found

    def drop(self, names: Sequence[str]) -> int:
        """Takes environments away, and the files that only they referred to. Returns how many files went.

        Raises:
            UsageError: WFT-ENV-001, there is none of that name.
            Conflict: WFT-ENV-003, something runs in it.
        """
        from weft.runs import environments

        for name in names:
            if name not in self._rooms.environments:
                self.require(name)
        context = self._rooms.context()
        runs: list[str] = []
        for name in names:
            runs += environments.drop(name, self._rooms.environments[name], context)
            self._rooms.remove_environment(name)
        return environments.sweep(runs, context)

    def drop_ended(self) -> None:
        """Takes away those whose time is over. Costs a look into a folder where there are none."""
        if not self._rooms.environments:
            return
        from weft.runs.environments import idle

        now = self._rooms.now()
        over = [e.name for e in self.list() if e.ended(now) and idle(self._rooms.environments[e.name])]
        if over:
            self.drop(over)

    def diff(self, address: str, name: str) -> DataDiff:
        """A port's rows in an environment against those in production.

        Args:
            address: without a major, the default major of each is taken.

        Raises:
            UsageError: WFT-ENV-001 there is no such environment, WFT-ACC-001 no such port in one of them.
        """
        from weft.model.odcs import published_contract
        from weft.runs.data_diff import data_diff

        self.require(name)
        rooms = self._rooms
        beside = Rooms(rooms.settings, rooms.now, environment=name)
        try:
            state = beside.published(address)
            before = rooms.registry.port(parse_address(address))
            if before is None:
                raise _only_there(address, state.address, name)
            both = (before.address, state.address)
            key = published_contract(state).table.key
            return data_diff(both, name, rooms.door, beside.door, rooms.principal(), rooms.engine, key)
        finally:
            beside.close()


def _only_there(address: str, found: Address, name: str) -> UsageError:
    fix = "there is nothing to compare it with"
    if parse_address(address).major is not None:
        fix = f"`weft diff-data {found.unpinned} --env {name}` compares it with the default major of production"
    return UsageError(error("WFT-ACC-001", f"`{found}` is published in environment `{name}` alone", fix=fix))
