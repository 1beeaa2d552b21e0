"""Requests for access: one for many ports; each port is decided by itself, and each step has its event.

Purposes and reasons stand in a table that can be erased; events hold a reference and a salted hash.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.model.address import Address, parse_address
from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.grants import Grant, Terms, given, put_text, said
from weft.registry.sql_tables import SqlTables

WAITING, APPROVED, DECLINED, WITHDRAWN = "waiting", "approved", "declined", "withdrawn"
STATES = (WAITING, APPROVED, DECLINED, WITHDRAWN)
REQUEST = "request"
"""The basis of a grant that somebody has asked for."""

_REQUEST = (
    "SELECT q.request_id, q.asked_by, q.kind, q.consumer, q.named_columns, q.roles, p.content, q.ends_at, q.at, "
    "q.purpose FROM access_requests q LEFT JOIN access_texts p ON p.text_id = q.purpose"
)
_ITEM = (
    "SELECT i.request_id, i.port, i.state, i.stage, i.raised, i.since, i.reminded_at, i.decided_by, i.decided_at, "
    "r.content, i.grant_id, i.approvals FROM access_items i LEFT JOIN access_texts r ON r.text_id = i.reason"
)


class Item(Struct, frozen=True):
    """A request for one port.

    Attributes:
        state: one of `STATES`.
        stage: 1 while the first level decides, 2 while the second does.
        raised: how often it has gone to the next level, since nobody had decided.
        since: since when the stage, or the level that it was raised to, has it.
        approvals: who has approved so far.
    """

    request_id: str
    port: Address
    state: str
    stage: int
    raised: int
    since: datetime
    reminded_at: datetime | None
    decided_by: str | None
    decided_at: datetime | None
    reason: str | None
    grant_id: str | None
    approvals: tuple[str, ...]


class AccessRequest(Struct, frozen=True):
    """What somebody asks for.

    Attributes:
        kind: `user`, `team`, `service` or `product`, and `consumer` its name: who is to read.
        columns: None: all.
        roles: of the ports' contracts.
        purpose: None where it was erased.
        purpose_ref: the id of its text.
    """

    request_id: str
    asked_by: str
    kind: str
    consumer: str
    columns: tuple[str, ...] | None
    roles: tuple[str, ...]
    purpose: str | None
    ends_at: datetime | None
    at: datetime
    purpose_ref: str
    items: tuple[Item, ...] = ()

    def item(self, port: Address) -> Item | None:
        """The request for one of its ports."""
        return next((item for item in self.items if item.port == port), None)


class Wanted(Struct, frozen=True):
    """A request before it is made."""

    asked_by: str
    kind: str
    consumer: str
    ports: tuple[Address, ...]
    purpose: str
    columns: tuple[str, ...] | None = None
    roles: tuple[str, ...] = ()
    ends_at: datetime | None = None


class Given(Struct, frozen=True):
    """How a port is granted: until when, and when somebody looks at it again."""

    ends_at: datetime | None
    review_at: datetime | None


class RequestStore:
    """Requests in the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(
        self,
        wanted: Wanted,
        at: datetime,
        at_once: Mapping[Address, Given],
        to: Mapping[Address, Iterable[str]] | None = None,
    ) -> AccessRequest:
        """A new request.

        Args:
            at_once: ports that are granted as soon as they are asked for.
            to: who decides on each of the others, in words.
        """
        request_id = f"a-{secrets.token_hex(6)}"
        with self._database.writing() as statements:
            purpose, hashed = put_text(statements, wanted.purpose)
            columns = json.dumps(wanted.columns) if wanted.columns is not None else None
            ends = codec.time_text(wanted.ends_at) if wanted.ends_at is not None else None
            now = codec.time_text(at)
            statements.run(
                "INSERT INTO access_requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    request_id, wanted.asked_by, wanted.kind, wanted.consumer, columns, json.dumps(wanted.roles),
                    purpose, ends, now,
                ),
            )  # fmt: skip
            for port in wanted.ports:
                statements.run(
                    "INSERT INTO access_items (request_id, port, state, stage, raised, since, approvals) "
                    "VALUES (?, ?, ?, 1, 0, ?, '[]')",
                    (request_id, str(port), WAITING, now),
                )
                body = {
                    "request": request_id,
                    wanted.kind: wanted.consumer,
                    "until": ends,
                    "columns": list(wanted.columns) if wanted.columns is not None else None,
                    "purpose": {"text": purpose, "hash": hashed},
                    "to": sorted((to or {}).get(port, ())),
                }
                _event(statements, at, "access.asked", wanted.asked_by, port, body)
            made = _found(statements, request_id)
            assert made is not None, "it was made in this transaction"
            for port, how in at_once.items():
                _grant(statements, made, port, how, "weft", at, None, ())
            made = _found(statements, request_id)
        assert made is not None, "it was made in this transaction"
        return made

    def get(self, request_id: str) -> AccessRequest | None:
        """One request with its ports."""
        with self._database.reading() as statements:
            return _found(statements, request_id)

    def listed(
        self,
        state: str | None = None,
        *,
        limit: int = 200,
        after: str | None = None,
        of: Collection[str] | None = None,
    ) -> list[AccessRequest]:
        """Requests, newest first; those of which some port is in a state.

        Args:
            after: the id of a request: only older ones.
            of: names: requests by which one of them asks or is to read.
        """
        conditions: list[str] = []
        values: list[Any] = []
        if state is not None:
            conditions.append("q.request_id IN (SELECT request_id FROM access_items WHERE state = ?)")
            values.append(state)
        if after is not None:
            older = "SELECT at FROM access_requests WHERE request_id = ?"
            conditions.append(f"(q.at < ({older}) OR (q.at = ({older}) AND q.request_id > ?))")
            values += [after, after, after]
        if of is not None:
            names = json.dumps(sorted(of))
            listed = self._database.listed
            conditions.append(f"(q.asked_by IN ({listed}) OR q.consumer IN ({listed}))")
            values += [names, names]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.reading() as statements:
            rows = statements.rows(f"{_REQUEST}{where} ORDER BY q.at DESC, q.request_id LIMIT ?", (*values, limit))
            found = json.dumps([row[0] for row in rows])
            items = statements.rows(
                f"{_ITEM} WHERE i.request_id IN ({self._database.listed}) ORDER BY i.request_id, i.port", (found,)
            )
        by_request: dict[str, list[Item]] = {}
        for item in map(_item, items):
            by_request.setdefault(item.request_id, []).append(item)
        return [_request(row, by_request.get(str(row[0]), ())) for row in rows]

    def waiting_for(self, port: Address, kind: str, consumer: str) -> str | None:
        """The request by which somebody already waits for a port."""
        sql = (
            "SELECT i.request_id FROM access_items i JOIN access_requests q ON q.request_id = i.request_id "
            "WHERE i.port = ? AND i.state = 'waiting' AND q.kind = ? AND q.consumer = ?"
        )
        with self._database.reading() as statements:
            row = statements.row(sql, (str(port), kind, consumer))
        return str(row[0]) if row is not None else None

    def ports_awaited(self, consumers: Collection[tuple[str, str]]) -> frozenset[str]:
        """The ports that somebody who goes by these kinds and names waits for."""
        names = json.dumps(sorted({name for _, name in consumers}))
        sql = (
            "SELECT q.kind, q.consumer, i.port FROM access_items i JOIN access_requests q "
            f"ON q.request_id = i.request_id WHERE i.state = 'waiting' AND q.consumer IN ({self._database.listed})"
        )
        with self._database.reading() as statements:
            found = statements.rows(sql, (names,))
        return frozenset(str(port) for kind, name, port in found if (kind, name) in consumers)

    def approve(
        self,
        request_id: str,
        port: Address,
        how: Given | None,
        *,
        stage: int,
        actor: str,
        at: datetime,
        reason: str,
        to: Iterable[str] = (),
    ) -> Grant | None:
        """Approves a port at a stage; with `how` that was the last one, and it is granted.

        Args:
            to: who decides next, in words.

        Returns:
            The grant, or None where the second level has to decide, or where somebody was faster.
        """
        with self._database.writing() as statements:
            request = _found(statements, request_id)
            item = request.item(port) if request is not None else None
            if request is None or item is None or item.state != WAITING or item.stage != stage:
                return None
            ref, hashed = put_text(statements, reason) if reason else (None, None)
            approvals = (*item.approvals, actor)
            if how is not None:
                return _grant(statements, request, port, how, actor, at, (ref, hashed), approvals)
            statements.run(
                "UPDATE access_items SET stage = 2, raised = 0, since = ?, reminded_at = NULL, approvals = ? "
                "WHERE request_id = ? AND port = ?",
                (codec.time_text(at), json.dumps(approvals), request_id, str(port)),
            )
            body = {"request": request_id, request.kind: request.consumer, "stage": 1, "reason": said(ref, hashed)}
            body |= {"to": sorted(to)}
            _event(statements, at, "access.approved_first", actor, port, body)
        return None

    def end(self, request_id: str, port: Address, state: str, *, actor: str, at: datetime, reason: str) -> bool:
        """Declines a port, or withdraws it; whether it was waiting."""
        with self._database.writing() as statements:
            request = _found(statements, request_id)
            item = request.item(port) if request is not None else None
            if request is None or item is None or item.state != WAITING:
                return False
            _end(statements, request, port, state, actor, at, reason)
        return True

    def move_on(self, item: Item, *, raised: bool, at: datetime, to: Iterable[str]) -> bool:
        """Raises a port to the next level, or reminds whoever has it; whether it stood as it was."""
        now = codec.time_text(at)
        change = "raised = raised + 1, since = ?, reminded_at = NULL" if raised else "reminded_at = ?"
        with self._database.writing() as statements:
            moved = statements.run(
                f"UPDATE access_items SET {change} WHERE request_id = ? AND port = ? AND state = 'waiting' "
                "AND stage = ? AND raised = ? AND since = ?",
                (now, item.request_id, str(item.port), item.stage, item.raised, codec.time_text(item.since)),
            )
            if moved:
                kind = "access.raised" if raised else "access.reminded"
                _event(statements, at, kind, "weft", item.port, {"request": item.request_id, "to": sorted(to)})
        return bool(moved)

    def erase(self, text_ids: Sequence[str]) -> int:
        """Erases purposes and reasons by their ids; how many there were."""
        with self._database.writing() as statements:
            sql = f"DELETE FROM access_texts WHERE text_id IN ({self._database.listed})"
            return statements.run(sql, (json.dumps(list(text_ids)),))


def withdraw_all(statements: Statements, user: str, *, actor: str, at: datetime) -> None:
    """Takes back what a user who is no more waits for, inside a transaction that is open."""
    rows = statements.rows(
        "SELECT DISTINCT q.request_id FROM access_requests q JOIN access_items i ON i.request_id = q.request_id "
        "WHERE i.state = 'waiting' AND q.kind = 'user' AND q.consumer = ? ORDER BY q.request_id",
        (user,),
    )
    for (request_id,) in rows:
        request = _found(statements, str(request_id))
        for item in request.items if request is not None else ():
            if request is not None and item.state == WAITING:
                _end(statements, request, item.port, WITHDRAWN, actor, at, "")


def _end(
    statements: Statements, request: AccessRequest, port: Address, state: str, actor: str, at: datetime, reason: str
) -> None:
    ref, hashed = put_text(statements, reason) if reason else (None, None)
    statements.run(
        "UPDATE access_items SET state = ?, decided_by = ?, decided_at = ?, reason = ? "
        "WHERE request_id = ? AND port = ?",
        (state, actor, codec.time_text(at), ref, request.request_id, str(port)),
    )
    body = {"request": request.request_id, request.kind: request.consumer, "decision": state}
    body |= {"asked_by": request.asked_by}
    kind = "access.decided" if state == DECLINED else "access.withdrawn"
    _event(statements, at, kind, actor, port, body | {"reason": said(ref, hashed)})


def _grant(
    statements: Statements,
    request: AccessRequest,
    port: Address,
    how: Given,
    actor: str,
    at: datetime,
    reason: tuple[str | None, str | None] | None,
    approvals: tuple[str, ...],
) -> Grant:
    """Grants a port of a request, inside a transaction that is open."""
    ref, hashed = reason or (None, None)
    # one salt for all ports of a request: hashed keys still join, and only inside it
    row = statements.row("SELECT salt FROM grants WHERE request_id = ? LIMIT 1", (request.request_id,))
    terms = Terms(
        request.columns,
        request.roles,
        actor,
        request.request_id,
        str(row[0]) if row is not None else None,
        request.purpose_ref,
        ref,
        how.review_at,
    )
    grant = given(statements, port, request.kind, request.consumer, REQUEST, actor, at, how.ends_at, terms)
    statements.run(
        "UPDATE access_items SET state = ?, decided_by = ?, decided_at = ?, reason = ?, grant_id = ?, approvals = ? "
        "WHERE request_id = ? AND port = ?",
        (
            APPROVED, actor, codec.time_text(at), ref, grant.grant_id, json.dumps(approvals), request.request_id,
            str(port),
        ),
    )  # fmt: skip
    body = {"request": request.request_id, request.kind: request.consumer, "decision": APPROVED}
    body |= {"asked_by": request.asked_by}
    _event(
        statements,
        at,
        "access.decided",
        actor,
        port,
        body | {"grant": grant.grant_id, "reason": said(ref, hashed), "approvals": list(approvals)},
    )
    return grant


def _event(statements: Statements, at: datetime, kind: str, actor: str, port: Address, body: Mapping[str, Any]) -> None:
    publishing.append(SqlTables(statements), at, kind, actor, str(port), body)


def _found(statements: Statements, request_id: str) -> AccessRequest | None:
    row = statements.row(f"{_REQUEST} WHERE q.request_id = ?", (request_id,))
    if row is None:
        return None
    items = statements.rows(f"{_ITEM} WHERE i.request_id = ? ORDER BY i.port", (request_id,))
    return _request(row, [_item(item) for item in items])


def _request(row: Sequence[Any], items: Sequence[Item]) -> AccessRequest:
    request_id, asked_by, kind, consumer, columns, roles, purpose, ends_at, at, purpose_ref = row
    return AccessRequest(
        request_id,
        asked_by,
        kind,
        consumer,
        tuple(json.loads(columns)) if columns is not None else None,
        tuple(json.loads(roles)),
        purpose,
        _time(ends_at),
        datetime.fromisoformat(at),
        purpose_ref,
        tuple(items),
    )


def _item(row: Sequence[Any]) -> Item:
    request_id, port, state, stage, raised, since, reminded, by, decided, reason, grant_id, approvals = row
    return Item(
        request_id,
        parse_address(port),
        state,
        int(stage),
        int(raised),
        datetime.fromisoformat(since),
        _time(reminded),
        by,
        _time(decided),
        reason,
        grant_id,
        tuple(json.loads(approvals)),
    )


def _time(value: Any) -> datetime | None:
    return datetime.fromisoformat(value) if value is not None else None
