"""What runs, is granted and is read, for whoever looks at the whole mesh at once."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Collection, Iterator, Mapping, Sequence

from weft.model.checks import CheckResult
from weft.model.records import Run
from weft.registry import codec
from weft.registry.database import Database

_AT_ONCE = 500


def last_runs(database: Database, ports: Collection[str] | None = None) -> Mapping[str, str]:
    """The id of the newest run of each port, of some or of all."""
    where, values = _of(database, ports, "WHERE")
    with database.reading() as statements:
        return dict(statements.rows(f"SELECT port, max(run_id) FROM run_ports{where} GROUP BY port", values))


def runs(database: Database, run_ids: Sequence[str]) -> Iterator[Run]:
    """Some runs, by their ids."""
    for begin in range(0, len(run_ids), _AT_ONCE):
        wanted = run_ids[begin : begin + _AT_ONCE]
        marks = ", ".join("?" * len(wanted))
        with database.reading() as statements:
            found = statements.rows(f"SELECT record FROM runs WHERE run_id IN ({marks})", wanted)
        for (text,) in found:
            yield codec.run(text)


def checks(database: Database, run_id: str, port: str) -> Sequence[CheckResult]:
    """What came of the checks of a port in a run, without samples."""
    with database.reading() as statements:
        row = statements.row("SELECT results FROM checks WHERE run_id = ? AND port = ?", (run_id, port))
    return codec.check_results(row[0], {}) if row is not None else ()


def grants(
    database: Database, at: dt.datetime, ports: Collection[str] | None = None
) -> list[tuple[str, str, str, str, str, str | None, int, str | None]]:
    """Grants that hold: id, port, consumer, kind, since, end, whether it says what for, and when it is looked at."""
    where, values = _of(database, ports, "AND")
    with database.reading() as statements:
        return statements.rows(
            "SELECT grant_id, port, consumer, kind, since, ends_at, CASE WHEN purpose IS NULL THEN 0 ELSE 1 END, "
            f"review_at FROM grants WHERE (ends_at IS NULL OR ends_at > ?){where} ORDER BY grant_id",
            (codec.time_text(at), *values),
        )


def usage(
    database: Database, since: dt.date, ports: Collection[str] | None = None
) -> list[tuple[str, str, str, int, int]]:
    """How often and how many rows of each port each consumer has read on each day: port, consumer, day, reads, rows."""
    where, values = _of(database, ports, "AND")
    with database.reading() as statements:
        return statements.rows(
            "SELECT port, consumer, day, sum(CASE WHEN kind IN ('bytes_served', 'bytes_read') THEN 1 ELSE 0 END), "
            "CAST(sum(CASE WHEN kind = 'rows_served' THEN amount ELSE 0 END) AS INTEGER) FROM meters "
            f"WHERE day >= ? AND port IS NOT NULL AND consumer <> product{where} "
            "GROUP BY port, consumer, day ORDER BY port, consumer, day",
            (since.isoformat(), *values),
        )


def _of(database: Database, ports: Collection[str] | None, before: str) -> tuple[str, tuple[str, ...]]:
    """A condition that keeps some ports, and its value."""
    if ports is None:
        return "", ()
    return f" {before} port IN ({database.listed})", (json.dumps(sorted(ports)),)
