"""Where data lies that is verified in place: a database by its URL, or what a server of a contract says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from msgspec import Struct, field
from msgspec.structs import replace

from weft.config import Secret, find_root
from weft.errors import SourceError, UsageError, did_you_mean, error
from weft.model.document import custom_properties
from weft.model.odcs import Contract, SchemaObject

_KINDS = {
    "duckdb": "duckdb",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_OF_TABLE = re.compile(r"\{(?:model|schema|table)\}")
_PORTS = {"postgresql": 5432, "mysql": 3306}
_OWN = frozenset(("schema", "timeout_s"))
_PLAIN = frozenset(("user", "password", "host", "port", "dbname"))
"""What PostgreSQL's own client takes as a parameter as well as before the question mark."""
_PASSED_ON = frozenset(
    (
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcrl",
        "channel_binding",
        "require_auth",
        "gssencmode",
        "krbsrvname",
        "passfile",
        "target_session_attrs",
        "options",
    )
)
"""Parameters that are handed to PostgreSQL's client as they are: how safe the connection is hangs on them."""
_UNNEEDED = frozenset(("connect_timeout", "application_name", "charset"))
"""Parameters on which nothing hangs: weft has its own."""
TIMEOUT_S = 300.0
"""How long a server may work on one query, where the URL says nothing (`?timeout_s=`)."""


class Database(Struct, frozen=True):
    """A database whose tables are verified where they are.

    Attributes:
        kind: duckdb, postgresql or mysql (MariaDB too).
        name: the database, for DuckDB the path of its file.
        schema: where tables without a schema in their name are looked for first.
        parameters: what is handed to PostgreSQL's client as it is, as `sslmode`.
    """

    kind: str
    name: str
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: Secret | None = None
    schema: str | None = None
    timeout_s: float = TIMEOUT_S
    parameters: Mapping[str, Secret] = field(default_factory=dict)

    def __str__(self) -> str:
        if self.kind == "duckdb":
            return f"duckdb:///{self.name}"
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        return f"{self.kind}://{user}{self.host or 'localhost'}{port}/{self.name}"


class Place(Struct, frozen=True):
    """One file, object or folder of a store, with what its server says about reaching it."""

    path: str
    endpoint: str | None = None
    format: str | None = None
    delimiter: str | None = None

    @property
    def of_each_table(self) -> bool:
        """Whether a table's name is to be put into the path, which has `{model}`, `{schema}` or `{table}` in it."""
        return _OF_TABLE.search(self.path) is not None

    def of_table(self, name: str) -> Place:
        """The place of one table.

        >>> Place("in/{model}/*.csv").of_table("orders").path
        'in/orders/*.csv'
        """
        return replace(self, path=_OF_TABLE.sub(lambda _: name, self.path))


def is_database(text: str) -> bool:
    """Whether a text is the URL of a database.

    >>> is_database("postgresql://localhost/shop"), is_database("shop.csv"), is_database("s3://bucket/key.csv")
    (True, False, False)
    """
    scheme = _SCHEME.match(text)
    return scheme is not None and scheme[1].lower() in _KINDS


def database(url: str, environ: Mapping[str, str]) -> Database:
    """The database of a URL: `postgresql://user:env:NAME@host:5432/name?schema=sales`, `duckdb:///folder/file.db`.

    Raises:
        UsageError: WFT-CLI-001, the URL is none, or the variable of its password is not set.
    """
    scheme = _SCHEME.match(url)
    kind = _KINDS[scheme[1].lower()] if scheme else ""
    if kind == "duckdb":
        path, _, query = url.partition("://")[2].partition("?")
        schema = parse_qs(query).get("schema", [None])[0]
        return Database(
            kind, unquote(path.removeprefix("/")) if path.startswith("//") else _duck_path(path), schema=schema
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        what = "the URL of the database cannot be read"  # it is not repeated: a password may stand in it
        raise UsageError(error("WFT-CLI-001", what, fix="write `postgresql://user:env:NAME@host:5432/db`")) from None
    if url.count("@") > 1 or (url.count("@") and "@" not in parts.netloc) or "#" in url:
        what = "the URL of the database can be read in more than one way"  # each of them may show half a password
        fix = "write special characters of the user and the password as `%40` for `@`, `%2F` for `/`, `%3F`, `%23`"
        raise UsageError(error("WFT-CLI-001", what, fix=fix))
    options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    _understood(kind, options)
    password = unquote(parts.password) if parts.password is not None else options.get("password")
    return Database(
        kind,
        unquote(parts.path.strip("/")) or options.get("dbname", ""),
        host=parts.hostname or options.get("host"),
        port=port or _number(options.get("port")) or _PORTS[kind],
        user=unquote(parts.username) if parts.username else options.get("user"),
        password=_secret(password, environ),
        schema=options.get("schema"),
        timeout_s=_seconds(options.get("timeout_s")),
        parameters={name: Secret(value) for name, value in options.items() if name in _PASSED_ON},
    )


def _understood(kind: str, options: Mapping[str, str]) -> None:
    """Refuses what would be left out silently.

    Raises:
        UsageError: WFT-SRC-051, naming the parameters and no value.
    """
    known = _OWN | _UNNEEDED | (_PLAIN | _PASSED_ON if kind == "postgresql" else frozenset())
    unknown = sorted(set(options) - known)
    if unknown:
        listed = ", ".join(f"`{name}`" for name in unknown)
        what = f"the address of the database has {listed}, which weft does not understand for {kind}"
        why = "left out, it might make the connection less safe than was asked for"
        fix = did_you_mean(unknown[0], known, otherwise=f"take it out; understood are {', '.join(sorted(known))}")
        raise UsageError(error("WFT-SRC-051", what, why=why, fix=fix))


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdigit() else None


def server_of(contract: Contract, named: str | None, environ: Mapping[str, str]) -> Database | Place | None:
    """Where a server of a contract says that the data is (Source: ODCS, `servers`); None when no server says so.

    A contract may come from anybody. So a file of a server lies in the folder of the contract or the mesh around it,
    and a database server, which is sent a password, is asked only where somebody has named it.

    Args:
        named: the `server` or the `environment` of the one that is meant; needed where several can be read.

    Raises:
        UsageError: WFT-CLI-001, there is no such server, it is of a kind that is not read, there are several, or it is
            a database server that nobody has named.
        SourceError: WFT-SRC-005, its file lies elsewhere.
    """
    servers = [s for s in contract.data.get("servers") or () if isinstance(s, dict)]
    if named is not None:
        meant = [s for s in servers if s.get("server") == named] or [
            s for s in servers if s.get("environment") == named
        ]
        if not meant:
            names = [str(s.get("server")) for s in servers]
            what = f"the contract has no server `{named}`"
            raise UsageError(error("WFT-CLI-001", what, fix=did_you_mean(named, names, otherwise=_one_of(names))))
    else:
        meant = [s for s in servers if _readable(s)]
    if len(meant) > 1:
        names = [str(s.get("server")) for s in meant]
        what = f"the contract has {len(meant)} servers that could be meant"
        raise UsageError(error("WFT-CLI-001", what, fix=f"choose with `--server`: {', '.join(names)}"))
    if not meant:
        return None
    if not _readable(meant[0]):
        what = f"the server `{named}` of type `{meant[0].get('type')}` is none that weft reads"
        raise UsageError(error("WFT-CLI-001", what, fix=_one_of(["local", "s3", *_KINDS])))
    if named is None and _KINDS.get(_kind(meant[0])) in _PORTS:
        name = meant[0].get("server")
        raise UsageError(
            error(
                "WFT-CLI-001",
                f"`{name}` at {meant[0].get('host') or 'localhost'} would be sent a password, and nobody has named it",
                why="a contract may come from anybody",
                fix=f"choose it with `--server {name}`",
            )
        )
    return _described(meant[0], Path(contract.document.file).absolute().parent, environ)


def named_table(
    one: SchemaObject | str, available: Sequence[tuple[str, str]], schemas: Sequence[str]
) -> tuple[str, str] | None:
    """The schema and the name of the table that is meant; None when there is none.

    Args:
        one: a table of the contract, whose `physicalName` comes before its name, or a name alone.
        available: every table as (schema, name).
        schemas: where to look for a name without a schema, in this order.
    """
    names = [one] if isinstance(one, str) else [str(one.data.get("physicalName") or one.name), one.name]
    for name in names:
        parts = [part.strip('"`') for part in name.split(".")]
        schema, table = (parts[-2], parts[-1]) if len(parts) > 1 else (None, name)
        for place in [schema] if schema else schemas:
            if (place, table) in available:
                return place, table
        alike = [a for a in available if a[1].lower() == table.lower() and a[0] in ([schema] if schema else schemas)]
        if len(alike) == 1:
            return alike[0]
    return None


def no_table(one: SchemaObject, of: Database, available: Iterable[tuple[str, str]]) -> SourceError:
    """The error that a table of a contract is not in a database."""
    name = str(one.data.get("physicalName") or one.name)
    listed = [table for _, table in available]
    fix = did_you_mean(name, listed, otherwise="write its name there into `physicalName`")
    return SourceError(error("WFT-SRC-011", f"`{of}` has no table `{name}`", fix=fix))


def _duck_path(path: str) -> str:
    """`duckdb:///path.db` is relative, as in SQLAlchemy's URLs, unless only `/path.db` is there."""
    relative = path.removeprefix("/")
    return unquote(path if not Path(unquote(relative)).exists() and Path(unquote(path)).exists() else relative)


def _secret(text: str | None, environ: Mapping[str, str]) -> Secret | None:
    if text is None:
        return None
    if not text.startswith("env:"):
        return Secret(text)
    name = text.removeprefix("env:")
    if name not in environ:
        what = f"the environment variable `{name}` is not set, and the password is to be taken from it"
        raise UsageError(error("WFT-CLI-001", what, fix=f"set it: `export {name}=…`"))
    return Secret(environ[name])


def _seconds(text: str | None) -> float:
    try:
        found = float(text) if text is not None else TIMEOUT_S
    except ValueError:
        found = 0.0
    if not 0 < found < 1e6:
        raise UsageError(error("WFT-CLI-001", f"`timeout_s={text}` is no number of seconds", fix="for example 300"))
    return found


def _readable(server: Mapping[str, Any]) -> bool:
    kind = _kind(server)
    path = str(server.get("path") or server.get("location") or "")
    return kind in _KINDS or (kind in ("local", "s3") and bool(path) and "{" not in _OF_TABLE.sub("", path))


def _kind(server: Mapping[str, Any]) -> str:
    """A custom server may name its kind in `weft.type`: ODCS has no word for MariaDB."""
    kind = str(server.get("type") or "").lower()
    return str(custom_properties(server).get("weft.type") or kind).lower() if kind == "custom" else kind


def _described(server: Mapping[str, Any], folder: Path, environ: Mapping[str, str]) -> Database | Place:
    kind, custom = _kind(server), custom_properties(server)
    if kind == "local":
        path = _inside(folder, str(server.get("path") or server.get("location")))
        return Place(str(path), format=server.get("format"), delimiter=server.get("delimiter"))
    if kind == "s3":
        return Place(
            str(server.get("location") or server.get("path")),
            endpoint=server.get("endpointUrl"),
            format=server.get("format"),
            delimiter=server.get("delimiter"),
        )
    name, schema = str(server.get("database") or ""), server.get("schema")
    if _KINDS[kind] == "duckdb":
        return Database("duckdb", str(_inside(folder, name)), schema=schema)
    password = custom.get("weft.password")
    if password is not None and not str(password).startswith("env:"):
        what = "a password stands in the contract, where everybody reads it"
        raise UsageError(error("WFT-CLI-001", what, fix="write `weft.password: env:NAME`"))
    user = custom.get("weft.user")
    return Database(
        _KINDS[kind],
        name,
        host=server.get("host"),
        port=int(server.get("port") or _PORTS[_KINDS[kind]]),
        user=str(user) if user is not None else None,
        password=_secret(str(password), environ) if password is not None else None,
        schema=schema,
    )


def _inside(folder: Path, text: str) -> Path:
    """The path that a server of a contract names, which leads out of neither its folder nor the mesh around that."""
    path = folder / text
    home = (find_root(folder) or folder).resolve()
    beyond_a_pattern = re.search(r"[*?\[].*[/\\]\.\.([/\\]|$)", text) is not None
    if beyond_a_pattern or not path.resolve().is_relative_to(home):
        raise SourceError(
            error(
                "WFT-SRC-005",
                f"the server's `{text}` lies outside the folder of the contract",
                why="a contract may come from anybody, and what it names is read and shown",
                fix="name the data with `--data`, or put it beside the contract",
            )
        )
    return path


def _one_of(names: Iterable[str]) -> str:
    return f"one of {', '.join(names)}"
