"""Approvals of publications: asked for once for each content, and decided once. Each step is an event.

Reasons stand in a table that can be erased; events hold a reference and a salted hash.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from weft.model.approvals import APPROVED, DECLINED, WAITING, AskedApproval, Wanted
from weft.model.violations import domain_of
from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.grants import put_text
from weft.registry.sql_tables import SqlTables

_NEWER = "FROM approvals n WHERE n.product = a.product AND n.policy = a.policy AND n.asked_at > a.asked_at"
"""Approvals of other content of the same product, for the same policy, that were asked for since."""
_SELECT = (
    "SELECT a.approval_id, a.policy, a.product, a.digest, a.roles, a.why, a.state, a.asked_by, a.asked_at, "
    "a.decided_by, a.decided_at, t.content, a.content, "
    f"(SELECT n.approval_id {_NEWER} ORDER BY n.asked_at DESC, n.approval_id LIMIT 1) "
    "FROM approvals a LEFT JOIN access_texts t ON t.text_id = a.reason"
)


class ApprovalStore:
    """Approvals in the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asked(self, wanted: Sequence[Wanted], *, actor: str, at: datetime) -> list[AskedApproval]:
        """How these approvals stand; one that nobody has asked for is asked for by this."""
        with self._database.writing() as statements:
            return [self._asked(statements, one, actor, at) for one in wanted]

    def get(self, approval_id: str) -> AskedApproval | None:
        """One approval."""
        with self._database.reading() as statements:
            row = statements.row(f"{_SELECT} WHERE a.approval_id = ?", (approval_id,))
        return _approval(row) if row is not None else None

    def listed(
        self,
        state: str | None = None,
        *,
        product: str | None = None,
        after: tuple[str, str] | None = None,
        limit: int = 100,
    ) -> list[AskedApproval]:
        """Approvals, newest first.

        Args:
            state: `waiting`: those that somebody is to decide on, without superseded ones.
            product: those of one product.
            after: the time, as text, and the id of one: only older ones.
        """
        conditions: list[str] = ["a.approval_id > ''"]
        values: list[Any] = []
        if state is not None:
            conditions.append("a.state = ?")
            values.append(state)
        if state == WAITING:
            conditions.append(f"NOT EXISTS (SELECT 1 {_NEWER})")
        if product is not None:
            conditions.append("a.product = ?")
            values.append(product)
        if after is not None:
            conditions.append("(a.asked_at < ? OR (a.asked_at = ? AND a.approval_id > ?))")
            values += [after[0], *after]
        sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY a.asked_at DESC, a.approval_id LIMIT ?"
        with self._database.reading() as statements:
            return [_approval(row) for row in statements.rows(sql, (*values, limit))]

    def decide(self, approval_id: str, approved: bool, *, actor: str, at: datetime, reason: str) -> bool:
        """Says yes or no; whether nobody had before. Whether the actor may is for the caller to have looked at."""
        with self._database.writing() as statements:
            row = statements.row(f"{_SELECT} WHERE a.approval_id = ?", (approval_id,))
            found = _approval(row) if row is not None else None
            if found is None or found.state != WAITING:
                return False
            text, hashed = put_text(statements, reason)
            state = APPROVED if approved else DECLINED
            statements.run(
                "UPDATE approvals SET state = ?, decided_by = ?, decided_at = ?, reason = ? WHERE approval_id = ?",
                (state, actor, codec.time_text(at), text, approval_id),
            )
            body = _body(found) | {"reason": {"text": text, "hash": hashed}}
            _event(statements, f"approval.{state}", approval_id, actor, at, body)
        return True

    def _asked(self, statements: Statements, wanted: Wanted, actor: str, at: datetime) -> AskedApproval:
        row = statements.row(
            f"{_SELECT} WHERE a.policy = ? AND a.product = ? AND a.digest = ?",
            (wanted.policy, wanted.product, wanted.digest),
        )
        if row is not None:
            found = _approval(row)
            return found if found.state != WAITING or found.superseded_by is None else _again(statements, found, at)
        made = AskedApproval(f"p-{secrets.token_hex(6)}", wanted, WAITING, actor, at)
        statements.run(
            "INSERT INTO approvals (approval_id, policy, product, domain, digest, roles, why, state, asked_by, "
            "asked_at, content) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                made.approval_id, wanted.policy, wanted.product, domain_of(wanted.product), wanted.digest,
                json.dumps(wanted.roles), wanted.why, WAITING, actor, codec.time_text(at),
                None if wanted.content is None else json.dumps(wanted.content, default=str),
            ),
        )  # fmt: skip
        _event(statements, "approval.asked", made.approval_id, actor, at, _body(made))
        return made


def _again(statements: Statements, found: AskedApproval, at: datetime) -> AskedApproval:
    """Asks anew for content that other content had come before: it is what waits now."""
    statements.run("UPDATE approvals SET asked_at = ? WHERE approval_id = ?", (codec.time_text(at), found.approval_id))
    _event(statements, "approval.asked", found.approval_id, found.asked_by, at, _body(found))
    return replace(found, asked_at=at, superseded_by=None)


def _body(approval: AskedApproval) -> dict[str, Any]:
    wanted = approval.wanted
    return {
        "approval": approval.approval_id,
        "policy": wanted.policy,
        "product": wanted.product,
        "digest": wanted.digest,
        "roles": list(wanted.roles),
    }


def _event(statements: Statements, kind: str, approval_id: str, actor: str, at: datetime, body: dict[str, Any]) -> None:
    publishing.append(SqlTables(statements), at, kind, actor, f"approval:{approval_id}", body)


def _approval(row: Sequence[Any]) -> AskedApproval:
    (
        approval_id,
        policy,
        product,
        digest,
        roles,
        why,
        state,
        asked_by,
        asked_at,
        decided_by,
        decided_at,
        reason,
        content,
        superseded_by,
    ) = row
    return AskedApproval(
        approval_id,
        Wanted(policy, product, digest, tuple(json.loads(roles)), why, json.loads(content) if content else None),
        state,
        asked_by,
        datetime.fromisoformat(asked_at),
        decided_by,
        datetime.fromisoformat(decided_at) if decided_at else None,
        reason,
        superseded_by,
    )
