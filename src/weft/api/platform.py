"""What a server does, over the rooms of its mesh: every route calls a verb of here or of a part of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weft.config import load_settings
from weft.errors import UsageError, error
from weft.registry.sql import SqlRegistry
from weft.wiring import Rooms

if TYPE_CHECKING:
    from weft.api.identity import Identity
    from weft.api.publishing import Publishing
    from weft.api.reading import Reading
    from weft.api.requisition import Requisitions
    from weft.api.scanning import Scanning
    from weft.registry.database import Database


def open_platform(path: str | Path = ".", now: Callable[[], datetime] | None = None) -> Platform:
    """The platform of the mesh whose folder holds `path`.

    Raises:
        UsageError: WFT-CFG-001, there is no weft.toml there or above.
    """
    return Platform(Rooms(load_settings(Path(path)), now))


class Platform:
    """One server's mesh. Used from several threads at once."""

    def __init__(self, rooms: Rooms) -> None:
        self.rooms = rooms

    def close(self) -> None:
        """Gives connections back."""
        publishing = self.__dict__.pop("publishing", None)
        if publishing is not None:
            publishing.close()
        self.rooms.close()

    @cached_property
    def database(self) -> Database:
        """The registry's database, which holds what the platform itself has to remember.

        Raises:
            UsageError: WFT-SRV-001, the registry is that of another server.
        """
        registry = self.rooms.production
        if not isinstance(registry, SqlRegistry):
            raise UsageError(
                error(
                    "WFT-SRV-001",
                    "this mesh has its registry on a server, so it cannot be one",
                    fix="set `mesh.registry` to a file or to `postgresql://…` where the server runs",
                )
            )
        return registry.database

    @cached_property
    def identity(self) -> Identity:
        """Who is asking."""
        from weft.api.identity import Identity

        return Identity(self.database, self.rooms.production, self.rooms.now)

    @cached_property
    def publishing(self) -> Publishing:
        """Runs of domains elsewhere, and what they hand in."""
        from weft.api.publishing import Publishing

        return Publishing(self)

    @cached_property
    def scanning(self) -> Scanning:
        """Grants, and the files that they let products elsewhere read."""
        from weft.api.scanning import Scanning

        return Scanning(self)

    @cached_property
    def requisitions(self) -> Requisitions:
        """Domains, from their request on."""
        from weft.api.requisition import Requisitions

        return Requisitions(self)

    @cached_property
    def reading(self) -> Reading:
        """The registry's questions, for clients."""
        from weft.api.reading import Reading

        return Reading(self)

    def live(self) -> bool:
        """Whether the registry answers.

        Raises:
            PlatformError: WFT-REG-002, it does not.
        """
        return self.rooms.production.last_event() >= 0

    def page(self, address: str) -> dict[str, Any]:
        """The page of a domain, product or port.

        Raises:
            UsageError: WFT-CAT-001, there is nothing at that address.
        """
        from weft.catalog.pages import page

        return page(self.rooms.production, address, self.rooms.now()).as_json()
