"""Runs that build elsewhere: where they may write, what they have uploaded, what they have handed in."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from weft.model.handover import Upload
from weft.registry import codec, publishing
from weft.registry.database import Database, Statements
from weft.registry.sql_tables import SqlTables


class HandoverState(StrEnum):
    """How a handover stands: one that is held waits for a person, refused is what the runner has to mend."""

    WAITING = "waiting"
    HELD = "held"
    DONE = "done"
    REFUSED = "refused"


class OpenRun(Struct, frozen=True):
    """A run that may write.

    Attributes:
        caller: who has opened it; nobody else goes on with it.
        domains: whose products it may publish.
    """

    run_id: str
    caller: str
    domains: frozenset[str]
    opened_at: datetime
    ends_at: datetime
    closed_at: datetime | None = None

    def writes(self, now: datetime) -> bool:
        """Whether it is still open."""
        return self.closed_at is None and now < self.ends_at


class HandedIn(Struct, frozen=True):
    """A publication that a runner has handed in.

    Attributes:
        digest: of the document, so that the same one is known again.
        answer: the publications, or the diagnostics, as JSON.
        held_at: since when it waits, or has waited, for a person.
    """

    run_id: str
    product: str
    digest: str
    caller: str
    state: HandoverState
    answer: bytes | None
    held_at: datetime | None = None


class Ended(Struct, frozen=True):
    """That a publication which has waited for a person is not published: why, by codes alone."""

    codes: tuple[str, ...]
    actor: str
    at: datetime

    def note(self, statements: Statements, run_id: str, product: str) -> None:
        """Writes the event."""
        body = {"run": run_id, "product": product, "codes": list(dict.fromkeys(self.codes))}
        publishing.append(SqlTables(statements), self.at, "publication.dropped", self.actor, product, body)


class HandoverStore:
    """Over the registry's database; what these tables lead to has its event where it is published."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, run: OpenRun) -> OpenRun:
        """Opens a run; gives the one that there is, if its id is known."""
        values = (
            run.run_id,
            run.caller,
            json.dumps(sorted(run.domains)),
            codec.time_text(run.opened_at),
            codec.time_text(run.ends_at),
        )
        with self._database.writing() as statements:
            statements.run(
                "INSERT INTO open_runs (run_id, caller, domains, opened_at, ends_at) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (run_id) DO NOTHING",
                values,
            )
        found = self.run(run.run_id)
        assert found is not None, "it was just opened"
        return found

    def run(self, run_id: str) -> OpenRun | None:
        """A run that was opened here."""
        with self._database.reading() as statements:
            row = statements.row(
                "SELECT run_id, caller, domains, opened_at, ends_at, closed_at FROM open_runs WHERE run_id = ?",
                (run_id,),
            )
        if row is None:
            return None
        closed = datetime.fromisoformat(row[5]) if row[5] is not None else None
        opened, ends = datetime.fromisoformat(row[3]), datetime.fromisoformat(row[4])
        return OpenRun(row[0], row[1], frozenset(json.loads(row[2])), opened, ends, closed)

    def close(self, run_id: str, at: datetime) -> None:
        """Ends a run: it writes no more."""
        with self._database.writing() as statements:
            statements.run(
                "UPDATE open_runs SET closed_at = ? WHERE run_id = ? AND closed_at IS NULL",
                (codec.time_text(at), run_id),
            )

    def overdue(self, at: datetime) -> list[str]:
        """Runs that have not ended in their time, and have nothing left that is to be committed."""
        sql = (
            "SELECT run_id FROM open_runs WHERE closed_at IS NULL AND ends_at < ? AND NOT EXISTS "
            "(SELECT 1 FROM handovers h WHERE h.run_id = open_runs.run_id AND h.state = ?) ORDER BY run_id"
        )
        with self._database.reading() as statements:
            return [run_id for (run_id,) in statements.rows(sql, (codec.time_text(at), HandoverState.WAITING.value))]

    def uploaded_bytes(self, domain: str) -> int:
        """Bytes that runs of a domain have uploaded which are open, or of which something waits for a person."""
        sql = (
            "SELECT r.domains, sum(f.size_bytes) FROM open_runs r JOIN run_files f ON f.run_id = r.run_id "
            "WHERE r.closed_at IS NULL OR EXISTS (SELECT 1 FROM handovers h WHERE h.run_id = r.run_id AND h.state = ?) "
            "GROUP BY r.run_id, r.domains"
        )
        with self._database.reading() as statements:
            rows = statements.rows(sql, (HandoverState.HELD.value,))
        return sum(int(size) for domains, size in rows if domain in json.loads(domains))

    def uploaded(self, run_id: str, upload: Upload) -> Upload:
        """Keeps what was uploaded under a name; gives what is known by it, be it something else."""
        with self._database.writing() as statements:
            statements.run(
                "INSERT INTO run_files VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (run_id, upload.name, upload.size_bytes, upload.sha256),
            )
            row = statements.row(
                "SELECT size_bytes, sha256 FROM run_files WHERE run_id = ? AND name = ?", (run_id, upload.name)
            )
        assert row is not None, "it was just kept"
        return Upload(upload.name, row[0], row[1])

    def forget_uploads(self, run_id: str, below: str) -> list[str]:
        """Forgets what lies below a folder of a run; gives its names."""
        names = [name for name in self.uploads(run_id) if name.startswith(below)]
        if names:
            with self._database.writing() as statements:
                for name in names:
                    statements.run("DELETE FROM run_files WHERE run_id = ? AND name = ?", (run_id, name))
        return names

    def uploads(self, run_id: str) -> dict[str, Upload]:
        """What a run has uploaded, by name."""
        with self._database.reading() as statements:
            rows = statements.rows("SELECT name, size_bytes, sha256 FROM run_files WHERE run_id = ?", (run_id,))
        return {name: Upload(name, size, sha256) for name, size, sha256 in rows}

    def hand_in(
        self, run_id: str, product: str, digest: str, caller: str, document: bytes, at: datetime, place: str
    ) -> tuple[HandedIn, bool]:
        """Keeps a handover, which waits to be committed; gives the one that is known, and whether it is new.

        Args:
            place: the server that has its files.
        """
        with self._database.writing() as statements:
            fresh = statements.run(
                "INSERT INTO handovers (run_id, product, digest, caller, state, document, at, place) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (run_id, product, digest, caller, HandoverState.WAITING.value, document, codec.time_text(at), place),
            )
        found = self.handed_in(run_id, product)
        assert found is not None, "it was just kept"
        return found, bool(fresh)

    def handed_in(self, run_id: str, product: str) -> HandedIn | None:
        """How a handover stands."""
        sql = (
            "SELECT run_id, product, digest, caller, state, answer, held_at FROM handovers "
            "WHERE run_id = ? AND product = ?"
        )
        with self._database.reading() as statements:
            row = statements.row(sql, (run_id, product))
        if row is None:
            return None
        held_at = datetime.fromisoformat(row[6]) if row[6] else None
        return HandedIn(row[0], row[1], row[2], row[3], HandoverState(row[4]), row[5] and bytes(row[5]), held_at)

    def document(self, run_id: str, product: str) -> bytes:
        """What was handed in, as it came."""
        sql = "SELECT document FROM handovers WHERE run_id = ? AND product = ?"
        with self._database.reading() as statements:
            row = statements.row(sql, (run_id, product))
        assert row is not None, "it was handed in"
        return bytes(row[0])

    def waits(self, run_id: str) -> bool:
        """Whether something of a run is neither committed nor refused yet, be it that a person has to agree first."""
        with self._database.reading() as statements:
            sql = "SELECT 1 FROM handovers WHERE run_id = ? AND state IN (?, ?)"
            return statements.row(sql, (run_id, HandoverState.WAITING.value, HandoverState.HELD.value)) is not None

    def published(self, run_id: str, product: str) -> dict[str, int] | None:
        """The revisions of the ports of a product that a run has published, by port; None while it has not."""
        sql = "SELECT revisions FROM publishes WHERE run_id = ? AND product = ?"
        with self._database.reading() as statements:
            row = statements.row(sql, (run_id, product))
        return {str(port): int(number) for port, number in json.loads(row[0]).items()} if row is not None else None

    def published_by(self, run_id: str) -> Collection[str]:
        """Products that a run has published."""
        sql = "SELECT product FROM handovers WHERE run_id = ? AND state = ?"
        with self._database.reading() as statements:
            return [product for (product,) in statements.rows(sql, (run_id, HandoverState.DONE.value))]

    def answer(
        self, run_id: str, product: str, state: HandoverState, answer: bytes, ended: Ended | None = None
    ) -> None:
        """Keeps what came of a handover, the first time; its document stays until nothing is left to do behind it.

        Args:
            ended: of one that had waited for a person and is refused now: becomes an event.
        """
        with self._database.writing() as statements:
            done = statements.run(
                "UPDATE handovers SET state = ?, answer = ?, holder = NULL WHERE run_id = ? AND product = ? "
                "AND state = ?",
                (state.value, answer, run_id, product, HandoverState.WAITING.value),
            )
            if done and ended is not None:
                ended.note(statements, run_id, product)

    def settle(self, run_id: str, product: str) -> None:
        """Forgets the document of a handover, behind which nothing is left to do."""
        with self._database.writing() as statements:
            statements.run(
                "UPDATE handovers SET document = ? WHERE run_id = ? AND product = ? AND state NOT IN (?, ?)",
                (b"", run_id, product, HandoverState.WAITING.value, HandoverState.HELD.value),
            )

    def unsettled(self) -> Sequence[tuple[str, str]]:
        """Handovers that are answered, and behind which something may be left to do."""
        sql = (
            "SELECT run_id, product FROM handovers WHERE state NOT IN (?, ?) AND length(document) > 0 "
            "ORDER BY at, run_id"
        )
        open_ = (HandoverState.WAITING.value, HandoverState.HELD.value)
        with self._database.reading() as statements:
            return [(run_id, product) for run_id, product in statements.rows(sql, open_)]
