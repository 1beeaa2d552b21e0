"""A registry that holds what the test says: records like the flights example's, without a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from weft.model.address import Address, ProductAddress, parse_address
from weft.model.checks import CheckCounts, CheckResult, count
from weft.model.column import Column
from weft.model.lineage import EdgeKind, LineageEdge, Transformation
from weft.model.publication import DataFile, Digests, Manifest, PortState, Publication
from weft.model.records import DomainRecord, Event, PortOutcome, ProductRecord, Run, RunState

THEN = datetime(2026, 1, 10, 8, 0, tzinfo=UTC)


@dataclass
class Registered:
    """A `RegistryReader` over plain values."""

    domain_records: dict[str, DomainRecord] = field(default_factory=dict)
    product_records: dict[ProductAddress, ProductRecord] = field(default_factory=dict)
    publications: dict[Address, list[Publication]] = field(default_factory=dict)
    states: dict[Address, PortState] = field(default_factory=dict)
    edges: list[LineageEdge] = field(default_factory=list)
    run_list: list[Run] = field(default_factory=list)
    results: dict[tuple[str, Address], tuple[CheckResult, ...]] = field(default_factory=dict)
    event: int = 0

    def ports(self) -> Mapping[Address, PortState]:
        return self.states

    def port(self, address: Address) -> PortState | None:
        if address.major is not None:
            return self.states.get(address)
        return next((s for s in self.states.values() if s.default and s.address.unpinned == str(address)), None)

    def publication(self, address: Address, snapshot_id: str | None = None) -> Publication | None:
        return next(
            (p for p in self.publications.get(address, ()) if snapshot_id in (None, p.snapshot_id)),
            None,
        )

    def publication_at(self, address: Address, at: datetime) -> Publication | None:
        return next((p for p in self.publications.get(address, ()) if p.published_at <= at), None)

    def history(
        self, address: Address, *, before: int | None = None, limit: int | None = None
    ) -> Sequence[Publication]:
        return [p for p in self.publications.get(address, []) if before is None or p.revision < before][:limit]

    def products(self) -> Mapping[ProductAddress, ProductRecord]:
        return self.product_records

    def domains(self) -> Mapping[str, DomainRecord]:
        return self.domain_records

    def product(self, address: ProductAddress) -> ProductRecord | None:
        return self.product_records.get(address)

    def products_after(self, after: str, limit: int) -> Sequence[ProductRecord]:
        return [p for a, p in sorted(self.product_records.items()) if str(a) > after][:limit]

    def domain(self, name: str) -> DomainRecord | None:
        return self.domain_records.get(name)

    def ports_of(self, product: ProductAddress) -> Sequence[PortState]:
        return [s for a, s in sorted(self.states.items()) if a.of_product == product]

    def moved(self, after: int) -> frozenset[str] | None:
        return None

    def consumers(self, address: Address) -> Sequence[ProductAddress]:
        return [a for a, p in self.product_records.items() if str(address) in p.reads]

    def lineage(
        self, nodes: Sequence[str], *, up: bool, depth: int, limit: int = 10_000
    ) -> tuple[Sequence[LineageEdge], bool]:
        found: dict[LineageEdge, None] = {}
        front = set(nodes)
        while front:
            step = [e for e in self.edges if (e.target if up else e.source) in front and e not in found]
            found.update(dict.fromkeys(step))
            front = {e.source if up else e.target for e in step}
        return list(found)[:limit], len(found) > limit

    def nodes_of(self, table: str) -> Sequence[str]:
        ends = {end for e in self.edges for end in (e.source, e.target)}
        state = self.states.get(parse_address(table)) if "@" in table else None
        own = {f"{table}.{c.name}" for c in state.columns} if state else set()
        return sorted(own | {n for n in ends if n.startswith(f"{table}.")})

    def runs(
        self, address: Address | None = None, limit: int = 20, before: tuple[datetime, str] | None = None
    ) -> Sequence[Run]:
        found = [r for r in self.run_list if address is None or any(p.address == address for p in r.ports)]
        found = [r for r in found if before is None or (r.started_at, r.run_id) < before]
        return found[:limit]

    def run(self, run_id: str) -> Run | None:
        return next((r for r in self.run_list if r.run_id == run_id), None)

    def unfinished(self) -> Sequence[Run]:
        return [r for r in self.run_list if r.finished_at is None]

    def checks(self, run_id: str, address: Address | None = None) -> Mapping[Address, Sequence[CheckResult]]:
        return {a: found for (r, a), found in self.results.items() if r == run_id and address in (None, a)}

    def events(self, after: int = 0, limit: int = 1000) -> Sequence[Event]:
        return []

    def last_event(self) -> int:
        return self.event

    def verify_log(self) -> int:
        return self.event

    # how a test fills it

    def add_domain(self, name: str, title: str, team: str, description: str, **document: Any) -> None:
        """Registers a domain."""
        self.domain_records[name] = DomainRecord(
            name, title, "source-aligned", description, team, f"{name}@example.org", {"name": name, **document}
        )
        self.event += 1

    def add_product(self, address: str, title: str, purpose: str, *, tags: tuple[str, ...] = (), **more: Any) -> None:
        """Registers a product."""
        domain, product = address.split(".")
        key = ProductAddress(domain, product)
        self.product_records[key] = ProductRecord(
            key,
            title,
            more.get("status", "active"),
            purpose,
            tags,
            "flights",
            more.get("reads", ()),
            {"name": title, **more.get("document", {})},
        )
        self.event += 1

    def add_port(
        self,
        address: str,
        title: str,
        purpose: str,
        columns: Mapping[str, str],
        *,
        checks: tuple[CheckResult, ...] = (),
        **more: Any,
    ) -> None:
        """Publishes a port once; its columns are given with their descriptions."""
        key = parse_address(address)
        revision = len(self.publications.get(key, ())) + 1
        contract = {
            "apiVersion": "v3.1.0",
            "kind": "DataContract",
            "id": f"contract-{key.port}",
            "name": title,
            "version": f"{key.major}.0.0",
            "status": "active",
            "description": {"purpose": purpose},
            "tags": list(more.get("tags", ())),
            "schema": [
                {
                    "name": key.port,
                    "properties": [
                        {"name": n, "logicalType": "string", "description": d, **more.get("properties", {}).get(n, {})}
                        for n, d in columns.items()
                    ],
                }
            ],
            **more.get("contract", {}),
        }
        digests = Digests(f"{revision}", f"{revision}", f"{title}{purpose}{sorted(columns.items())}")
        run_id = more.get("run_id", f"run-{key.port}-{revision}")
        manifest = Manifest(
            tuple(Column(n, "VARCHAR", i) for i, n in enumerate(columns, 1)),
            (DataFile("data.parquet", more.get("rows", 100), 4096),),
        )
        published = Publication(
            address=key,
            snapshot_id=f"{revision}000{key.port}",
            run_id=run_id,
            version=f"{key.major}.0.0",
            status=more.get("status", "active"),
            contract=contract,
            digests=digests,
            manifest=manifest,
            checks=count(checks) if checks else CheckCounts(passed=3),
            published_at=more.get("at", THEN),
            published_by="ada",
            upstream=more.get("upstream", {}),
            revision=revision,
        )
        self.publications.setdefault(key, []).insert(0, published)
        self.states[key] = PortState(
            address=key,
            revision=revision,
            snapshot_id=published.snapshot_id,
            run_id=run_id,
            version=published.version,
            status=published.status,
            digests=digests,
            upstream=published.upstream,
            parts={},
            rows=published.rows,
            checks=published.checks,
            published_at=published.published_at,
            published_by="ada",
            default=more.get("default", True),
            retired=more.get("retired", False),
            columns=manifest.columns,
        )
        self.results[run_id, key] = checks
        self.run_list.insert(
            0,
            Run(
                run_id,
                "apply",
                "ada",
                RunState.SUCCEEDED,
                published.published_at,
                published.published_at,
                ports=(PortOutcome(key, "published", published.snapshot_id, published.rows, 0.5),),
            ),
        )
        self.event += 1

    def change(self, address: str, **fields: Any) -> None:
        """Changes the state of a port."""
        key = parse_address(address)
        self.states[key] = replace(self.states[key], **fields)
        self.event += 1

    def flow(
        self, source: str, target: str, how: Transformation = Transformation.IDENTITY, *, direct: bool = True
    ) -> None:
        """Adds an edge of lineage."""
        self.edges.append(LineageEdge(source, target, EdgeKind.DIRECT if direct else EdgeKind.INDIRECT, how))


def flights() -> Registered:
    """A mesh like the flights example: six domains, eight ports, one of them in two majors."""
    mesh = Registered()
    mesh.add_domain("crew", "Crew", "Crew planning", "Who flies on which flight", members=[{"user": "noor.haddad"}])
    mesh.add_domain("fleet", "Fleet", "Fleet engineering", "Aircraft and their technical data", tags=["engineering"])
    mesh.add_domain("network", "Network", "Network planning", "Where we fly: airports and airlines")
    mesh.add_domain("weather", "Weather", "Meteorology desk", "Observations at the airports of New York")
    mesh.add_domain("operations", "Flight operations", "Operations control", "What happened on the day of flight")
    mesh.add_domain("punctuality", "Punctuality", "Customer promise", "How reliably flights leave and arrive")
    mesh.add_product("crew.roster", "Crew roster", "Assignments of crew members (synthetic)", tags=("personal",))
    mesh.add_product("fleet.aircraft", "Aircraft register", "Every aircraft by its tail number", tags=("reference",))
    mesh.add_product("network.reference", "Network reference", "Airports and airlines", tags=("reference",))
    mesh.add_product("weather.observations", "Weather observations", "Hourly readings of stations")
    mesh.add_product("operations.on_time", "On-time flights", "Departures and arrivals of every flight")
    mesh.add_product(
        "punctuality.performance",
        "Punctuality performance",
        "Delays by carrier and airport",
        tags=("kpi",),
        reads=("operations.on_time.flights@1", "fleet.aircraft.planes@1", "weather.observations.hourly@1"),
    )
    mesh.add_port(
        "crew.roster.assignments@1",
        "Crew assignments",
        "Invented crew members assigned to real flights",
        {"crew_id": "Number of the crew member", "birth_date": "Day of birth", "email": "Private e-mail address"},
        tags=("synthetic",),
    )
    mesh.add_port(
        "fleet.aircraft.planes@1",
        "Planes",
        "Aircraft that flew from New York",
        {
            "tailnum": "Tail number as painted on the aircraft",
            "manufacturer": "Company that built it",
            "seats": "Number of seats",
            "year_built": "Year of manufacture",
        },
        contract={"slaProperties": [{"property": "latency", "value": 2, "unit": "d"}]},
        properties={"tailnum": {"primaryKey": True, "primaryKeyPosition": 1}},
        upstream={"source:registered": "abc"},
    )
    mesh.add_port(
        "network.reference.airports@1",
        "Airports",
        "Location and time zone of airports",
        {"faa": "FAA code", "name": "Name of the airport", "timezone": "IANA zone", "latitude": "Degrees north"},
    )
    mesh.add_port(
        "network.reference.airlines@1",
        "Airlines",
        "Names of carriers",
        {"carrier": "Two-letter carrier code", "name": "Full name of the airline"},
    )
    mesh.add_port(
        "weather.observations.hourly@1",
        "Hourly weather",
        "Wind, rain and visibility each hour",
        {"wind_speed": "Speed of the wind in mph", "precip": "Precipitation in inches", "visib": "Visibility in miles"},
    )
    mesh.add_port(
        "operations.on_time.flights@1",
        "Flights",
        "All flights from New York, cancelled ones flagged",
        {
            "carrier": "Carrier code",
            "tailnum": "Tail number of the aircraft",
            "dep_delay": "Minutes late at departure",
            "arr_delay": "Minutes late at arrival",
            "cancelled": "Whether it did not fly",
        },
        tags=("core",),
    )
    mesh.add_port(
        "punctuality.performance.carrier_daily@2",
        "Carriers by day",
        "Delay and cancellations of each carrier by day",
        {"carrier": "Carrier code", "mean_delay": "Mean delay at departure", "seats_flown": "Seats offered"},
        upstream={"operations.on_time.flights@1": "1", "fleet.aircraft.planes@1": "1"},
    )
    mesh.add_port(
        "punctuality.performance.carrier_daily@1",
        "Carriers by day",
        "The former shape",
        {"carrier": "Carrier code", "mean_delay": "Mean delay"},
        status="deprecated",
        default=False,
    )
    mesh.add_port(
        "punctuality.performance.airport_delays@1",
        "Delays by airport",
        "How late flights leave each airport, by weather",
        {"origin": "Airport of departure", "mean_delay": "Mean delay", "mean_wind": "Mean wind speed"},
        upstream={"operations.on_time.flights@1": "1", "weather.observations.hourly@1": "1"},
    )
    planes, daily = "fleet.aircraft.planes@1", "punctuality.performance.carrier_daily@2"
    mesh.flow("fleet.aircraft.registered.seats", f"{planes}.seats")
    mesh.flow("fleet.aircraft.registered.tailnum", f"{planes}.tailnum")
    mesh.flow(f"{planes}.seats", "punctuality.performance.~joined.seats", Transformation.TRANSFORMATION)
    mesh.flow("punctuality.performance.~joined.seats", f"{daily}.seats_flown", Transformation.AGGREGATION)
    mesh.flow(f"{planes}.tailnum", "punctuality.performance.~joined.seats", Transformation.JOIN, direct=False)
    mesh.flow("operations.on_time.flights@1.dep_delay", f"{daily}.mean_delay", Transformation.AGGREGATION)
    return mesh
