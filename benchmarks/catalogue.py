"""A registry of a company's size: products with contracts, columns, lineage, check results and runs, as published.

    python benchmarks/catalogue.py FOLDER [--products N] [--columns N]

Names come from a small vocabulary, as they do in companies: most words stand in many places.
"""

from __future__ import annotations

import argparse
import datetime as dt
import random
from pathlib import Path

from weft.api.platform import open_platform
from weft.model.address import Address, ProductAddress
from weft.model.checks import CheckCounts, CheckResult, CheckSeverity, Outcome, Rule
from weft.model.column import Column
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.publication import DataFile, Digests, Manifest, Publication
from weft.model.records import DomainRecord, PortOutcome, ProductRecord, Publish, Run, RunState

START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
DOMAINS = 100
_WORDS = """
customer order invoice payment shipment carrier route flight booking passenger crew aircraft engine part supplier
contract tariff price discount campaign newsletter visit session click product category brand stock warehouse
store region country city address employee shift salary absence budget cost revenue account ledger claim policy
risk incident ticket device sensor reading forecast weather station airport gate delay baggage seat meal vehicle
driver trip fuel toll lease asset project task document consent complaint survey answer score segment channel
partner agent branch loan deposit card transfer exchange rate fund share dividend patient visit diagnosis recipe

daily monthly current past planned actual gross net first last total average open closed local group

id code name date time amount count rate status kind number currency country flag text reason
"""
_THINGS, _QUALITIES, _ENDS = (words.split() for words in _WORDS.split("\n\n"))


def generate(folder: Path, products: int, columns: int) -> None:
    """Makes a mesh's folder whose registry holds `products` products of one port with `columns` columns each."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weft.toml").write_text('[mesh]\nname = "company"\n', encoding="utf-8")
    dice = random.Random(7)
    platform = open_platform(folder)
    registry = platform.rooms.production
    ports: list[Address] = []
    for number in range(products):
        domain = f"{_THINGS[number % DOMAINS % len(_THINGS)]}_{number % DOMAINS}"
        thing = dice.choice(_THINGS)
        port = Address(domain, f"{dice.choice(_QUALITIES)}_{thing}_{number}", f"{thing}s", 1)
        reads = tuple(str(a) for a in dice.sample(ports, min(len(ports), dice.randint(0, 3))))
        at = START + dt.timedelta(minutes=number)
        registry.publish(_publish(dice, port, thing, reads, columns, at))
        outcome = PortOutcome(port, "published", str(number), 1000, 0.5)
        ended = at + dt.timedelta(seconds=5)
        registry.finish_run(Run(f"run-{number}", "apply", "ada", RunState.SUCCEEDED, at, ended, (), (outcome,)))
        ports.append(port)
    platform.close()


def _publish(
    dice: random.Random, port: Address, thing: str, reads: tuple[str, ...], columns: int, at: dt.datetime
) -> Publish:
    names = [f"{dice.choice(_THINGS)}_{dice.choice(_ENDS)}_{i}" for i in range(columns)]
    title = f"{thing.title()}s of {port.domain.replace('_', ' ')}"
    tags = (dice.choice(_THINGS), dice.choice(_QUALITIES))
    contract = {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": str(port),
        "name": title,
        "version": "1.0.0",
        "status": "active",
        "tags": list(tags),
        "description": {"purpose": f"{title}, for whoever plans the {dice.choice(_QUALITIES)} {dice.choice(_THINGS)}"},
        "schema": [
            {
                "name": port.port,
                "properties": [
                    {
                        "name": name,
                        "logicalType": "string",
                        "physicalType": "VARCHAR",
                        "classification": "internal",
                        "required": i == 0,
                        "description": f"The {name.replace('_', ' ')} of the {thing}",
                    }
                    for i, name in enumerate(names)
                ],
            }
        ],
    }
    checks = [
        CheckResult(
            f"{name}.required", Rule.REQUIRED, name, None, CheckSeverity.ERROR, Outcome.PASSED, 0, 1000, "not null"
        )
        for name in names[:10]
    ]
    team = f"Team {port.domain}"
    product = ProductRecord(
        port.of_product,
        title,
        "active",
        f"{title}, every day",
        tags,
        "company",
        reads,
        {"id": port.product, "version": "1.0.0"},
    )
    assert isinstance(port.of_product, ProductAddress)
    return Publish(
        domain=DomainRecord(
            port.domain,
            port.domain.title(),
            "source-aligned",
            f"All about {port.domain}",
            team,
            f"{port.domain}@example.org",
            {"name": port.domain, "members": [{"user": f"{port.domain}_owner", "roles": ["owner"]}]},
        ),
        product=product,
        publications=[
            Publication(
                address=port,
                snapshot_id=str(at.timestamp()),
                run_id=f"run-{port.product.rpartition('_')[2]}",
                version="1.0.0",
                status="active",
                contract=contract,
                digests=Digests("f", "r", str(port)),
                manifest=Manifest(
                    tuple(Column(name, "VARCHAR", i + 1, name, i == 0) for i, name in enumerate(names)),
                    (DataFile(f"{port}/data.parquet", 1000, 99_000),),
                ),
                checks=CheckCounts(passed=10),
                published_at=at,
                published_by="ada",
                upstream=dict.fromkeys(reads, "1"),
            )
        ],
        requires={},
        checks={str(port): checks},
        edges=[
            LineageEdge(f"{read}.{name}", f"{port}.{name}", EdgeKind.DIRECT, Transformation.IDENTITY)
            for read in reads
            for name in names[:5]
        ],
        run_id=f"run-{port.product.rpartition('_')[2]}",
        actor="ada",
        at=at,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--products", type=int, default=10_000)
    parser.add_argument("--columns", type=int, default=30)
    asked = parser.parse_args()
    generate(asked.folder, asked.products, asked.columns)
