"""Looks for sensitive data in published ports. A snapshot that was looked at is not looked at again."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec import Struct

from weft.access.door import Door
from weft.access.opened import Opened
from weft.access.principals import Principal, PrincipalKind
from weft.engines.base import Engine
from weft.errors import Diagnostic, WeftError, warning
from weft.governance.detection.findings import Finding, Found, found_from_json
from weft.governance.detection.judging import wanting
from weft.governance.detection.libraries import not_looked_for
from weft.governance.detection.looking import DETECTOR, look
from weft.governance.rows import Row
from weft.model.address import Address
from weft.model.lineage import column_id
from weft.model.publication import PortState
from weft.sql.quoting import dotted

_ROWS = 200_000
"""Rows of a table in a database that are looked at."""
PURPOSE = "to find data about people"
"""For what samples are read, as the audit of reads has it."""


class PortFindings(Struct, frozen=True):
    """What was found in a port.

    Attributes:
        snapshot: the data version that was looked at.
        at_once: whether it was known, and no row was read.
    """

    address: Address
    snapshot: str
    findings: tuple[Finding, ...]
    at_once: bool = False

    def rows(self) -> list[Row]:
        """Rows of the relation `samples_findings`, a cell for each of its columns."""
        port, product = str(self.address), f"{self.address.domain}.{self.address.product}"
        return [
            (
                ".".join((port, *map(column_id, finding.path))),
                port,
                product,
                self.address.domain,
                finding.kind,
                finding.share,
                finding.confidence,
                finding.tag,
                int(finding.level),
                self.snapshot,
            )
            for finding in self.findings
        ]


class Detection(Struct, frozen=True):
    """What was found in several ports, and what could not be looked at."""

    ports: tuple[PortFindings, ...]
    diagnostics: tuple[Diagnostic, ...] = ()


class Memory(Struct, frozen=True):
    """What was found before: JSON texts by key. They hold no value."""

    known: Callable[[Iterable[str]], Mapping[str, bytes]]
    keep: Callable[[Mapping[str, bytes]], None]


def detect(
    ports: Iterable[PortState],
    door: Door,
    principal: Principal,
    engine: Callable[[], Engine],
    today: dt.date,
    memory: Memory | None = None,
) -> Detection:
    """What published ports hold, as far as the principal may read them.

    Args:
        memory: what was found before, by data version; used for the owner alone, since others see masked rows.
    """
    states = list(ports)
    remembers = memory if principal.kind is PrincipalKind.OWNER else None
    keys = {state.address: _key(state) for state in states}
    known = remembers.known(keys.values()) if remembers is not None else {}
    found: list[PortFindings] = []
    fresh: dict[str, bytes] = {}
    diagnostics: list[Diagnostic] = []
    missing: dict[str, None] = {}
    for state in states:
        blob = known.get(keys[state.address])
        if blob is not None:
            outcome = found_from_json(msgspec.json.decode(blob))
        else:
            try:
                outcome = _looked_at(state, door, principal, engine(), today)
            except WeftError as e:
                diagnostics.append(_unread(str(state.address), ", ".join(d.code for d in e.diagnostics)))
                continue
            fresh[keys[state.address]] = msgspec.json.encode(outcome.as_json())
        missing |= dict.fromkeys(outcome.missing)
        diagnostics += [_unread(f"{state.address}.{column}") for column in outcome.unread]
        found.append(PortFindings(state.address, state.snapshot_id, outcome.findings, blob is not None))
    if remembers is not None and fresh:
        remembers.keep(fresh)
    if missing:
        diagnostics.append(not_looked_for(list(missing)))
    return Detection(tuple(found), tuple(diagnostics))


def _looked_at(state: PortState, door: Door, principal: Principal, engine: Engine, today: dt.date) -> Found:
    readable = door.open(principal, state.address, state.snapshot_id)
    name = (state.address.domain, state.address.product, f"{state.address.port}@{state.address.major}")
    opened = Opened({state.address: readable}, {name: readable.relation}, [], [], PURPOSE)
    over = door.witnessed(principal, opened, f"SELECT * FROM {dotted(name)}")
    try:
        with (
            door.fetching.at_hand(principal, readable, _ROWS) as ready,
            engine.locked({name: ready.relation}, ready.paths) as session,
        ):
            columns = session.columns(f"SELECT * FROM {dotted(name)}")
            about = f"{state.address.product} {state.address.port}"
            found = look(session.rows, dotted(name), columns, today=today, about=about)
    except BaseException:
        over("failed", 0, 0)
        raise
    over("done", 0, 0)  # it has given nobody a row
    return found


def _key(state: PortState) -> str:
    """All that a finding is made from: rows, names, what looks at them and what it lacks."""
    made_from = f"{DETECTOR} {state.address} {state.snapshot_id} {','.join(wanting())}"
    return hashlib.sha256(made_from.encode()).hexdigest()


def _unread(what: str, why: str | None = None) -> Diagnostic:
    return warning(
        "WFT-GOV-021",
        f"`{what}` could not be looked at",
        why=f"reading it failed: {why}" if why else "its values could not be read as text",
        fix="`weft query` shows what is wrong with it",
    )
