"""The audit of reading: who read which columns of which ports, when, for what, and how much, as a hash chain.

A read is written down before its first row leaves, and its end when it has one: what is cut off in between shows as a
read without end. What somebody typed, the query and its purpose, is not in the chain, which keeps a salted hash of it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.errors import PlatformError, error
from weft.registry import codec
from weft.registry.database import Database, Statements
from weft.registry.log import BEGINNING, chained
from weft.registry.meters import Meter, put_meters

BEGUN, ENDED = "read.begun", "read.ended"
_AT_ONCE = 1000
_ROW = "seq, at, kind, actor, subject, body, previous, hash"


class ReadPort(Struct, frozen=True):
    """What of a port somebody was let read.

    Attributes:
        clear: names of the columns that were shown as they are.
        masked: names of those that were not, with the mask.
        filtered: whether rows were left out.
        grants: ids of the grants that it rests on.
    """

    port: str
    snapshot_id: str
    clear: tuple[str, ...]
    masked: Mapping[str, str] = {}
    filtered: bool = False
    grants: tuple[str, ...] = ()


class ReadBegun(Struct, frozen=True):
    """A read that is about to begin.

    Attributes:
        wire: how it came: `local`, `http`, `files` for those who were given the files of a data version, `checks` for
            those who saw rows that had failed the checks of a run.
        query: the text, or None where only its hash is kept, or where there was none.
        digest: SHA-256 of the text, where that is kept in its place.
    """

    at: datetime
    principal: str
    wire: str
    ports: tuple[ReadPort, ...]
    purpose: str | None = None
    query: str | None = None
    digest: str | None = None
    request_id: str | None = None


class ReadEnded(Struct, frozen=True):
    """How a read ended.

    Attributes:
        how: `done`, `cut` at a limit, `revoked`, `failed`, or `left` by whoever asked.
        size_bytes: of the answer.
        meters: what the reader was given, measured: kept with the end, and not in the chain, which tells it already.
    """

    read_id: str
    at: datetime
    principal: str
    how: str
    rows: int
    size_bytes: int
    seconds: float
    meters: tuple[Meter, ...] = ()


class Read(Struct, frozen=True):
    """A read as it was written down; without end where it has none yet, or its process died."""

    read_id: str
    begun: ReadBegun
    ended: ReadEnded | None = None

    def as_json(self) -> dict[str, Any]:
        """The read as lists show it."""
        begun, ended = self.begun, self.ended
        return {
            "read_id": self.read_id,
            "at": begun.at.isoformat(),
            "principal": begun.principal,
            "wire": begun.wire,
            "purpose": begun.purpose,
            "query": begun.query,
            "query_sha256": begun.digest,
            "request_id": begun.request_id,
            "ports": [
                {
                    "port": one.port,
                    "snapshot_id": one.snapshot_id,
                    "clear": list(one.clear),
                    "masked": dict(one.masked),
                    "filtered": one.filtered,
                    "grants": list(one.grants),
                }
                for one in begun.ports
            ],
            "ended": ended.how if ended else None,
            "rows": ended.rows if ended else None,
            "bytes": ended.size_bytes if ended else None,
            "seconds": round(ended.seconds, 3) if ended else None,
        }


class AuditStore:
    """The audit in the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def write(self, records: Sequence[ReadBegun | ReadEnded]) -> list[str]:
        """Writes records down, all or none; they are on disk when it returns. Gives the ids of the reads."""
        ids = [one.read_id if isinstance(one, ReadEnded) else secrets.token_hex(10) for one in records]
        with self._database.writing() as statements:
            last = statements.row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1")
            seq, previous = (int(last[0]), str(last[1])) if last is not None else (0, BEGINNING)
            for read_id, record in zip(ids, records, strict=True):
                seq += 1
                previous = self._add(statements, seq, previous, read_id, record)
        return ids

    def reads(
        self,
        *,
        port: str | None = None,
        domains: Collection[str] | None = None,
        principal: str | None = None,
        before: int | None = None,
        limit: int = 50,
    ) -> list[tuple[int, Read]]:
        """Reads, newest first, each with its number in the chain.

        Args:
            port: of this port alone, with its major.
            domains: of ports of these domains alone, and only these ports are told; None: of all.
            before: only those that stand before this number.
        """
        conditions, values = ["kind = ?", "seq < ?"], [BEGUN, 2**62 if before is None else before]
        if port is not None:
            conditions.append("seq IN (SELECT seq FROM audit_ports WHERE port = ?)")
            values.append(port)
        if domains is not None:
            within = " OR ".join("port >= ? AND port < ?" for _ in domains) or "1 = 0"
            conditions.append(f"seq IN (SELECT seq FROM audit_ports WHERE {within})")
            values += [bound for domain in sorted(domains) for bound in (f"{domain}.", f"{domain}/")]
        if principal is not None:
            conditions.append("actor = ?")
            values.append(principal)
        with self._database.moment() as statements:
            rows = statements.rows(
                f"SELECT {_ROW} FROM audit WHERE {' AND '.join(conditions)} ORDER BY seq DESC LIMIT ?", [*values, limit]
            )
            ids = json.dumps([row[4] for row in rows])
            ends = statements.rows(
                f"SELECT {_ROW} FROM audit WHERE kind = ? AND subject IN ({self._database.listed})", (ENDED, ids)
            )
            texts = statements.rows(
                f"SELECT read_id, purpose, query FROM audit_texts WHERE read_id IN ({self._database.listed})", (ids,)
            )
        ended = {row[4]: _ended(row) for row in ends}
        told = {read_id: (purpose, query) for read_id, purpose, query in texts}
        return [(int(row[0]), Read(row[4], _begun(row, told.get(row[4]), domains), ended.get(row[4]))) for row in rows]

    def verify(self) -> int:
        """Walks the chain, and compares what was typed with its hashes; gives the chain's length.

        Raises:
            PlatformError: WFT-REG-018, something is missing or was changed; names the first record.
        """
        with self._database.moment() as statements:
            length = _walked(_all(statements))
            for read_id, salt, purpose, query, body in _texts(statements):
                if _salted(salt, purpose, query) != json.loads(body)["texts"]:
                    raise _broken(f"the texts of read {read_id} are not those that were written down")
        return length

    def erase(self, read_ids: Sequence[str]) -> int:
        """Erases what was typed for some reads; the chain still holds. Gives how many had something."""
        with self._database.writing() as statements:
            return sum(statements.run("DELETE FROM audit_texts WHERE read_id = ?", (one,)) for one in read_ids)

    def _add(self, statements: Statements, seq: int, previous: str, read_id: str, record: ReadBegun | ReadEnded) -> str:
        at = codec.time_text(record.at)
        if isinstance(record, ReadBegun):
            salt = secrets.token_hex(16)
            kind, body = BEGUN, _begun_body(record, salt)
            if record.purpose is not None or record.query is not None:
                texts = (read_id, salt, record.purpose, record.query)
                statements.run("INSERT INTO audit_texts (read_id, salt, purpose, query) VALUES (?, ?, ?, ?)", texts)
            statements.many(
                "INSERT INTO audit_ports (port, seq) VALUES (?, ?)",
                [(port, seq) for port in dict.fromkeys(one.port for one in record.ports)],
            )
        else:
            kind, body = ENDED, _ended_body(record)
            put_meters(statements, record.meters)
        hash_ = chained(previous, seq, at, kind, record.principal, read_id, body)
        row = (seq, at, kind, record.principal, read_id, codec.dumps(body), previous, hash_)
        statements.run(f"INSERT INTO audit ({_ROW}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        return hash_


def _begun_body(record: ReadBegun, salt: str) -> dict[str, Any]:
    return {
        "wire": record.wire,
        "ports": [
            [one.port, one.snapshot_id, list(one.clear), dict(one.masked), one.filtered, list(one.grants)]
            for one in record.ports
        ],
        "texts": _salted(salt, record.purpose, record.query),
        "query_sha256": record.digest,
        "request_id": record.request_id,
    }


def _ended_body(record: ReadEnded) -> dict[str, Any]:
    return {"how": record.how, "rows": record.rows, "bytes": record.size_bytes, "seconds": round(record.seconds, 6)}


def _begun(
    row: Sequence[Any], texts: tuple[str | None, str | None] | None, domains: Collection[str] | None
) -> ReadBegun:
    body = codec.loads(row[5])
    purpose, query = texts or (None, None)
    return ReadBegun(
        datetime.fromisoformat(row[1]),
        row[3],
        body["wire"],
        tuple(
            ReadPort(port, snapshot, tuple(clear), masked, filtered, tuple(grants))
            for port, snapshot, clear, masked, filtered, grants in body["ports"]
            if domains is None or port.partition(".")[0] in domains
        ),
        purpose,
        query,
        body["query_sha256"],
        body["request_id"],
    )


def _ended(row: Sequence[Any]) -> ReadEnded:
    body = codec.loads(row[5])
    at = datetime.fromisoformat(row[1])
    return ReadEnded(row[4], at, row[3], body["how"], body["rows"], body["bytes"], body["seconds"])


def _all(statements: Statements) -> Iterator[tuple[Any, ...]]:
    after = 0
    while rows := statements.rows(f"SELECT {_ROW} FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (after, _AT_ONCE)):
        yield from rows
        after = int(rows[-1][0])


def _texts(statements: Statements) -> Iterator[tuple[Any, ...]]:
    after = ""
    sql = (
        "SELECT t.read_id, t.salt, t.purpose, t.query, a.body FROM audit_texts t "
        "LEFT JOIN audit a ON a.subject = t.read_id AND a.kind = ? WHERE t.read_id > ? ORDER BY t.read_id LIMIT ?"
    )
    while rows := statements.rows(sql, (BEGUN, after, _AT_ONCE)):
        for row in rows:
            if row[4] is None:
                raise _broken(f"read {row[0]} has texts and no record")
        yield from rows
        after = str(rows[-1][0])


def _walked(rows: Iterable[tuple[Any, ...]]) -> int:
    previous, length = BEGINNING, 0
    for seq, at, kind, actor, subject, body, before, hash_ in rows:
        expected = chained(previous, int(seq), at, kind, actor, subject, json.loads(body))
        if int(seq) != length + 1 or before != previous or hash_ != expected:
            raise _broken(f"record {length + 1} is missing or was changed")
        previous, length = hash_, length + 1
    return length


def _broken(why: str) -> PlatformError:
    return PlatformError(
        error(
            "WFT-REG-018",
            "the audit of reading is broken",
            why=f"{why} after it was written",
            fix="compare with a backup: somebody has changed the registry's database by hand",
        )
    )


def _salted(salt: str, purpose: str | None, query: str | None) -> str:
    return hashlib.sha256(codec.dumps([salt, purpose, query]).encode()).hexdigest()
