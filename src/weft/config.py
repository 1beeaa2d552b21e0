"""Settings: one frozen tree, read once at an entrance. Flag > `WEFT_…` > `weft.toml` > default."""

from __future__ import annotations

import dataclasses
import json
import os
import tomllib
from collections.abc import Callable, Mapping
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
from weft.sections.forms import duration, size_bytes, size_in_bytes
from weft.sections.governance import GovernanceSettings
from weft.sections.identity import IdentitySettings
from weft.sections.mesh import (
    EngineSettings,
    EnvironmentSettings,
    MeshSettings,
    PythonSettings,
    SourceSettings,
    StorageSettings,
)
from weft.sections.query import QuerySettings
from weft.sections.server import NoticesSettings, PublishingSettings, SchedulerSettings, ServerSettings

__all__ = [
    "Connection",
    "NoticesSettings",
    "PythonSettings",
    "SchedulerSettings",
    "Secret",
    "Settings",
    "SourceSettings",
    "StorageSettings",
    "describe_settings",
    "duration",
    "find_root",
    "load_settings",
    "size_bytes",
    "size_in_bytes",
]

FILE_NAME = "weft.toml"


class Settings(Struct, frozen=True):
    """All settings of a mesh. `root` is the folder of `weft.toml`, absolute.

    Attributes:
        own_python: no setting: a worker says it to its jobs. Folders of products, from the root, whose Python models may
            run as the user of this process; None: all of them, since it works for a person and not for a mesh.
    """

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
    query: QuerySettings = QuerySettings()
    governance: GovernanceSettings = GovernanceSettings()
    connections: Mapping[str, Connection] = {}
    own_python: frozenset[str] | None = None

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
    "query": QuerySettings,
    "governance": GovernanceSettings,
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
