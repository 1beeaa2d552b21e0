"""What happens in the mesh, as rows of a book: what runs, is checked, granted, restricted and read."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from weft.governance.book import Book
from weft.governance.rows import Row, of_port
from weft.model.address import Address, parse_address
from weft.model.checks import CheckResult
from weft.model.classification import Classification
from weft.model.lineage import column_id
from weft.model.records import Run
from weft.registry import living
from weft.registry.database import Database

if TYPE_CHECKING:
    from weft.access.policies import Policies

READ_SINCE = dt.timedelta(days=400)
"""How far back a policy sees who has read."""

_FRESHNESS = """
INSERT INTO freshness
SELECT s.port, s.product, s.domain, min(s.seconds),
       cast(round((julianday(:now) - julianday(p.published_at)) * 86400) AS INTEGER),
       max(c.check_id IS NOT NULL) OR (julianday(:now) - julianday(p.published_at)) * 86400 > min(s.seconds)
FROM slas s
JOIN ports p ON p.port = s.port
LEFT JOIN check_results c ON c.port = s.port AND c.rule = 'freshness' AND c.result IN ('failed', 'error')
WHERE s.property IN ('freshness', 'frequency') AND s.seconds IS NOT NULL AND p.published_at IS NOT NULL
  AND p.status <> 'retired' {of_ports}
  AND NOT EXISTS (SELECT 1 FROM properties r WHERE r.subject = s.port AND r.name = 'weft.referenceTime')
GROUP BY s.port
"""


def bring_to_life(
    book: Book,
    database: Database,
    policies: Callable[[str], Policies],
    now: dt.datetime,
    products: Collection[str] | None = None,
) -> None:
    """Puts into a book of what is registered what happens there now.

    Args:
        policies: access policies that hold for the ports of a domain.
        products: what happens to these alone; None: to all.
    """
    with book.writing():
        _Living(book, database, now, products).put(policies)


class _Living:
    """What happens to some ports, or (None) to all, relation by relation."""

    def __init__(self, book: Book, database: Database, now: dt.datetime, products: Collection[str] | None) -> None:
        self._book = book
        self._database = database
        self._now = now
        self._ports: tuple[str, ...] | None = None
        if products is not None:
            listed = json.dumps(sorted(products))
            sql = "SELECT port FROM ports WHERE product IN (SELECT value FROM json_each(?))"
            self._ports = tuple(port for (port,) in book.ours(sql, (listed,)))

    def put(self, policies: Callable[[str], Policies]) -> None:
        """Replaces the rows of all relations."""
        database, now, ports = self._database, self._now, self._ports
        self._runs()
        granted = [
            (grant_id, *of_port(port), consumer, kind, since, ends_at, has_purpose, review_at)
            for grant_id, port, consumer, kind, since, ends_at, has_purpose, review_at in living.grants(
                database, now, ports
            )
        ]
        used = living.usage(database, (now - READ_SINCE).date(), ports)
        self._replace("grants", granted)
        self._replace("usage", [of_port(port, who, day, reads, rows) for port, who, day, reads, rows in used])
        self._replace("restrictions", list(self._restrictions(policies)))
        self._replace("freshness", ())
        where, values = self._where("s.port", "AND")
        self._book.ours(_FRESHNESS.format(of_ports=where), {"now": now.isoformat(), **values})

    def _replace(self, relation: str, rows: Sequence[Row]) -> None:
        where, values = self._where("port", "WHERE")
        self._book.ours(f"DELETE FROM {relation}{where}", values)
        self._book.put_rows(relation, rows)

    def _where(self, column: str, before: str) -> tuple[str, dict[str, str]]:
        """A condition that keeps the ports, and its value."""
        if self._ports is None:
            return "", {}
        return f" {before} {column} IN (SELECT value FROM json_each(:ports))", {"ports": json.dumps(self._ports)}

    def _runs(self) -> None:
        """The newest run of each port, and what came of its checks; where that is known already nothing is read."""
        newest = living.last_runs(self._database, self._ports)
        known = dict(self._book.ours("SELECT port, run_id FROM runs WHERE state <> 'running'"))
        moved = {port: run_id for port, run_id in newest.items() if known.get(port) != run_id}
        runs = {run.run_id: run for run in living.runs(self._database, sorted(set(moved.values())))}
        for port, run_id in moved.items():
            run = runs.get(run_id)
            if run is None:
                continue
            self._book.ours("DELETE FROM runs WHERE port = ?", (port,))
            self._book.put_rows("runs", [_run_row(port, run)])
            results = living.checks(self._database, run_id, port)
            if results:
                self._book.ours("DELETE FROM check_results WHERE port = ?", (port,))
                self._book.put_rows("check_results", [_check_row(port, result) for result in results])

    def _restrictions(self, policies: Callable[[str], Policies]) -> Iterator[Row]:
        """What access policies hide of each port, and of each of its columns above internal or with a tag."""
        where, values = self._where("port", "AND")
        tags: dict[str, list[str]] = {}
        inside = ""
        if where:
            columns = f'subject IN (SELECT "column" FROM columns WHERE 1{where})'
            inside = f" AND ({columns} OR subject IN (SELECT value FROM json_each(:ports)))"
        for subject, tag in self._book.ours(f"SELECT subject, tag FROM tags WHERE product IS NOT NULL{inside}", values):
            tags.setdefault(subject, []).append(tag)
        found: dict[str, list[tuple[str, str, int]]] = {}
        of_columns = (
            'SELECT port, "column", path, level FROM columns c '
            f'WHERE (level > 1 OR EXISTS (SELECT 1 FROM tags t WHERE t.subject = c."column")){where}'
        )
        for port, column, path, level in self._book.ours(of_columns, values):
            found.setdefault(port, []).append((column, path, level))
        of_ports = f"SELECT port FROM ports WHERE status <> 'retired'{where} ORDER BY port"
        of_domain: dict[str, Policies] = {}
        for (port,) in self._book.ours(of_ports, values):
            address = parse_address(port)
            known = of_domain.get(address.domain)
            if known is None:  # it looks at files each time
                known = of_domain[address.domain] = policies(address.domain)
            for rule in known.about(address):
                if not rule.of_columns:
                    yield of_port(port, None, rule.effect, rule.rule_id, rule.file)
            yield from _column_restrictions(address, known, found.get(port, ()), tags)


def _check_row(port: str, result: CheckResult) -> Row:
    column = f"{port}.{_column(result.column)}" if result.column else None
    words = (result.rule.value, result.severity.value, result.result.value)
    return (result.id, *of_port(port), column, *words, result.failed_rows, result.total_rows)


def _run_row(port: str, run: Run) -> Row:
    outcome = next((p.outcome for p in run.ports if str(p.address) == port), None)
    finished = run.finished_at.isoformat() if run.finished_at is not None else None
    return (run.run_id, *of_port(port), run.state.value, outcome, run.started_at.isoformat(), finished)


def _column(column: str | Sequence[str]) -> str:
    """The column that a check is about; of a composite key its first."""
    path = column if isinstance(column, str) else column[0]
    return ".".join(map(column_id, path.split(".")))


def _column_restrictions(
    port: Address, policies: Policies, columns: Iterable[tuple[str, str, int]], tags: dict[str, list[str]]
) -> Iterator[Row]:
    rules = [rule for rule in policies.about(port) if rule.of_columns]
    for column, path, level in columns:
        own = (*tags.get(column, ()), *tags.get(str(port), ()))
        for rule in rules:
            if rule.about_column(path, Classification(level), own):
                yield of_port(str(port), column, rule.effect, rule.rule_id, rule.file)
        default = policies.defaults.get(Classification(level))
        if default is not None and default.mask is not None:
            yield of_port(str(port), column, "mask", "defaults", policies.file)
