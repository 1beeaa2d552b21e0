"""Writes down who reads what: before the first row leaves, and how it ended."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from weft.access.principals import Principal
from weft.errors import PlatformError
from weft.model.address import Address
from weft.registry.audit import ReadBegun, ReadEnded, ReadPort
from weft.registry.audit_writer import AuditWriter
from weft.registry.meters import READ, served

if TYPE_CHECKING:
    from weft.access.opened import Readable

_BY_FILES = frozenset({"files", "iceberg", "iceberg-store"})
"""Wires that give files away: what is fetched of those is measured where they are handed out."""
Over = Callable[[str, int, int], None]
"""Says how a read ended (`done`, `cut`, `revoked`, `failed`, `left`), with its rows and bytes."""


def untold(how: str, rows: int, size_bytes: int) -> None:
    """The end of a read that nobody writes down."""


class Witness:
    """Writes the audit of one wire.

    Args:
        wire: how reads come: `http`, `local`, `files`, `checks` …
        keeps_text: whether queries are kept as they were typed; else their hash alone.
    """

    def __init__(self, writer: AuditWriter, now: Callable[[], datetime], wire: str, *, keeps_text: bool) -> None:
        self._writer = writer
        self._now = now
        self._wire = wire
        self._keeps_text = keeps_text

    def begun(
        self, principal: Principal, ports: Mapping[Address, Readable], sql: str | None, purpose: str | None = None
    ) -> Over:
        """Writes down that somebody is about to read; what cannot be written down is not read.

        Args:
            sql: the query; None: they are given the files.

        Raises:
            PlatformError: WFT-REG-002, the registry cannot be written.
        """
        return self._over(principal, tuple(_port(address, one) for address, one in ports.items()), sql, purpose)

    def saw(self, principal: Principal, ports: Sequence[ReadPort], rows: int, size_bytes: int) -> None:
        """Writes down that somebody is about to be shown rows that are at hand, and that they were.

        Raises:
            PlatformError: WFT-REG-002, the registry cannot be written: then they are not shown.
        """
        self._over(principal, tuple(ports), None, None)("done", rows, size_bytes)

    def _over(self, principal: Principal, ports: tuple[ReadPort, ...], sql: str | None, purpose: str | None) -> Over:
        digest = None if self._keeps_text or sql is None else hashlib.sha256(sql.encode()).hexdigest()
        read_id = self._writer.write(
            ReadBegun(
                at=self._now(),
                principal=principal.written,
                wire=self._wire,
                ports=ports,
                purpose=purpose,
                query=sql if self._keeps_text else None,
                digest=digest,
            )
        )
        since = time.monotonic()

        def over(how: str, rows: int, size_bytes: int) -> None:
            seconds = time.monotonic() - since
            at, who = self._now(), principal.written
            given = () if self._wire in _BY_FILES else _given(ports)
            meters = served(at=at, ports=given, consumer=who, purpose=purpose or READ, rows=rows, size_bytes=size_bytes)
            # the rows have left already: a read whose end cannot be written down is one without end
            with suppress(PlatformError):
                self._writer.write(ReadEnded(read_id, at, who, how, rows, size_bytes, seconds, meters))

        return over


def _given(ports: Sequence[ReadPort]) -> list[tuple[str, str]]:
    return list(dict.fromkeys((one.port, one.snapshot_id) for one in ports))


def _port(address: Address, opened: Readable) -> ReadPort:
    decision = opened.decision
    return ReadPort(
        str(address),
        opened.publication.snapshot_id,
        tuple(name for name in decision.columns if name not in decision.masks),
        {name: str(mask) for name, mask in decision.masks.items()},
        decision.row_filter is not None,
        decision.grants,
    )
