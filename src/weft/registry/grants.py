"""Grants: who may read which port, from when to when, and by which decision."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from weft.model.address import Address, parse_address
from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.sql_tables import SqlTables

_GRANT = "SELECT grant_id, port, kind, consumer, since, ends_at, basis FROM grants"


class Grant(Struct, frozen=True):
    """That somebody may read a port.

    Attributes:
        kind: `product` or `user`.
        ends_at: None while nobody has ended it.
        basis: by which decision: a publication or a run that declares the input port, a person's.
    """

    grant_id: str
    port: Address
    kind: str
    consumer: str
    since: datetime
    ends_at: datetime | None
    basis: str

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a time."""
        return self.since <= at and (self.ends_at is None or at < self.ends_at)


class HeldScan(Struct, frozen=True):
    """A scan that was granted: the files, by number."""

    scan_id: str
    port: Address
    snapshot_id: str
    consumer: str
    files: tuple[str, ...]
    ends_at: datetime


class GrantStore:
    """Grants and the scans that follow from them; each grant has its event."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def grant(
        self, port: Address, kind: str, consumer: str, *, basis: str, actor: str, at: datetime, ends_at: datetime | None
    ) -> Grant:
        """Lets somebody read a port; gives the grant that holds as long already, if there is one."""
        with self._database.writing() as statements:
            rows = statements.rows(
                f"{_GRANT} WHERE port = ? AND consumer = ? AND kind = ?", (str(port), consumer, kind)
            )
            for known in map(_grant, rows):
                if known.holds(at) and (known.ends_at is None or (ends_at is not None and known.ends_at >= ends_at)):
                    return known
            return given(statements, port, kind, consumer, basis, actor, at, ends_at)

    def end(self, grant_id: str, *, actor: str, at: datetime) -> bool:
        """Ends a grant at once; whether there was one that held."""
        with self._database.writing() as statements:
            row = statements.row(f"{_GRANT} WHERE grant_id = ?", (grant_id,))
            found = _grant(row) if row is not None else None
            if found is None or not found.holds(at):
                return False
            statements.run("UPDATE grants SET ends_at = ? WHERE grant_id = ?", (codec.time_text(at), grant_id))
            # what is being read by it ends too
            statements.run(
                "DELETE FROM scans WHERE port = ? AND consumer = ?", (str(found.port), f"{found.kind}:{found.consumer}")
            )
            body = {"grant": grant_id, found.kind: found.consumer}
            publishing.append(SqlTables(statements), at, "access.ended", actor, str(found.port), body)
        return True

    def listed(self, *, port: Address | None = None, consumer: str | None = None) -> Sequence[Grant]:
        """Grants, of one port or one consumer or of all, newest first."""
        conditions, values = [], []
        for column, value in (("port", str(port) if port is not None else None), ("consumer", consumer)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.reading() as statements:
            rows = statements.rows(f"{_GRANT}{where} ORDER BY since DESC, grant_id", values)
        return [_grant(row) for row in rows]

    def scan(
        self, port: Address, snapshot_id: str, consumer: str, files: Sequence[str], at: datetime, ends_at: datetime
    ) -> tuple[str, str]:
        """Keeps a scan; gives its id and its token, which nobody can ask for again."""
        scan_id, token = secrets.token_hex(12), secrets.token_urlsafe(32)
        listed = json.dumps(list(files)).encode()
        with self._database.writing() as statements:
            statements.run("DELETE FROM scans WHERE ends_at < ?", (codec.time_text(at),))
            statements.run(
                "INSERT INTO scans VALUES (?, ?, ?, ?, ?, ?, ?)",
                (scan_id, _hashed(token), str(port), snapshot_id, consumer, listed, codec.time_text(ends_at)),
            )
        return scan_id, token

    def held(self, scan_id: str, token: str, at: datetime) -> HeldScan | None:
        """A scan, for whoever shows its token while it holds."""
        sql = "SELECT hash, port, consumer, files, ends_at, snapshot_id FROM scans WHERE scan_id = ?"
        with self._database.reading() as statements:
            row = statements.row(sql, (scan_id,))
        if row is None or not hmac.compare_digest(str(row[0]), _hashed(token)):
            return None
        ends_at = datetime.fromisoformat(row[4])
        if at >= ends_at:
            return None
        return HeldScan(scan_id, parse_address(row[1]), row[5], row[2], tuple(json.loads(bytes(row[3]))), ends_at)


def given(
    statements: Statements,
    port: Address,
    kind: str,
    consumer: str,
    basis: str,
    actor: str,
    at: datetime,
    ends_at: datetime | None,
) -> Grant:
    """A new grant with its event, inside a transaction that is open."""
    grant = Grant(secrets.token_hex(8), port, kind, consumer, at, ends_at, basis)
    ends = codec.time_text(ends_at) if ends_at is not None else None
    row = (grant.grant_id, str(port), kind, consumer, codec.time_text(at), ends, basis)
    statements.run("INSERT INTO grants VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    body = {"grant": grant.grant_id, kind: consumer, "basis": basis, "until": ends}
    publishing.append(SqlTables(statements), at, "access.granted", actor, str(port), body)
    return grant


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _grant(row: Sequence[object]) -> Grant:
    grant_id, port, kind, consumer, since, ends_at, basis = row
    ends = datetime.fromisoformat(str(ends_at)) if ends_at is not None else None
    started = datetime.fromisoformat(str(since))
    return Grant(str(grant_id), parse_address(str(port)), str(kind), str(consumer), started, ends, str(basis))
