"""The catalog of a company, realistic in what makes searching hard: few products are meant, and many speak like them.

Each subject of `subjects.txt` is a product of its domain. Around it stand those that every company has of it: cuts by
country, archives, snapshots, features, extracts of a team; with most of its columns and much of its words. More than
half of them are made from it.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from weft.errors import Where
from weft.governance.glossary import Glossary, Term
from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckCounts
from weft.model.column import Column
from weft.model.publication import DataFile, Digests, Manifest, Publication
from weft.model.records import DomainRecord, ProductRecord, Publish
from weft.registry.base import Registry

HERE = Path(__file__).parent
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
_REGIONS = ["dach", "benelux", "nordics", "iberia", "france", "italy", "poland", "uk", "baltics", "balkans"]
_CUTS = (
    ("archive", "archive of closed years", "Kept for the auditors: {}", "retired"),
    ("snapshot", "snapshot at the end of the month", "As it was on the last day: {}", "active"),
    ("daily", "aggregated by day", "Sums by day of: {}", "active"),
    ("features", "features for models", "Prepared for training: {}", "active"),
    ("extract", "extract for the business intelligence team", "A cut for dashboards: {}", "deprecated"),
    ("legacy", "from the old system", "Until the migration is done: {}", "deprecated"),
    ("sandbox", "for trying things out", "Not for reports: {}", "draft"),
    ("export", "export for the partner", "What the partner gets: {}", "active"),
)


_READ = 0.6
"""Share of these that read the product they speak like; the others were copied or come from an older system."""


class Subject(Struct, frozen=True):
    """A product of one port, as `subjects.txt` tells of it."""

    port: Address
    title: str
    purpose: str
    tags: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]


class Judged(Struct, frozen=True):
    """A search with the grades of what should be found.

    Attributes:
        grades: 3 what is meant, 2 good as well, 1 not useless; by address without major.
    """

    kind: str
    words: str
    grades: dict[str, int]


def subjects() -> list[Subject]:
    """The subjects, in the order of the file."""
    found = []
    for block in _read("subjects.txt").split("\n\n"):
        head, columns = block.strip().split("\n")
        address, title, purpose, tags = (part.strip() for part in head.split(" | "))
        named = (column.partition(": ")[::2] for column in columns.split("; "))
        domain, product, port = address.split(".")
        found.append(Subject(Address(domain, product, port, 1), title, purpose, tuple(tags.split(", ")), tuple(named)))
    return found


def judged() -> list[Judged]:
    """The searches, in the order of the file."""
    found, kind = [], ""
    for line in _read("judged.txt").splitlines():
        if line.startswith("## "):
            kind = line.removeprefix("## ")
        elif line:
            words, wanted = line.split(" | ")
            grades = {name: int(grade) for name, grade in (one.split("=") for one in wanted.split())}
            found.append(Judged(kind, words, grades))
    return found


def glossary() -> Glossary:
    """The company's glossary."""
    terms = []
    for line in _read("glossary.txt").splitlines():
        name, title, synonyms = line.split(" | ")
        where = Where("governance/glossary.yaml")
        terms.append(Term(name, None, title, title, where, synonyms=tuple(synonyms.split(", "))))
    return Glossary({term.name: term for term in terms})


def publish(registry: Registry, entries: int, seed: int = 11) -> int:
    """Publishes the subjects, then products around them until the catalog has that many entries; gives how many."""
    dice, made = random.Random(seed), 0
    known = subjects()
    for subject in known:
        made += _published(registry, subject, "active", made)
    for number in range(10**9):
        if made >= entries:
            return made
        of = dice.choice(known)
        subject, status = _like(dice, of, number)
        reads = (str(of.port),) if dice.random() < _READ else ()
        made += _published(registry, subject, status, made, reads)
    return made


def _like(dice: random.Random, of: Subject, number: int) -> tuple[Subject, str]:
    """A product that speaks like a subject, with its status."""
    region = dice.choice(_REGIONS)
    cut, said, purpose, status = dice.choice(_CUTS)
    port = Address(f"region_{region}", f"{of.port.product}_{cut}_{number}", f"{of.port.port}_{region}_{cut}", 1)
    columns = dice.sample(of.columns, max(2, round(len(of.columns) * dice.uniform(0.5, 1.0))))
    extra = (("region", "Region"), ("loaded_at", "When it was loaded"), ("source_system", "Where it comes from"))
    title = f"{of.title} {region.upper()}, {said}"
    tags = (region, *(tag for tag in of.tags if tag != "core"))
    return Subject(port, title, purpose.format(of.purpose.lower()), tags, (*columns, *extra)), status


def _published(registry: Registry, subject: Subject, status: str, number: int, reads: tuple[str, ...] = ()) -> int:
    """Publishes a subject; gives how many entries it makes."""
    port, at = subject.port, START + dt.timedelta(minutes=number)
    contract = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": str(port),
        "name": subject.title,
        "version": "1.0.0",
        "status": status,
        "tags": list(subject.tags),
        "description": {"purpose": subject.purpose},
        "schema": [{"name": port.port, "properties": list(_properties(subject.columns))}],
    }
    title = port.domain.replace("_", " ").capitalize()
    domain = DomainRecord(
        port.domain, title, "source-aligned", f"Data of {title}", f"Team {title}", None, {"name": port.domain}
    )
    columns = tuple(Column(name, "VARCHAR", i, name) for i, (name, _) in enumerate(subject.columns, 1))
    manifest = Manifest(columns, (DataFile(f"{port}/data.parquet", 1000, 99_000),))
    run_id = f"run-{port}"
    registry.publish(
        Publish(
            domain=domain,
            product=ProductRecord(
                ProductAddress(port.domain, port.product),
                port.product.replace("_", " ").capitalize(),
                status,
                subject.purpose,
                subject.tags,
                "company",
                reads,
                {"version": "1.0.0"},
            ),
            publications=[
                Publication(
                    port, run_id, run_id, "1.0.0", status, contract, Digests("f", "r", str(port)), manifest,
                    CheckCounts(passed=len(columns)), at, "ada", {},
                )
            ],
            requires={},
            checks={},
            edges=[],
            run_id=run_id,
            actor="ada",
            at=at,
        )
    )  # fmt: skip
    return 2 + len(columns)


def _properties(columns: Sequence[tuple[str, str]]) -> Iterator[dict[str, str]]:
    for name, said in columns:
        yield {"name": name, "logicalType": "string", "physicalType": "VARCHAR", "description": said}


def _read(name: str) -> str:
    lines = (HERE / name).read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.startswith("# "))
