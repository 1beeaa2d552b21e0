"""Tests of policies: given rows, expected violations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec import Struct

from weft.governance.book import Book, Refused
from weft.governance.judging import parameters_of
from weft.governance.policies import Policy, PolicyTest
from weft.governance.relations import BY_NAME
from weft.governance.rows import Row


class TestResult(Struct, frozen=True):
    """What came of one test.

    Attributes:
        missing: subjects that were expected and not found.
        unexpected: subjects that were found and not expected.
        refused: why the check could not be run.
    """

    policy: str
    test: str
    line: int
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    refused: str | None = None

    @property
    def passed(self) -> bool:
        """Whether exactly what was expected was found."""
        return not self.missing and not self.unexpected and self.refused is None


def run_test(policy: Policy, test: PolicyTest, now: datetime) -> TestResult:
    """Runs one test of a policy on a book of its own."""
    book = Book.in_memory()
    try:
        for relation, rows in test.given.items():
            book.put_all(relation, [_row(relation, row) for row in rows])
        given = parameters_of(policy, now) | dict(test.parameters)
        found = {f.subject for f in book.ask(policy.check, given)}
    except Refused as e:
        return TestResult(policy.id, test.name, test.line, refused=e.why)
    finally:
        book.close()
    expected = set(test.expect)
    missing, unexpected = tuple(sorted(expected - found)), tuple(sorted(found - expected))
    return TestResult(policy.id, test.name, test.line, missing, unexpected)


def _row(relation: str, given: Mapping[str, Any]) -> Row:
    """A row of a relation; domain, product and port follow from the address where they are not given."""
    row = dict(given)
    address = next((str(row[n]) for n in ("column", "target", "subject", "port", "product") if row.get(n)), "")
    parts = address.split(".")
    names = BY_NAME[relation].names
    derived = {"domain": parts[0] or None, "product": ".".join(parts[:2]) if len(parts) > 1 else None}
    if relation == "column_lineage" and "source" in row:
        source = str(row["source"]).split(".")
        derived |= {"source_port": ".".join(source[:3]), "source_product": ".".join(source[:2])}
    if relation == "lineage" and "reads_port" in row:
        read = str(row["reads_port"]).split(".")
        derived |= {"reads_product": ".".join(read[:2]), "reads_domain": read[0]}
    if len(parts) > 2:
        derived |= {"port": ".".join(parts[:3]), "target_port": ".".join(parts[:3])}
    if relation == "columns" and row.get("name"):
        derived["last_word"] = str(row["name"]).rpartition("_")[2]
    cells = {name: row.get(name, derived.get(name)) for name in names}
    return tuple(int(v) if isinstance(v, bool) else v for v in cells.values())
