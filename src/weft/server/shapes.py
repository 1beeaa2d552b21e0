"""The shapes of answers, for the OpenAPI document. A test holds real answers against them, field by field."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """An object of which every field is told."""

    model_config = ConfigDict(extra="forbid")


class Diagnostic(Shape):
    """What went wrong, where, why, and how to mend it. docs/reference/errors.md has every code."""

    code: str
    severity: str
    what: str
    where: dict[str, Any] | None
    why: str | None
    fix: str | None


class Problem(Shape):
    """A problem document (RFC 9457)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:weft:WFT-CAT-001",
                    "title": "Not Found",
                    "status": 404,
                    "detail": "nothing in the catalog has the address `fleet.aircraft.plane`",
                    "diagnostics": [
                        {
                            "code": "WFT-CAT-001",
                            "severity": "error",
                            "what": "nothing in the catalog has the address `fleet.aircraft.plane`",
                            "where": None,
                            "why": None,
                            "fix": "did you mean `fleet.aircraft.planes`?",
                        }
                    ],
                }
            ]
        },
    )

    type: str
    title: str
    status: int
    detail: str
    diagnostics: list[Diagnostic]


class Health(Shape):
    """Whether the process lives."""

    status: Literal["ok"]


class Readiness(Shape):
    """What the server can do now; a part that is not `ok` says what is the matter with it."""

    status: Literal["ok", "not ready"]
    parts: dict[str, str]


class DomainLine(Shape):
    """A domain in a list."""

    address: str
    title: str
    domain: str
    domain_kind: str | None
    description: str | None
    owner: str | None
    tags: list[str]


class ProductLine(Shape):
    """A product in a list."""

    address: str
    title: str
    domain: str
    status: str
    purpose: str | None
    version: str | None
    owner: str | None
    tags: list[str]


class PortLine(Shape):
    """A port in a list."""

    address: str
    title: str
    domain: str
    product: str
    status: str
    version: str
    default: bool
    rows: int
    mark: str | None
    published_at: str
    owner: str | None
    tags: list[str]


class Domains(Shape):
    """A page of domains. `next` is the cursor of the page behind it, null on the last one."""

    items: list[DomainLine]
    next: str | None


class Products(Shape):
    """A page of products."""

    items: list[ProductLine]
    next: str | None


class Ports(Shape):
    """A page of ports."""

    items: list[PortLine]
    next: str | None


class Owner(Shape):
    """Who answers for something."""

    team: str | None
    contact: str | None


class Member(Shape):
    """Somebody of a domain, with roles there."""

    user: str
    roles: list[str]


class Incident(Shape):
    """Something that is wrong, or was."""

    incident_id: str
    cause: str = Field(description="late, check_failed or run_failed")
    subject: str = Field(description="a port that is late, or a product whose run failed")
    domain: str
    owner: str
    what: str
    state: str = Field(description="open, acknowledged or closed")
    opened_at: datetime
    closed_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    root: str | None = Field(description="the incident that this one comes from")
    affected: list[str] = Field(description="ports that are late because of it")


class Domain(Shape):
    """A domain. Its products are listed at `/api/v1/products?domain=`."""

    address: str
    kind: Literal["domain"]
    title: str
    domain_kind: str | None
    description: str | None
    owner: Owner
    members: list[Member]
    cost_center: str | None
    tags: list[str]
    incidents: list[Incident] = Field(description="what is wrong in it now")


class Counts(Shape):
    """How checks ended."""

    passed: int
    failed: int
    warned: int
    error: int
    not_evaluated: int


class EndOfLife(Shape):
    """Until when a deprecated port is served, and what takes its place."""

    date: str | None
    days_left: int | None
    passed: bool
    successor: str | None


class Described(Shape):
    """What something is for, and what it is not for."""

    purpose: str | None
    limitations: str | None
    usage: str | None


class LastRun(Shape):
    """The newest run that had something to do with it."""

    run_id: str
    state: str
    outcome: str | None
    actor: str
    started_at: str
    finished_at: str | None


class ProductPort(Shape):
    """A port on the page of its product."""

    address: str
    title: str
    status: str
    end_of_life: EndOfLife | None
    version: str
    default: bool
    rows: int
    checks: Counts
    quarantine: dict[str, Any] | None
    override: dict[str, Any] | None
    freshness: str
    published_at: str


class DeprecatedRead(EndOfLife):
    """An input port that is deprecated."""

    address: str
    status: str


class Source(Shape):
    """A source that is no port of the mesh."""

    name: str | None
    source: Any


class Product(Shape):
    """A product with its ports."""

    address: str
    kind: Literal["product"]
    title: str
    status: str
    incidents: list[Incident] = Field(description="what is wrong with it now")
    owner: Owner
    domain: str
    version: str | None
    description: Described
    tags: list[str]
    ports: list[ProductPort]
    reads: list[str]
    deprecated_reads: list[DeprecatedRead]
    sources: list[Source]
    consumers: list[str]
    last_run: LastRun | None
