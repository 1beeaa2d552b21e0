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
        """Whether a product or port is a draft of somebody else's."""
        if address not in self._known:
            self._known[address] = self._hidden(address)
        return self._known[address]

    def _hidden(self, address: str) -> bool:
        name, at, behind = address.partition("@")
        parts = name.split(".")
        if len(parts) not in (2, 3) or not all(is_slug(part) for part in parts):
            return False
        if parts[0] in self._caller.domains or may(self._caller, Action.RUN, parts[0]):
            return False
        product = self._reader.product(ProductAddress(parts[0], parts[1]))
        statuses = [product.status] if product is not None else []
        if len(parts) == 3:
            # a column stands behind its port's major, and may have any name
            state = self._reader.port(parse_address(f"{name}{at}{behind.partition('.')[0]}"))
            statuses += [state.status] if state is not None else []
        port = parse_address(f"{parts[0]}.{parts[1]}.{parts[-1]}")
        return any(not open_to(status, port, "") for status in statuses)
