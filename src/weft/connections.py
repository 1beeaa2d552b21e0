"""Connections to systems that weft does not own, as `[connections.NAME]` declares them; secrets stand elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import Struct

from weft.errors import Diagnostic, SourceError, Where, did_you_mean, error


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is never printed."""

    value: str = field(repr=False)

    def __str__(self) -> str:
        return "***"


class Reference(Struct, frozen=True):
    """Where a secret stands: in a variable of the environment, or in a file.

    Attributes:
        text: the reference in words, which may be shown.
        found: the secret of a variable that was set; a file is read when the secret is needed.
        file: the file that holds it.
    """

    text: str
    found: Secret | None = None
    file: Path | None = None

    def secret(self, of: str) -> Secret:
        """The secret.

        Args:
            of: what it belongs to, for the error.

        Raises:
            SourceError: WFT-SRC-021, the variable is not set or the file cannot be read.
        """
        if self.found is not None:
            return self.found
        if self.file is None:
            fix = f"set it: `export {self.text.removeprefix('$')}=…`"
            raise SourceError(error("WFT-SRC-021", f"{of} is to be taken from {self.text}, which is not set", fix=fix))
        try:
            return Secret(self.file.read_text(encoding="utf-8").strip())
        except (OSError, UnicodeDecodeError) as problem:
            why = getattr(problem, "strerror", None) or "it is no text"
            what = f"{of} is to be taken from {self.text}, which cannot be read"
            raise SourceError(error("WFT-SRC-021", what, why=why)) from None


class Connection(Struct, frozen=True):
    """One `[connections.NAME]`.

    Attributes:
        kind: postgres, mysql (MariaDB too) or s3.
        options: what is no secret, as text.
        secrets: where what is secret stands, by its key.
        domains: which domains of other repositories may have ports in its tables.
    """

    name: str
    kind: str
    options: Mapping[str, str]
    secrets: Mapping[str, Reference]
    domains: tuple[str, ...] = ()

    def secret(self, key: str) -> Secret | None:
        """The secret of a key; None when the connection has none.

        Raises:
            SourceError: WFT-SRC-021, it is not where its reference says.
        """
        reference = self.secrets.get(key)
        return reference.secret(f"`{key}` of the connection `{self.name}`") if reference is not None else None


_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "postgres": ("host", "port", "database", "user", "schema", "timeout_s", "sslmode", "sslrootcert", "domains"),
    "mysql": ("host", "port", "database", "user", "timeout_s"),
    "s3": ("endpoint", "region", "role", "sts_endpoint"),
}
_SECRETS: Mapping[str, tuple[str, ...]] = {
    "postgres": ("dsn", "password"),
    "mysql": ("dsn", "password"),
    "s3": ("access_key", "secret_key", "session_token"),
}
KINDS = tuple(_OPTIONS)
"""The kinds of connections."""

MEANINGS: Mapping[str, str] = {
    "kind": "what answers: `postgres`, `mysql` (MariaDB too) or `s3` (any store that speaks its protocol)",
    "dsn": "reference to the whole address: `postgresql://user:password@host:5432/database`",
    "host": "the server, instead of `dsn`; `localhost` if nothing is said",
    "port": "its port; 5432 and 3306 if nothing is said",
    "database": "the database on it",
    "user": "as whom weft reads; a user who may only read is enough",
    "password": "reference to the password",
    "schema": "where tables without a schema in their name are looked for (postgres)",
    "timeout_s": "how long one query may take, in seconds; 300 if nothing is said",
    "sslmode": "how safe the connection has to be, in PostgreSQL's words: for example `verify-full` (postgres)",
    "sslrootcert": "the file of certificates by which the server is known (postgres)",
    "domains": "on a server: the domains of other repositories whose ports may live in its tables; nobody else's do "
    "(postgres)",
    "endpoint": "where a store answers that is not Amazon's own",
    "region": "the region of the store",
    "role": "the role whose short-lived keys readers of Iceberg tables get, which then fetch files from the store (s3)",
    "sts_endpoint": "where the store gives such keys; Amazon's own, or `endpoint`, if nothing is said (s3)",
    "access_key": "reference to the key of the store's user",
    "secret_key": "reference to the secret of the store's user",
    "session_token": "reference to the token of a user who has one for a time",
}
"""What each key of a connection means, for the reference."""


def keys_of(kind: str) -> tuple[str, ...]:
    """The keys that a connection of a kind may have, secrets last."""
    return ("kind", *_OPTIONS[kind], *_SECRETS[kind])


def connections_from(
    entries: Mapping[str, Mapping[str, tuple[Any, str]]],
    root: Path,
    environ: Mapping[str, str],
    problems: list[Diagnostic],
) -> dict[str, Connection]:
    """The connections of the settings, by name.

    Args:
        entries: by name and key the value and where it stands.
        root: the folder to which relative files of secrets belong.
        problems: gets what is wrong with the others.
    """
    found = {}
    for name, values in entries.items():
        made = _connection(name, values, root, environ, problems)
        if made is not None:
            found[name] = made
    return found


def _connection(
    name: str,
    values: Mapping[str, tuple[Any, str]],
    root: Path,
    environ: Mapping[str, str],
    problems: list[Diagnostic],
) -> Connection | None:
    said = f"[connections.{name}]"
    kind, origin = values.get("kind", (None, "weft.toml"))
    kind = "mysql" if kind == "mariadb" else "postgres" if kind == "postgresql" else kind
    if not isinstance(kind, str) or kind not in _OPTIONS:
        fix = did_you_mean(str(kind), KINDS, otherwise=f"one of {', '.join(KINDS)}")
        if kind is None:
            problems.append(error("WFT-SRC-020", f"{said} has no `kind`", Where(origin), fix=fix))
        else:
            what = f"`{kind}` of {said} is no kind of source that weft reads"
            problems.append(error("WFT-SRC-009", what, Where(origin), fix=fix))
        return None
    options: dict[str, str] = {}
    secrets: dict[str, Reference] = {}
    domains: tuple[str, ...] = ()
    before = len(problems)
    for key, (value, where) in values.items():
        if key == "kind":
            continue
        if key not in keys_of(kind):
            fix = did_you_mean(key, keys_of(kind), otherwise=f"one of {', '.join(keys_of(kind))}")
            problems.append(error("WFT-SRC-020", f"unknown setting `{key}` in {said}", Where(where), fix=fix))
        elif key in _SECRETS[kind]:
            reference = reference_from(value, where, root, environ)
            if reference is None:
                problems.append(_literal(key, name, where))
            else:
                secrets[key] = reference
        elif key == "domains":
            if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
                what = f"`domains` in {said} must be a list of names"
                problems.append(error("WFT-SRC-020", what, Where(where), fix='write `domains = ["sales"]`'))
            else:
                domains = tuple(value)
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            problems.append(error("WFT-SRC-020", f"`{key}` in {said} must be text or a number", Where(where)))
        else:
            options[key] = str(value)
    problems += [
        error("WFT-SRC-020", f"`{key}` in {said} must be a number", Where(origin))
        for key in ("port", "timeout_s")
        if not options.get(key, "0").replace(".", "", key == "timeout_s").isdigit()
    ]
    if kind != "s3" and "dsn" not in secrets and "database" not in options and len(problems) == before:
        fix = 'give `dsn = { env = "…" }`, or `host`, `database`, `user` and `password = { env = "…" }`'
        problems.append(error("WFT-SRC-020", f"{said} says neither `dsn` nor `database`", Where(origin), fix=fix))
    return Connection(name, kind, options, secrets, domains) if len(problems) == before else None


def reference_from(value: Any, where: str, root: Path, environ: Mapping[str, str]) -> Reference | None:
    """Where a secret stands, as a setting says it; None when the setting is no reference.

    Args:
        where: the origin of the value: a file, or `$NAME` of a variable, whose value is the secret itself.
        root: the folder to which relative files of secrets belong.
    """
    if where.startswith("$") and isinstance(value, str):
        return Reference(where, Secret(value))  # the environment is where a secret may stand
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    ((way, name),) = value.items()
    if not isinstance(name, str) or way not in ("env", "file"):
        return None
    if way == "env":
        return Reference(f"${name}", Secret(environ[name]) if name in environ else None)
    return Reference(f"the file {name}", file=root / Path(name).expanduser())


def _literal(key: str, name: str, where: str) -> Diagnostic:
    return error(
        "WFT-SRC-022",
        f"`{key}` of [connections.{name}] stands in the file itself, or is no reference",
        Where(where),
        why="whoever can read the repository could read it",
        fix=f'write `{key} = {{ env = "{name.upper()}_{key.upper()}" }}` or `{{ file = "…" }}`',
    )
