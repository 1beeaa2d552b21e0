"""Grants: who may read which port, from when to when, and by which decision."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from weft.model.address import Address, parse_address
from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.sql_tables import SqlTables

GRANT = (
    "SELECT g.grant_id, g.port, g.kind, g.consumer, g.since, g.ends_at, g.basis, g.named_columns, g.roles, g.given_by, "
    "g.request_id, g.salt, p.content, r.content, g.review_at, g.reviewed_at, g.used_at, g.ended_by, e.content "
    "FROM grants g LEFT JOIN access_texts p ON p.text_id = g.purpose LEFT JOIN access_texts r ON r.text_id = g.reason "
    "LEFT JOIN access_texts e ON e.text_id = g.ended_reason"
)


class Grant(Struct, frozen=True):
    """That somebody may read a port.

    Attributes:
        kind: `product`, `user`, `team` or `service`.
        ends_at: None while nobody has ended it.
        basis: by which decision: a publication or a run that declares the input port, a person's.
        columns: those that it names; None: all.
        roles: roles of the port's contract that it is for.
        given_by: who has decided; None where nobody was asked.
        salt: makes hashes of its values differ from those of others; the same for all ports of one request.
        purpose: and `reason`: as they were written; None where nobody wrote one, or where it was erased.
        review_at: when somebody has to look whether it is still needed.
        reviewed_at: when somebody did.
        used_at: the last day on which it was read by.
        ended_by: who has ended it before its time; None where time alone did.
        ended_reason: as it was written, like `reason`.
    """

    grant_id: str
    port: Address
    kind: str
    consumer: str
    since: datetime
    ends_at: datetime | None
    basis: str
    columns: tuple[str, ...] | None = None
    roles: tuple[str, ...] = ()
    given_by: str | None = None
    request_id: str | None = None
    salt: str | None = None
    purpose: str | None = None
    reason: str | None = None
    review_at: datetime | None = None
    reviewed_at: datetime | None = None
    used_at: datetime | None = None
    ended_by: str | None = None
    ended_reason: str | None = None

    def holds(self, at: datetime) -> bool:
        """Whether it holds at a time. It does from its giving on, whatever this machine's clock thinks of that."""
        return self.ends_at is None or at < self.ends_at


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
                f"{GRANT} WHERE g.port = ? AND g.consumer = ? AND g.kind = ?", (str(port), consumer, kind)
            )
            for known in map(grant_of, rows):
                if (
                    known.columns is None
                    and known.holds(at)
                    and (known.ends_at is None or (ends_at is not None and known.ends_at >= ends_at))
                ):
                    return known
            return given(statements, port, kind, consumer, basis, actor, at, ends_at)

    def end(self, grant_id: str, *, actor: str, at: datetime, reason: str = "") -> bool:
        """Ends a grant at once; whether there was one that held."""
        with self._database.writing() as statements:
            row = statements.row(f"{GRANT} WHERE g.grant_id = ?", (grant_id,))
            found = grant_of(row) if row is not None else None
            if found is None or not found.holds(at):
                return False
            _end(statements, found, actor, at, reason)
        return True

    def listed(self, *, port: Address | None = None, consumer: str | None = None) -> Sequence[Grant]:
        """Grants, of one port or one consumer or of all, newest first."""
        conditions, values = [], []
        for column, value in (("g.port", str(port) if port is not None else None), ("g.consumer", consumer)):
            if value is not None:
                conditions.append(f"{column} = ?")
                values.append(value)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        with self._database.reading() as statements:
            rows = statements.rows(f"{GRANT}{where} ORDER BY g.since DESC, g.grant_id", values)
        return [grant_of(row) for row in rows]

    def get(self, grant_id: str) -> Grant | None:
        """One grant."""
        with self._database.reading() as statements:
            row = statements.row(f"{GRANT} WHERE g.grant_id = ?", (grant_id,))
        return grant_of(row) if row is not None else None

    def of(self, port: Address, consumers: Iterable[tuple[str, str]]) -> tuple[Grant, ...]:
        """The grants on a port of somebody who goes by these kinds and names, ended ones too, oldest first."""
        wanted = frozenset(consumers)
        with self._database.reading() as statements:
            rows = statements.rows(f"{GRANT} WHERE g.port = ? ORDER BY g.since, g.grant_id", (str(port),))
        return tuple(g for g in map(grant_of, rows) if (g.kind, g.consumer) in wanted)

    def used(self, grant_ids: Iterable[str], at: datetime) -> None:
        """Notes the day on which grants were read by."""
        day = codec.time_text(at.replace(hour=0, minute=0, second=0, microsecond=0))
        listed = json.dumps(list(grant_ids))
        old = f"grant_id IN ({self._database.listed}) AND (used_at IS NULL OR used_at < ?)"
        with self._database.reading() as statements:
            if statements.row(f"SELECT 1 FROM grants WHERE {old} LIMIT 1", (listed, day)) is None:
                return
        with self._database.writing() as statements:
            statements.run(f"UPDATE grants SET used_at = ? WHERE {old}", (day, listed, day))

    def keep(self, grant_id: str, *, actor: str, at: datetime, review_at: datetime) -> bool:
        """Notes that somebody has looked at a grant and it is still needed; whether there was one that holds."""
        with self._database.writing() as statements:
            row = statements.row(f"{GRANT} WHERE g.grant_id = ?", (grant_id,))
            found = grant_of(row) if row is not None else None
            if found is None or not found.holds(at):
                return False
            times = (codec.time_text(at), codec.time_text(review_at))
            sql = "UPDATE grants SET reviewed_at = ?, review_at = ?, told = NULL WHERE grant_id = ?"
            statements.run(sql, (*times, grant_id))
            body = {"grant": grant_id, found.kind: found.consumer, "review": times[1]}
            publishing.append(SqlTables(statements), at, "access.kept", actor, str(found.port), body)
        return True

    def ending(self, at: datetime, grace: timedelta) -> list[tuple[Grant, str]]:
        """Tells once of what time has brought: grants that are over (`expired`), that somebody has to look at again
        (`review`), and those that nobody has looked at for too long since then, which end by that (`unreviewed`).

        Args:
            grace: how long somebody has to look. It begins when they are told, however late that is.
        """
        now, late = codec.time_text(at), codec.time_text(at - grace)
        due = (
            ("expired", "g.ends_at <= ? AND (g.told IS NULL OR g.told <> 'expired')", now),
            ("unreviewed", "g.told = 'review' AND g.review_at <= ? AND (g.ends_at IS NULL OR g.ends_at > ?)", late),
            ("review", "g.review_at <= ? AND g.told IS NULL AND (g.ends_at IS NULL OR g.ends_at > ?)", now),
        )
        with self._database.reading() as statements:
            if not any(statements.row(f"{GRANT} WHERE {c} LIMIT 1", (v, now)[: c.count("?")]) for _, c, v in due):
                return []
        found: list[tuple[Grant, str]] = []
        with self._database.writing() as statements:
            for what, condition, value in due:
                rows = statements.rows(f"{GRANT} WHERE {condition}", (value, now)[: condition.count("?")])
                for grant in map(grant_of, rows):
                    ends = now if what == "unreviewed" else None
                    told, asked = ("review", now) if what == "review" else ("expired", None)
                    sql = (
                        "UPDATE grants SET told = ?, ends_at = coalesce(?, ends_at), "
                        "review_at = coalesce(?, review_at) WHERE grant_id = ?"
                    )
                    statements.run(sql, (told, ends, asked, grant.grant_id))
                    body = {"grant": grant.grant_id, grant.kind: grant.consumer} | _asked(statements, grant)
                    kind = "access.review" if what == "review" else "access.expired"
                    reason = {"why": "nobody has reviewed it"} if what == "unreviewed" else {}
                    publishing.append(SqlTables(statements), at, kind, "weft", str(grant.port), body | reason)
                    found.append((grant, what))
        return found

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


class Terms(Struct, frozen=True):
    """What a grant says beside who reads what, see `Grant`; `purpose` and `reason` are ids of texts."""

    columns: tuple[str, ...] | None = None
    roles: tuple[str, ...] = ()
    given_by: str | None = None
    request_id: str | None = None
    salt: str | None = None
    purpose: str | None = None
    reason: str | None = None
    review_at: datetime | None = None


def given(
    statements: Statements,
    port: Address,
    kind: str,
    consumer: str,
    basis: str,
    actor: str,
    at: datetime,
    ends_at: datetime | None,
    terms: Terms | None = None,
) -> Grant:
    """A new grant with its event, inside a transaction that is open."""
    terms = terms or Terms()
    salt = terms.salt or secrets.token_hex(16)
    grant = Grant(
        secrets.token_hex(8), port, kind, consumer, at, ends_at, basis, terms.columns, terms.roles, terms.given_by,
        terms.request_id, salt, review_at=terms.review_at,
    )  # fmt: skip
    ends, review = (codec.time_text(t) if t is not None else None for t in (ends_at, terms.review_at))
    row = {
        "grant_id": grant.grant_id,
        "port": str(port),
        "kind": kind,
        "consumer": consumer,
        "since": codec.time_text(at),
        "ends_at": ends,
        "basis": basis,
        "named_columns": json.dumps(terms.columns) if terms.columns is not None else None,
        "roles": json.dumps(terms.roles),
        "given_by": terms.given_by,
        "request_id": terms.request_id,
        "salt": salt,
        "purpose": terms.purpose,
        "reason": terms.reason,
        "review_at": review,
    }
    marks = ", ".join("?" for _ in row)
    statements.run(f"INSERT INTO grants ({', '.join(row)}) VALUES ({marks})", tuple(row.values()))
    body: dict[str, object] = {"grant": grant.grant_id, kind: consumer, "basis": basis, "until": ends}
    if terms.columns is not None:
        body["columns"] = list(terms.columns)
    if terms.request_id is not None:
        body["request"] = terms.request_id
    publishing.append(SqlTables(statements), at, "access.granted", actor, str(port), body)
    return grant


def end_all(statements: Statements, user: str, *, actor: str, at: datetime) -> None:
    """Ends what a user who is no more may read, inside a transaction that is open: the name may be another's next."""
    rows = statements.rows(f"{GRANT} WHERE g.consumer = ? AND g.kind = 'user' ORDER BY g.since, g.grant_id", (user,))
    for grant in map(grant_of, rows):
        if grant.holds(at):
            _end(statements, grant, actor, at, "")


def _end(statements: Statements, grant: Grant, actor: str, at: datetime, reason: str) -> None:
    ref, hashed = put_text(statements, reason) if reason else (None, None)
    sql = "UPDATE grants SET ends_at = ?, told = 'expired', ended_by = ?, ended_reason = ? WHERE grant_id = ?"
    statements.run(sql, (codec.time_text(at), actor, ref, grant.grant_id))
    # what is being read by it ends too; nobody knows who of a team reads by its grant, so all of them ask again
    members = " OR consumer LIKE 'user:%'" if grant.kind == "team" else ""
    statements.run(
        f"DELETE FROM scans WHERE port = ? AND (consumer = ?{members})",
        (str(grant.port), f"{grant.kind}:{grant.consumer}"),
    )
    body = {"grant": grant.grant_id, grant.kind: grant.consumer, "reason": said(ref, hashed)}
    asked = _asked(statements, grant)
    publishing.append(SqlTables(statements), at, "access.ended", actor, str(grant.port), body | asked)


def put_text(statements: Statements, content: str) -> tuple[str, str]:
    """Keeps a text that can be erased; gives its id, and a salted hash that may stand in the log."""
    text_id, salt = f"t-{secrets.token_hex(8)}", secrets.token_hex(16)
    statements.run("INSERT INTO access_texts VALUES (?, ?, ?)", (text_id, salt, content))
    return text_id, _hashed(salt + content)


def said(ref: str | None, hashed: str | None) -> dict[str, str | None] | None:
    """What the log keeps of a text that can be erased; None where nobody wrote one."""
    return {"text": ref, "hash": hashed} if ref is not None else None


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def grant_of(row: Sequence[object]) -> Grant:
    grant_id, port, kind, consumer, since, ends_at, basis, columns, roles, given_by, request_id, salt = row[:12]
    purpose, reason, review_at, reviewed_at, used_at, ended_by, ended_reason = row[12:]
    return Grant(
        str(grant_id),
        parse_address(str(port)),
        str(kind),
        str(consumer),
        datetime.fromisoformat(str(since)),
        _time(ends_at),
        str(basis),
        tuple(json.loads(str(columns))) if columns is not None else None,
        tuple(json.loads(str(roles))) if roles is not None else (),
        _text(given_by),
        _text(request_id),
        _text(salt),
        _text(purpose),
        _text(reason),
        _time(review_at),
        _time(reviewed_at),
        _time(used_at),
        _text(ended_by),
        _text(ended_reason),
    )


def _time(value: object) -> datetime | None:
    return datetime.fromisoformat(str(value)) if value is not None else None


def _text(value: object) -> str | None:
    return str(value) if value is not None else None


def _asked(statements: Statements, grant: Grant) -> dict[str, str]:
    """Who has asked for a grant, for whoever tells of its end."""
    row = None
    if grant.request_id is not None:
        row = statements.row("SELECT asked_by FROM access_requests WHERE request_id = ?", (grant.request_id,))
    return {"request": str(grant.request_id), "asked_by": str(row[0])} if row is not None else {}
