"""What is let off, where several threads ask at once."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from weft.governance.judging import Objection
from weft.governance.policies import Applied, Kind, Layer, Place, Policy, Severity
from weft.registry.publishing import append
from weft.registry.sql_tables import SqlTables
from weft.registry.sqlite import SqliteRegistry
from weft.wiring.excusing import Excuses

NOW = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
POLICY = Policy("a", "A", Kind.QUALITY, Severity.HIGH, "It is good.", "select 1", Place(Layer.PLATFORM))
OBJECTION = Objection("a", "sales.orders", None, Applied(POLICY))


class Interrupted:
    """A registry: something happens right after what is let off was read for the first time."""

    def __init__(self, registry: SqliteRegistry, happens: Callable[[], None]) -> None:
        self.last_event = registry.last_event
        self._happens = [happens]
        self.database: Any = SimpleNamespace(reading=self._reading)
        self._registry = registry

    @contextmanager
    def _reading(self) -> Iterator[Any]:
        with self._registry.database.reading() as statements:
            yield statements
        if self._happens:
            self._happens.pop()()


def test_what_ends_while_another_thread_reads_it_is_not_let_off_for_long(tmp_path: Path) -> None:
    registry = SqliteRegistry(tmp_path / "registry.db")
    with registry.database.writing() as statements:
        until, at = NOW + dt.timedelta(days=9), NOW.isoformat()
        sql = "INSERT INTO known_debts VALUES ('a', 'sales.orders', 'sales', 'b-1', ?, ?, NULL)"
        statements.run(sql, (until.isoformat(), at))
    threads: list[threading.Thread] = []

    def ends() -> None:
        with registry.database.writing() as statements:
            statements.run("DELETE FROM known_debts")
            append(SqlTables(statements), NOW, "debt.mended", "ada", "sales.orders", {})
        threads.append(threading.Thread(target=excused, args=[OBJECTION]))
        threads[0].start()
        threads[0].join(0.5)

    excused = Excuses(Interrupted(registry, ends), lambda: NOW)  # type: ignore[arg-type]

    excused(OBJECTION)
    threads[0].join()

    assert not excused(OBJECTION)
    registry.close()
