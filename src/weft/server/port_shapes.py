"""The shapes of a port, its history, search, lineage, runs and events, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from weft.server.shapes import Counts, Described, EndOfLife, Incident, LastRun, Owner, Shape


class Major(Shape):
    """A major of a port."""

    address: str
    major: int
    version: str
    status: str
    end_of_life: EndOfLife | None
    default: bool


class Column(Shape):
    """A column, as it is stored and as the contract promises it."""

    name: str
    type: str | None
    logical_type: str | None
    description: str | None
    classification: str | None
    required: bool
    unique: bool
    key: bool


class Rule(Shape):
    """A rule of the contract, and how its check ended on what is served."""

    id: str
    rule: str
    column: str | list[str] | None
    severity: str
    expected: str | None
    result: str
    failed_rows: int | None
    total_rows: int | None


class ContractSummary(Shape):
    """The contract in short; `/api/v1/contracts` has the document."""

    id: str | None
    name: str | None
    version: str | None
    key: list[str]
    sla: list[dict[str, Any]]
    schedules: list[dict[str, Any]]
    checks: Counts
    rules: list[Rule]


class Point(Shape):
    """How the checks of one run ended."""

    run_id: str
    at: str
    checks: Counts


class Quality(Shape):
    """How the newest checks ended."""

    checks: Counts
    newest_failed: bool
    trend: list[Point]


class Port(Shape):
    """A port: its contract, columns, quality, freshness and what is around it."""

    address: str
    kind: Literal["port"]
    title: str
    status: str
    incidents: list[Incident] = Field(description="what is wrong with it now")
    end_of_life: EndOfLife | None
    owner: Owner
    domain: str
    product: str
    version: str
    majors: list[Major]
    default: bool
    pinned: str | None
    quarantine: dict[str, Any] | None
    override: dict[str, Any] | None
    description: Described
    tags: list[str]
    rows: int
    size_bytes: int | None
    lives_in: str | None = Field(
        None, description="the table of a database in which its rows live, as `connection.schema.table`"
    )
    snapshot_id: str
    published_at: str
    published_by: str
    columns: list[Column]
    contract: ContractSummary
    quality: Quality
    freshness: dict[str, Any]
    last_run: LastRun | None
    upstream: list[str]
    sources: list[str]
    downstream: list[str]


class Expired(Shape):
    """Since when rows cannot be read, and why."""

    at: str
    reason: str


class Snapshot(Shape):
    """A publication of a port."""

    snapshot_id: str
    published_at: str
    published_by: str
    run_id: str
    version: str
    rows: int
    checks: Counts
    revision: int
    current: bool
    pinned: bool
    reason: str | None
    quarantine: dict[str, Any] | None
    override: dict[str, Any] | None
    expired: Expired | None


class History(Shape):
    """A page of the publications of a port, newest first."""

    address: str
    items: list[Snapshot]
    next: str | None


class Hit(Shape):
    """A result of a search, and where the words were found."""

    address: str
    kind: str
    title: str
    domain: str
    score: float
    why: str
    mark: str | None


class Found(Shape):
    """Results of a search, best first. Where `complete` is false there are more than `total`."""

    total: int
    complete: bool
    results: list[Hit]
    facets: dict[str, dict[str, int]]


class Node(Shape):
    """A port, model, source, or a column of one."""

    id: str
    kind: str


class Edge(Shape):
    """What is made from what."""

    source: str = Field(alias="from")
    target: str = Field(alias="to")
    kind: str
    transformation: str
    masking: bool


class Lineage(Shape):
    """What is around a node. `truncated` says that there is more."""

    root: str
    nodes: list[Node]
    edges: list[Edge]
    truncated: bool


class Outcome(Shape):
    """What a run did with a port."""

    address: str
    outcome: str
    snapshot_id: str | None
    rows: int | None
    seconds: float | None
    diagnostics: list[dict[str, Any]]
    quarantine: dict[str, Any] | None
    override: dict[str, Any] | None
    ended_at: str | None = Field(description="when one that failed had; of a published one its publication says so")


class Run(Shape):
    """A run."""

    run_id: str
    kind: str
    actor: str
    state: str
    started_at: str
    finished_at: str | None
    selection: list[str]
    ports: list[Outcome]


class RunWithChecks(Run):
    """A run with the check results of its ports; rows are not among them."""

    checks: dict[str, list[dict[str, Any]]]


class Runs(Shape):
    """A page of runs, newest first."""

    items: list[Run]
    next: str | None


class Event(Shape):
    """What happened: a link of the hash chain."""

    seq: int
    at: str
    kind: str
    actor: str
    subject: str
    body: dict[str, Any]
    hash: str
    previous: str


class Events(Shape):
    """Events behind a number. `next` is what to ask `after` for more; a page may be empty and not the last one."""

    items: list[Event]
    next: int | None
