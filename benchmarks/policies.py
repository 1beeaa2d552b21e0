"""What the standard policies cost over a mesh of a company's size.

    python benchmarks/policies.py [--products N] [--columns N] [--runs N] [--each]

Makes a book of N products of one port, in a file as beside a registry, with contracts, lineage, owners, tags, check
results, grants and usage; one product in fifty is amiss in each way. Then it asks all policies that weft ships: over
the whole mesh, and within one product, counting the processor time of this process. `--amiss 12` has some 34,000
violations instead of 8,600; a scan of the whole mesh is measured where they stand already, in a registry of SQLite.
`--each` lists what every policy takes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace
from targets import told

from weft.api.governance.scanning import ScanReport, scan_policies
from weft.errors import Diagnostic
from weft.governance.book import Book
from weft.governance.judging import Judgement, judge
from weft.governance.policies import PolicySet
from weft.governance.policy_files import policies_of
from weft.governance.rows import PortFacts, Row, domain_rows, of_port, product_rows
from weft.model.address import Address
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.records import DomainRecord, ProductRecord
from weft.project.policies import fresh, read_policies
from weft.project.standard_set import FOLDER
from weft.registry.sqlite import SqliteRegistry

NOW = dt.datetime(2026, 5, 20, tzinfo=dt.UTC)
IN_DOMAIN = 100
FULL_S, WITHIN_MS = 2.0, 1.0
AMISS = 50
"""One product in so many is amiss in each way, where nobody says."""

_KINDS = (
    ("id", "string", "VARCHAR", {}),
    ("order_date", "date", "DATE", {}),
    ("created_at", "timestamp", "TIMESTAMPTZ", {}),
    ("unit_price", "number", "DECIMAL(18,2)", {}),
    ("currency", "string", "VARCHAR", {"logicalTypeOptions": {"pattern": "^[A-Z]{3}$"}}),
    ("country_code", "string", "VARCHAR", {"logicalTypeOptions": {"pattern": "^[A-Z]{2}$"}}),
    ("email", "string", "VARCHAR", {"classification": "confidential", "tags": ["pii.email"]}),
    ("weight", "number", "DOUBLE", {"customProperties": [{"property": "weft.unit", "value": "kg"}]}),
)
"""Columns that each product has; the others are plain numbers and texts."""


def _columns(dice: random.Random, columns: int, amiss: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for i in range(columns):
        name, logical, physical, more = (
            _KINDS[i]
            if i < len(_KINDS)
            else (f"field_{i}", *dice.choice((("string", "VARCHAR"), ("number", "DOUBLE"))), {})
        )
        column: dict[str, object] = {
            "name": name,
            "logicalType": logical,
            "physicalType": physical,
            "classification": dice.choice(("public", "internal")),
            "description": f"What {name} means",
            **more,
        }
        if i == 0:
            column |= {"primaryKey": True, "required": True}
        if not dice.randrange(amiss):
            column.pop(dice.choice(("description", "classification")))
        if name == "unit_price" and not dice.randrange(amiss):
            column["physicalType"] = "DOUBLE"
        found.append(column)
    return found


def _contract(dice: random.Random, port: Address, columns: int, amiss: int) -> dict[str, object]:
    custom = {"weft.legalBasis": "contract", "weft.processingPurpose": "delivery", "weft.licence": "CC0-1.0"}
    levels = [("freshness", 1, "d"), ("retention", 2, "y")]
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": str(port),
        "name": port.port,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": "What was ordered", "limitations": "No refunds"},
        "schema": [
            {"name": port.port, "properties": _columns(dice, columns, amiss), "quality": [{"metric": "rowCount"}]}
        ],
        "slaProperties": [{"property": n, "value": v, "unit": u} for n, v, u in levels if dice.randrange(amiss)],
        "customProperties": [{"property": n, "value": v} for n, v in custom.items() if dice.randrange(amiss)],
    }


def fill(book: Book, products: int, columns: int, amiss: int = AMISS) -> None:
    """Puts a mesh into a book."""
    dice = random.Random(7)
    ports: list[Address] = []
    living: dict[str, list[Row]] = {n: [] for n in ("runs", "check_results", "freshness", "grants", "usage")}
    living |= {"restrictions": [], "samples_findings": []}
    with book.writing():
        for number in range(products):
            name = f"d{number // IN_DOMAIN:03}"
            domain = DomainRecord(name, name, "source-aligned", "Orders", "Team", f"{name}@example.com", {"name": name})
            if number % IN_DOMAIN == 0:
                book.put(name, domain_rows(domain))
            port = Address(name, f"p{number:05}", "out", 1)
            inputs = dice.sample(ports, min(len(ports), dice.randint(0, 3)))
            book.put(str(port.of_product), _product(dice, domain, port, inputs, columns, amiss))
            _live(dice, port, amiss, living)
            ports.append(port)
        for relation, rows in living.items():
            book.put_all(relation, rows)


def _product(dice: random.Random, domain: DomainRecord, port: Address, inputs: list[Address], columns: int, amiss: int):
    reads = tuple(map(str, inputs))
    document = {"version": "1.0.0", "team": {"members": [{"username": "ada@example.com", "role": "steward"}]}}
    status = "active" if dice.randrange(amiss) else "deprecated"
    record = ProductRecord(
        port.of_product, port.product, status, "Every order", ("orders",), "company", reads, document
    )
    edges = [
        LineageEdge(f"{read}.field_{i}", f"{port}.field_{i}", EdgeKind.DIRECT, Transformation.IDENTITY)
        for read in reads
        for i in range(len(_KINDS), min(columns, len(_KINDS) + 10))
    ]
    facts = PortFacts(
        port, status, "1.0.0", _contract(dice, port, columns, amiss), description="Orders", rows=1000, published_at=NOW
    )
    return product_rows(domain, record, [replace(facts, first_published_at=NOW - dt.timedelta(400))], edges)


def _live(dice: random.Random, port: Address, one_in: int, living: dict[str, list[Row]]) -> None:
    at, amiss = of_port(str(port)), lambda: not dice.randrange(one_in)
    living["runs"].append(("r", *at, "succeeded", "published", NOW.isoformat(), NOW.isoformat()))
    for i in range(10):
        outcome = "failed" if amiss() and amiss() else "passed"
        rule = "primary_key" if i == 0 else "required"
        living["check_results"].append((f"c{i}", *at, f"{port}.field_{i}", rule, "error", outcome, 0, 1000))
    living["freshness"].append((*at, 86_400, 4_000, int(amiss())))
    end = None if amiss() else "2027-01-01T00:00:00+00:00"
    living["grants"] += [
        (f"g{i}", *at, f"u{i}", "user", NOW.isoformat(), end, int(not amiss()), None) for i in range(3)
    ]
    if not amiss():
        living["usage"] += [(*at, f"u{i}", f"2026-05-{i + 1:02}", 4, 400) for i in range(10)]
        living["restrictions"].append((*at, f"{port}.email", "mask", "mail", "access.yaml"))
    else:
        living["samples_findings"].append((f"{port}.id", *at, "phone", 0.5, 0.9, "pii.phone", 2, "s"))


def _shipped() -> PolicySet:
    problems: list[Diagnostic] = []
    return policies_of(read_policies(FOLDER / "policies", fresh(FOLDER), problems), {}, {})


def _cpu(work: Callable[[], object], runs: int) -> float:
    """The median of the processor time of some work, after one run to warm up."""
    work()
    found = []
    for _ in range(runs):
        began = time.process_time()
        work()
        found.append(time.process_time() - began)
    return statistics.median(found)


def measure(book: Book, policies: PolicySet, products: int, runs: int) -> dict[str, float]:
    """Seconds over the whole mesh, and within one product."""
    dice = random.Random(3)
    numbers = [dice.randrange(products) for _ in range(50)]
    some = [f"d{n // IN_DOMAIN:03}.p{n:05}" for n in numbers]

    def whole() -> Judgement:
        return judge(book, policies, NOW)

    def within() -> None:
        for product in some:
            judge(book, policies, NOW, within=[product])

    return {"whole": _cpu(whole, runs), "within": _cpu(within, runs) / len(some)}


def main() -> None:
    """Measures, and prints what is reached and what is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--each", action="store_true", help="what every policy takes")
    parser.add_argument("--amiss", type=int, default=AMISS, help="one product in so many is amiss in each way")
    asked = parser.parse_args()
    policies = _shipped()
    with tempfile.TemporaryDirectory() as folder:
        book = Book.at(Path(folder) / "governance.db")
        began = time.process_time()
        fill(book, asked.products, asked.columns, asked.amiss)
        print(f"{asked.products:,} products of {asked.columns} columns in {time.process_time() - began:.1f} CPU s")
        if asked.each:
            _print_each(book, policies, asked.products)
        found = measure(book, policies, asked.products, asked.runs)
        judgement = judge(book, policies, NOW)
        whole, number = standing(book, policies, asked.runs)
        book.close()
    print(f"{judgement.asked} policies, {len(judgement.objections):,} objections, {len(judgement.unasked)} unasked")
    told(f"scan of the whole mesh beside {number:,} violations that stand", whole, FULL_S, "CPU s")
    told("policies asked of the whole mesh", found["whole"], FULL_S, "CPU s")
    told("policies asked of one product", found["within"] * 1000, WITHIN_MS, "CPU ms")


def standing(book: Book, policies: PolicySet, runs: int) -> tuple[float, int]:
    """Seconds of a scan of the whole mesh that finds nothing new, and how many violations stand."""
    with tempfile.TemporaryDirectory() as folder:
        registry = SqliteRegistry(Path(folder) / "registry.db")
        hours = itertools.count()

        def scan() -> ScanReport:
            return scan_policies(registry.database, book, policies, NOW + dt.timedelta(hours=next(hours)))

        scan()
        seconds, number = _cpu(scan, runs), scan().standing
        registry.close()
    return seconds, number


def _print_each(book: Book, policies: PolicySet, products: int) -> None:
    found = []
    for name, policy in policies.policies.items():
        alone = PolicySet({name: policy})
        cost = measure(book, alone, products, 3)
        found.append((cost["whole"], cost["within"], len(judge(book, alone, NOW).objections), name))
    for whole, within, objections, name in sorted(found, reverse=True):
        print(f"{whole * 1000:8.1f} ms  {within * 1e6:7.0f} us  {objections:6,}  {name}")


if __name__ == "__main__":
    main()
