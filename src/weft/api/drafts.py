"""Whom a draft is for: what happens to one is told to its domain, and to whoever runs the platform."""

from __future__ import annotations

from weft.access.permissions import Action, Caller, may
from weft.model.address import ProductAddress, is_slug, parse_address
from weft.model.lifecycle import open_to
from weft.registry.base import RegistryReader


class Drafts:
    """Looks up what addresses stand for, each once: for one answer to one caller."""

    def __init__(self, reader: RegistryReader, caller: Caller) -> None:
        self._reader = reader
        self._caller = caller
        self._known: dict[str, bool] = {}

    def hide(self, address: str) -> bool:
        """Whether a product or port, or the one in which a column or a glob lies, is a draft of somebody else's."""
        head, at, rest = address.partition("@")
        place = ".".join(head.split(".")[:3]) + at + rest.partition(".")[0]
        if place not in self._known:
            self._known[place] = self._hidden(place)
        return self._known[place]

    def _hidden(self, address: str) -> bool:
        parts = address.partition("@")[0].split(".")
        if len(parts) < 2 or not all(is_slug(part) for part in parts[:2]):
            return False
        if parts[0] in self._caller.domains or may(self._caller, Action.RUN, parts[0]):
            return False
        product = self._reader.product(ProductAddress(parts[0], parts[1]))
        statuses = [product.status] if product is not None else []
        of_port = len(parts) == 3 and is_slug(parts[2])
        if of_port:
            state = self._reader.port(parse_address(address))
            statuses += [state.status] if state is not None else []
        port = parse_address(f"{parts[0]}.{parts[1]}.{parts[2] if of_port else parts[1]}")
        return any(not open_to(status, port, "") for status in statuses)
