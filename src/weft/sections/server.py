"""Sections of a server: where it listens, what it lets others do, how it hands out jobs and tells what happened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from weft.connections import Reference
from weft.sections.forms import count, duration, one_of, port, rows, setting, size_bytes, some, timeout, versions
from weft.sections.forms import url as address


def _limits(entries: tuple[str, ...]) -> None:
    for entry in entries:
        if not re.fullmatch(r"(domain|engine):[a-z][a-z0-9_]*=[0-9]{1,4}", entry.replace(" ", "")):
            raise ValueError(f'must hold entries such as "domain:sales=1" or "engine:duckdb=2", not {entry!r}')


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """`[scheduler]`: how jobs are handed to workers."""

    concurrency: int = setting(1, "how many jobs a worker runs at once", some)
    per_domain: int = setting(0, "how many jobs of one domain run at once, on all workers; 0: no limit", count)
    per_engine: int = setting(0, "how many jobs of one engine run at once, on all workers; 0: no limit", count)
    limits: tuple[str, ...] = setting(
        (), 'limits of single domains and engines: "domain:sales=1", "engine:duckdb=2"', _limits
    )
    lease: str = setting("60s", "how long after a worker was last heard of its jobs are given to another", timeout)
    grace: str = setting(
        "30s", "how long a worker that is stopped lets its jobs end before it hands them back", duration
    )
    retry: str = setting("10s", "how long a job that failed by chance waits; then twice as long each time", timeout)
    timeout: str = setting("6h", "how long a job may run that somebody starts by hand", timeout)
    attempts: int = setting(5, "how often a job is tried that somebody starts by hand", some)
    log_lines: int = setting(10_000, "how many lines of each job's log are kept", some)
    keep_jobs: str = setting(
        "30d", "how long jobs that are over, their logs, and messages that went are kept", duration
    )


def _security(text: str) -> None:
    if text not in ("starttls", "tls", "none"):
        raise ValueError(f"must be starttls, tls or none, not {text!r}")


@dataclass(frozen=True, slots=True)
class NoticesSettings:
    """`[notices]`: how subscribers and owners are told. `secrets` names those that webhooks may be signed with."""

    allow_hosts: tuple[str, ...] = setting(
        (), "hosts that webhooks may reach though they are inside: on this machine or its network; also without https"
    )
    signing_key: Reference | None = field(
        default=None,
        metadata={"meaning": "reference to the key that the secrets of webhooks are made from", "check": None},
    )
    smtp_host: str = setting("", "the server that mail is sent through; without one nobody is told by mail")
    smtp_port: int = setting(587, "its port")
    smtp_security: str = setting("starttls", "how safe its connection is: `starttls`, `tls` or `none`", _security)
    smtp_user: str = setting("", "as whom weft signs in to it; without one it does not")
    smtp_password: Reference | None = field(
        default=None, metadata={"meaning": "reference to the password", "check": None}
    )
    smtp_from: str = setting("weft@localhost", "the address that mail comes from")
    grace: str = setting(
        "1h", "how long after an incident's end what it had made late may still be late: 30m, 2h", duration
    )
    secrets: Mapping[str, Reference] = field(default_factory=dict, metadata={"meaning": "", "check": None})


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`: where `weft serve` listens, what it takes, what it tells."""

    host: str = setting("127.0.0.1", "the address that `weft serve` listens on")
    flight_port: int = setting(
        0, "the port on which a process beside `weft serve` speaks Arrow Flight SQL; 0: there is none", port
    )
    port: int = setting(8080, "the port that `weft serve` listens on; 0 takes a free one", port)
    flight_url: str = setting(
        "", "the address by which clients reach it, like `grpc+tls://mesh.example.com:8081`; without it, host and port"
    )
    url: str = setting(
        "", "the address by which people and others reach the server; without it, that of each request", address
    )
    log_level: str = setting(
        "info", "what the server logs: debug, info, warning or error", one_of("debug", "info", "warning", "error")
    )
    log_format: str = setting("json", "how the server logs: json or text", one_of("json", "text"))
    body_limit: str = setting("32MB", "how large the body of a request may be", size_bytes)
    trusted_proxies: tuple[str, ...] = setting(
        (), "addresses or networks of reverse proxies whose word about client and scheme is taken"
    )
    shutdown: str = setting("30s", "how long a server that is stopped waits for requests that have begun", duration)
    traces: str = setting("", "where OpenTelemetry spans go (OTLP over HTTP), like `http://collector:4318/v1/traces`")


@dataclass(frozen=True, slots=True)
class PublishingSettings:
    """`[publishing]`: what a server lets domains elsewhere do that publish to it."""

    file_size: str = setting("5GB", "how large one file may be that a runner uploads", size_bytes)
    run_time: str = setting("24h", "how long a run may take until it cannot publish any more: 6h, 2d", duration)
    approval_time: str = setting(
        "14d", "how long a publication is kept that waits until somebody agrees to it: 14d, 48h", duration
    )
    scan_time: str = setting("6h", "how long a product may read a snapshot that it was granted", duration)
    whole_rows: int = setting(
        5_000_000, "rows up to which a server evaluates every rule again on all of them; above, some on a sample", rows
    )
    domain_size: str = setting("1TB", "how much a domain may keep that is requisitioned", size_bytes)
    domain_products: int = setting(1000, "how many products a domain may have that is requisitioned", versions)
