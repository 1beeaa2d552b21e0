"""Settings: one frozen tree, read once at an entrance. Flag > `WEFT_…` > `weft.toml` > default."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, get_type_hints

from msgspec import Struct

from weft.connections import (
    KINDS,
    MEANINGS,
    Connection,
    Reference,
    Secret,
    connections_from,
    keys_of,
    reference_from,
)
from weft.errors import Diagnostic, ProjectError, UsageError, Where, did_you_mean, error
from weft.identity_settings import IdentitySettings

__all__ = ["Connection", "Secret", "Settings", "describe_settings", "duration", "find_root", "load_settings"]

FILE_NAME = "weft.toml"


def duration(text: str) -> timedelta:
    """A duration like `24h`, `30m`, `7d`, `0s`.

    >>> duration("24h")
    datetime.timedelta(days=1)

    Raises:
        ValueError: the text is none.
    """
    match = re.fullmatch(r"([0-9]{1,6})\s*([smhd])", text.strip())
    if match is None:
        raise ValueError(f"must be a duration like 30m, 24h or 7d, not {text!r}")
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}[match[2]]
    return timedelta(**{unit: int(match[1])})


_BYTES = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "KI": 2**10, "MI": 2**20, "GI": 2**30, "TI": 2**40}
_LEAST_MEMORY = 64 * 10**6
"""Bytes under which the engine cannot even hold its own tables."""


def size_in_bytes(text: str) -> int:
    """A size like `2GB` or `512MB`, or a part of the machine's memory like `50%`, in bytes.

    >>> size_in_bytes("2GB"), size_in_bytes("512MiB")
    (2000000000, 536870912)

    Raises:
        ValueError: the text is none, or less than anything could work with.
    """
    _memory(text)
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGT]I?)B|(%))", text.strip().upper())
    assert match is not None, "it has been checked"
    if match[3]:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else 8 * 10**9
        return int(float(match[1]) / 100 * whole)
    return int(float(match[1]) * _BYTES[match[2]])


def _memory(text: str) -> None:
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGT]I?)B|(%))", text.strip().upper())
    if match is None:
        raise ValueError(f"must be a size like 4GB or 512MB, not {text!r}")
    if match[3] and not 0 < float(match[1]) <= 100:
        raise ValueError(f"must be a part of the machine's memory, above 0% and at most 100%, not {text!r}")
    if match[2] and float(match[1]) * _BYTES[match[2]] < _LEAST_MEMORY:
        raise ValueError(f"must be 64MB or more, not {text!r}")


def size_bytes(text: str) -> int:
    """Bytes of a size like `256MB` or `1GiB`.

    >>> size_bytes("256MB")
    256000000

    Raises:
        ValueError: the text is none.
    """
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]I?)B", text.strip().upper())
    if match is None or float(match[1]) == 0:
        raise ValueError(f"must be a size like 256MB or 1GB, not {text!r}")
    return int(float(match[1]) * _BYTES[match[2]])


def _days(number: int) -> None:
    if not 0 <= number <= 3650:
        raise ValueError(f"must be a number of days, 0 to 3650, not {number}")


def _versions(number: int) -> None:
    if number < 1:
        raise ValueError(f"must be a number, 1 or more, not {number}")


def _threads(number: int) -> None:
    # An engine that is asked for more threads than the system gives does not refuse: its process dies.
    if not 0 <= number <= 1024:
        raise ValueError(f"must be a number of threads, 0 to 1024, not {number}")


def _setting(default: Any, meaning: str, check: Callable[[Any], object] | None = None) -> Any:
    """A setting with its default and its line in the reference; `check` raises ValueError for a value of no meaning."""
    return field(default=default, metadata={"meaning": meaning, "check": check})


@dataclass(frozen=True, slots=True)
class MeshSettings:
    """`[mesh]`: its name, where domains lie, where the registry is."""

    name: str = _setting("mesh", "what the mesh is called; plans and pages show it")
    domains: tuple[str, ...] = _setting(("domains/*",), "folders of domains, as globs from the mesh's folder")
    registry: str = _setting(
        ".weft/registry.db",
        "the registry, what is published and the event log: a file, or a PostgreSQL database as `postgresql://USER@HOST/NAME`",
    )
    override_days: int = _setting(
        30, "how many days ahead an override of failed checks may end at most; 0 allows none", _days
    )


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """`[storage]`: where tables and their catalog rest."""

    warehouse: str = _setting(".weft/warehouse", "folder of the tables' files")
    catalog: str = _setting(".weft/catalog.db", "file of the Iceberg catalog (SQLite)")
    orphan_age: str = _setting(
        "24h", "how old a file that nothing refers to must be before it is removed: 30m, 24h, 7d", duration
    )
    keep_snapshots: str = _setting(
        "30d", "how long a data version can be read after another has taken its place: 12h, 30d", duration
    )
    target_file_size: str = _setting(
        "256MB", "how large a data file should be; many of less than a quarter of it are written together", size_bytes
    )
    small_files: int = _setting(16, "how many small files of one partition are left as they are", _versions)
    keep_at_least: int = _setting(5, "how many of the newest data versions are kept however old they are", _versions)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`[engine]`: what runs models, and how much it may take. threads = 0: all cores."""

    default: str = _setting("duckdb", "the engine that runs models")
    memory_limit: str = _setting("4GB", "how much memory the engine may take before it writes to disk", _memory)
    threads: int = _setting(0, "how many threads the engine may use, at most 1024; 0 means all cores", _threads)


def _timeout(text: str) -> None:
    if duration(text).total_seconds() < 1:
        raise ValueError(f"must be a second or more, not {text!r}")


@dataclass(frozen=True, slots=True)
class PythonSettings:
    """`[python]`: what each run of a Python model may take."""

    memory_limit: str = _setting("2GB", "how much memory a Python model may take beside its libraries", _memory)
    timeout: str = _setting("10m", "how long a Python model may run: 90s, 10m, 1h", _timeout)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """`[sources]`: folders outside the mesh that sources may name."""

    allow: tuple[str, ...] = _setting((), "folders outside the mesh's folder that sources may name")


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """`[environments]`: how long one lives that nobody uses."""

    keep: str = _setting("14d", "how long after its last use an environment goes by itself: 12h, 14d", duration)


def _count(number: int) -> None:
    if not 0 <= number <= 10_000:
        raise ValueError(f"must be a number of 0 to 10000, not {number}")


def _some(number: int) -> None:
    if not 1 <= number <= 1_000_000:
        raise ValueError(f"must be a number of 1 to 1000000, not {number}")


def _limits(entries: tuple[str, ...]) -> None:
    for entry in entries:
        if not re.fullmatch(r"(domain|engine):[a-z][a-z0-9_]*=[0-9]{1,4}", entry.replace(" ", "")):
            raise ValueError(f'must hold entries such as "domain:sales=1" or "engine:duckdb=2", not {entry!r}')


@dataclass(frozen=True, slots=True)
class SchedulerSettings:
    """`[scheduler]`: how jobs are handed to workers."""

    concurrency: int = _setting(1, "how many jobs a worker runs at once", _some)
    per_domain: int = _setting(0, "how many jobs of one domain run at once, on all workers; 0: no limit", _count)
    per_engine: int = _setting(0, "how many jobs of one engine run at once, on all workers; 0: no limit", _count)
    limits: tuple[str, ...] = _setting(
        (), 'limits of single domains and engines: "domain:sales=1", "engine:duckdb=2"', _limits
    )
    lease: str = _setting("60s", "how long after a worker was last heard of its jobs are given to another", _timeout)
    grace: str = _setting(
        "30s", "how long a worker that is stopped lets its jobs end before it hands them back", duration
    )
    retry: str = _setting("10s", "how long a job that failed by chance waits; then twice as long each time", _timeout)
    timeout: str = _setting("6h", "how long a job may run that somebody starts by hand", _timeout)
    attempts: int = _setting(5, "how often a job is tried that somebody starts by hand", _some)
    log_lines: int = _setting(10_000, "how many lines of each job's log are kept", _some)
    keep_jobs: str = _setting("30d", "how long jobs that are over and their logs are kept", duration)


def _security(text: str) -> None:
    if text not in ("starttls", "tls", "none"):
        raise ValueError(f"must be starttls, tls or none, not {text!r}")


@dataclass(frozen=True, slots=True)
class NoticesSettings:
    """`[notices]`: how subscribers and owners are told. `secrets` names those that webhooks may be signed with."""

    allow_hosts: tuple[str, ...] = _setting(
        (), "hosts that webhooks may reach though they are inside: on this machine or its network; also without https"
    )
    signing_key: Reference | None = field(
        default=None,
        metadata={"meaning": "reference to the key that the secrets of webhooks are made from", "check": None},
    )
    smtp_host: str = _setting("", "the server that mail is sent through; without one nobody is told by mail")
    smtp_port: int = _setting(587, "its port")
    smtp_security: str = _setting("starttls", "how safe its connection is: `starttls`, `tls` or `none`", _security)
    smtp_user: str = _setting("", "as whom weft signs in to it; without one it does not")
    smtp_password: Reference | None = field(
        default=None, metadata={"meaning": "reference to the password", "check": None}
    )
    smtp_from: str = _setting("weft@localhost", "the address that mail comes from")
    grace: str = _setting(
        "1h", "how long after an incident's end what it had made late may still be late: 30m, 2h", duration
    )
    secrets: Mapping[str, Reference] = field(default_factory=dict, metadata={"meaning": "", "check": None})


def _port(number: int) -> None:
    if not 0 <= number <= 65535:
        raise ValueError(f"must be a port, 0 to 65535, not {number}")


def _one_of(*words: str) -> Callable[[str], None]:
    def check(text: str) -> None:
        if text not in words:
            raise ValueError(f"must be one of {', '.join(words)}, not {text!r}")

    return check


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """`[server]`: where `weft serve` listens, what it takes, what it tells."""

    host: str = _setting("127.0.0.1", "the address that `weft serve` listens on")
    port: int = _setting(8080, "the port that `weft serve` listens on; 0 takes a free one", _port)
    url: str = _setting("", "the address by which others reach the server, when it is not that of host and port")
    log_level: str = _setting(
        "info", "what the server logs: debug, info, warning or error", _one_of("debug", "info", "warning", "error")
    )
    log_format: str = _setting("json", "how the server logs: json or text", _one_of("json", "text"))
    body_limit: str = _setting("32MB", "how large the body of a request may be", size_bytes)
    trusted_proxies: tuple[str, ...] = _setting(
        (), "addresses or networks of reverse proxies whose word about client and scheme is taken"
    )
    shutdown: str = _setting("30s", "how long a server that is stopped waits for requests that have begun", duration)
    traces: str = _setting("", "where OpenTelemetry spans go (OTLP over HTTP), like `http://collector:4318/v1/traces`")


def _rows(number: int) -> None:
    if number < 0:
        raise ValueError(f"must be a number of rows, 0 or more, not {number}")


@dataclass(frozen=True, slots=True)
class PublishingSettings:
    """`[publishing]`: what a server lets domains elsewhere do that publish to it."""

    file_size: str = _setting("5GB", "how large one file may be that a runner uploads", size_bytes)
    run_time: str = _setting("24h", "how long a run may take until it cannot publish any more: 6h, 2d", duration)
    scan_time: str = _setting("6h", "how long a product may read a snapshot that it was granted", duration)
    whole_rows: int = _setting(
        5_000_000, "rows up to which a server evaluates every rule again on all of them; above, some on a sample", _rows
    )
    domain_size: str = _setting("1TB", "how much a domain may keep that is requisitioned", size_bytes)
    domain_products: int = _setting(1000, "how many products a domain may have that is requisitioned", _versions)


class Settings(Struct, frozen=True):
    """All settings of a mesh. `root` is the folder of `weft.toml`, absolute."""

    root: Path
    mesh: MeshSettings = MeshSettings()
    storage: StorageSettings = StorageSettings()
    engine: EngineSettings = EngineSettings()
    sources: SourceSettings = SourceSettings()
    environments: EnvironmentSettings = EnvironmentSettings()
    python: PythonSettings = PythonSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    identity: IdentitySettings = IdentitySettings()
    notices: NoticesSettings = NoticesSettings()
    server: ServerSettings = ServerSettings()
    publishing: PublishingSettings = PublishingSettings()
    connections: Mapping[str, Connection] = {}

    def path(self, text: str) -> Path:
        """A path of the settings, made absolute: relative ones belong to the root."""
        return self.root / Path(text).expanduser()

    @property
    def state(self) -> Path:
        """The folder of everything that weft keeps for itself: `.weft`."""
        return self.root / ".weft"

    @property
    def cache(self) -> Path:
        """The folder of what may be deleted at any time: `.weft/cache`."""
        return self.state / "cache"


def find_root(start: Path) -> Path | None:
    """The nearest folder upward that holds a `weft.toml`."""
    start = start.absolute()
    return next((d for d in (start, *start.parents) if (d / FILE_NAME).is_file()), None)


def load_settings(
    start: Path, *, environ: Mapping[str, str] | None = None, flags: Mapping[str, Any] | None = None
) -> Settings:
    """The settings of the mesh that holds `start`. `flags` maps `section.key` to a value that wins over all.

    Raises:
        UsageError: WFT-CFG-001, there is no weft.toml upward of `start`.
        ProjectError: WFT-CFG-002 to 004, all problems of the file and the environment at once.
    """
    root = find_root(start)
    if root is None:
        raise UsageError(
            error(
                "WFT-CFG-001",
                f"no {FILE_NAME} in {start.absolute()} or any folder above it",
                why="every command works on the mesh whose folder holds it",
                fix="go into the mesh's folder, or name it with `-C DIR`; `weft init` makes a new mesh",
            )
        )
    problems: list[Diagnostic] = []
    values = _from_file(root / FILE_NAME, problems)
    environ = os.environ if environ is None else environ
    for key, text in environ.items():
        if key.startswith("WEFT_") and "__" in key:
            section, _, name = key.removeprefix("WEFT_").lower().partition("__")
            values.setdefault(section, {})[name] = (text, f"${key}")
    for dotted, value in (flags or {}).items():
        section, _, name = dotted.partition(".")
        values.setdefault(section, {})[name] = (value, "flag")
    connections = connections_from(_by_connection(values.pop("connections", {}), problems), root, environ, problems)

    def secret(value: Any, origin: str) -> Reference:
        found = reference_from(value, origin, root, environ)
        if found is None:
            raise ValueError('is a secret: it must be a reference, { env = "VARIABLE" } or { file = "PATH" }')
        return found

    sections = {}
    for section, entries in values.items():
        kind = _SECTIONS.get(section)
        if kind is None:
            origin = next(iter(entries.values()))[1] if entries else FILE_NAME
            problems.append(_unknown(f"[{section}]", section, _SECTIONS, origin))
            continue
        sections[section] = _section(kind, section, entries, problems, secret)
    if problems:
        raise ProjectError(*problems)
    return Settings(root=root, connections=connections, **sections)


_SECTIONS: dict[str, type] = {
    "mesh": MeshSettings,
    "storage": StorageSettings,
    "engine": EngineSettings,
    "sources": SourceSettings,
    "environments": EnvironmentSettings,
    "python": PythonSettings,
    "scheduler": SchedulerSettings,
    "identity": IdentitySettings,
    "notices": NoticesSettings,
    "server": ServerSettings,
    "publishing": PublishingSettings,
}


def _by_connection(
    entries: Mapping[str, tuple[Any, str]], problems: list[Diagnostic]
) -> dict[str, dict[str, tuple[Any, str]]]:
    """The keys of each connection; in the environment name and key are one name: `OPS_DB__HOST`."""
    found: dict[str, dict[str, tuple[Any, str]]] = {}
    for name, (value, origin) in entries.items():
        inner, dot, key = name.partition("__")
        if dot and origin.startswith("$"):
            found.setdefault(inner, {})[key] = (value, origin)
        elif isinstance(value, dict):
            found.setdefault(name, {}).update({k: (v, origin) for k, v in value.items()})
        else:
            problems.append(error("WFT-CFG-003", f"`{name}` in [connections] is no connection", Where(origin)))
    return found


def describe_connections() -> list[tuple[str, str, str]]:
    """Every key of a connection as (key, kinds that have it, meaning), for the reference page."""
    return [
        (key, ", ".join(kind for kind in KINDS if key in keys_of(kind)), meaning) for key, meaning in MEANINGS.items()
    ]


def describe_settings() -> list[tuple[str, str, str, str]]:
    """Every setting as (`section.key`, default as text, environment twin, meaning), for the reference page."""
    return [
        (
            f"{section}.{f.name}",
            _toml(getattr(kind(), f.name)),
            f"WEFT_{section}__{f.name}".upper(),
            f.metadata["meaning"],
        )
        for section, kind in _SECTIONS.items()
        for f in dataclasses.fields(kind)
        if f.metadata["meaning"]
    ]


def _toml(value: str | int | tuple[str, ...] | None) -> str:
    """A value as `weft.toml` writes it; nothing for a secret, which has no default."""
    if value is None:
        return ""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def _from_file(path: Path, problems: list[Diagnostic]) -> dict[str, dict[str, tuple[Any, str]]]:
    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        problems.append(error("WFT-CFG-002", f"{FILE_NAME} does not parse: {e}", Where(FILE_NAME)))
        return {}
    values: dict[str, dict[str, tuple[Any, str]]] = {}
    for section, entries in parsed.items():
        if not isinstance(entries, dict):
            problems.append(_unknown(f"`{section}`", section, _SECTIONS, FILE_NAME))
            continue
        values[section] = {key: (value, FILE_NAME) for key, value in entries.items()}
    return values


def _section(
    kind: type,
    section: str,
    entries: Mapping[str, tuple[Any, str]],
    problems: list[Diagnostic],
    secret: Callable[[Any, str], Reference],
) -> Any:
    hints = get_type_hints(kind)
    checks = {f.name: f.metadata["check"] for f in dataclasses.fields(kind)}
    readers = {f.name: f.metadata["read"] for f in dataclasses.fields(kind) if "read" in f.metadata}
    known: dict[str, Any] = {}
    for name, (value, origin) in entries.items():
        if name not in hints:
            problems.append(_unknown(f"`{name}` in [{section}]", name, hints, origin))
            continue
        try:
            if hints[name] == Reference | None:
                known[name] = secret(value, origin)
            elif hints[name] == Mapping[str, Reference]:
                if not isinstance(value, Mapping):
                    raise ValueError("must be a table of references")
                known[name] = {key: secret(one, origin) for key, one in value.items()}
            elif name in readers:
                known[name] = readers[name](value)
            else:
                known[name] = _coerced(value, hints[name])
            if checks[name] is not None:
                checks[name](known[name])
        except ValueError as e:
            problems.append(error("WFT-CFG-004", f"`{section}.{name}` {e}", Where(origin)))
    return kind(**known)


def _coerced(value: Any, hint: Any) -> Any:
    if hint is int:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ValueError(f"must be a whole number, not {value!r}")
        try:
            return int(value)
        except ValueError:
            raise ValueError(f"must be a whole number, not {value!r}") from None
    if hint is str:
        if not isinstance(value, str):
            raise ValueError(f"must be text, not {value!r}")
        return value
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")]
    if not isinstance(value, list | tuple) or not all(isinstance(v, str) for v in value):
        raise ValueError(f"must be a list of texts, not {value!r}")
    return tuple(value)


def _unknown(what: str, name: str, candidates: Any, origin: str) -> Diagnostic:
    return error(
        "WFT-CFG-003",
        f"unknown setting {what}",
        Where(origin),
        fix=did_you_mean(name, list(candidates), otherwise="`docs/reference/settings.md` lists all settings"),
    )
