"""SQL rules: a query of a contract bound to the rows under judgement."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from weft.contracts.checks import Unusable
from weft.contracts.conditions import SqlValue
from weft.contracts.evaluator import Server
from weft.contracts.findings import Finding, cannot
from weft.contracts.samples import shown
from weft.contracts.subject import Subject
from weft.errors import Diagnostic, Severity
from weft.model.checks import Outcome
from weft.model.odcs import Property, SchemaObject
from weft.sql.quoting import ident

Admit = Callable[[str], Sequence[Diagnostic]]
"""Tells what forbids a SQL text of a contract to run: the allow-list; no error means that it may."""

_PLACEHOLDER = re.compile(r"""(?P<open>["'`]?)\$?\{\s*(?P<name>object|table|property|column)\s*\}(?P<close>["'`]?)""")
_COUNT = re.compile(r"\s*select\s+count\s*\(\s*(?:\*|1)?\s*\)\s*(?:(?:as\s+)?\w+\s+)?from\s+(?=[\w\"`])", re.IGNORECASE)
_HEAD = re.compile(r"""(?P<table>\w+|"_*"|`_*`)\s+(?:(?:as\s+)?(?!where\b)[\w"`]+\s+)?where\b""", re.IGNORECASE)
_CLAUSES = re.compile(
    r"\b(group\s+by|having|union|intersect|except|qualify|window|limit|join|sample|pivot|order\s+by|offset|fetch)\b|;",
    re.IGNORECASE,
)
_NESTED = re.compile(r"\bselect\b|\(\s*(?:from|table|with|values)\b|--|/\*", re.IGNORECASE)
_ASIDE = re.compile(
    r"""(?P<quoted>'(?:[^']|'')*'|"(?:[^"]|"")*"|`[^`]*`)|(?P<comment>--[^\n]*|/\*.*?\*/)|(?P<bracket>[()])""",
    re.DOTALL,
)
_COUNT_OF_TABLE = re.compile(
    r"""\s*select\s+count\s*\(\s*\*?\s*\)\s*from\s+(?P<table>\w+|"[^"]+")\s+where\s+(?P<condition>.+?)\s*""",
    re.IGNORECASE | re.DOTALL,
)
_TAIL = re.compile(r"\b(order\s+by|offset|fetch)\b", re.IGNORECASE)


class BoundQuery(Struct, frozen=True):
    """A query whose placeholders are filled in and whose tables can be bound to FROM items.

    Attributes:
        table: the one of `tables` whose rows are judged.
        server: in whose words the text is written, where they are not DuckDB's.
    """

    text: str
    tables: Mapping[str, str]
    table: str
    server: Server | None = None

    def sql(self) -> str:
        """The query as it runs: the tables that it names stand before it as common table expressions."""
        return self._around(self.text)

    def failing(self, columns: str, limit: int) -> tuple[str, str] | None:
        """For a plain count of rows `WHERE …`: the query for those rows, as written and as it runs; else None."""
        match = _COUNT.match(self.text)
        if match is None:
            return None
        rest = _outline(self.text)[match.end() :]
        head = _HEAD.match(rest)
        if head is None or _CLAUSES.search(rest, head.end()):
            return None
        name = self.text[match.end() :][head.start("table") : head.end("table")].strip('"`').lower()
        if all(name != known.lower() or source != self.tables[self.table] for known, source in self.tables.items()):
            return None
        text = f"SELECT {columns} FROM {self.text[match.end() :]}\nLIMIT {limit}"
        return text, self._around(text)

    @property
    def condition(self) -> str | None:
        """What the rows of a plain count meet, when it can be asked in one scan with other rules; else None."""
        match = _COUNT_OF_TABLE.fullmatch(self.text)
        if match is None or not self.counts or _NESTED.search(_without_texts(self.text[len("select") :])):
            return None
        name = match["table"].strip('"')
        own = [t for t in self.tables if t.lower() == name.lower()]
        bare = _without_texts(match["condition"])
        qualified = re.search(rf'(?<![\w$]){re.escape(name)}"?\s*\.', bare, re.IGNORECASE)
        if own != [self.table] or qualified or _TAIL.search(bare):
            return None
        return match["condition"]

    @property
    def counts(self) -> bool:
        """Whether it is a plain count of the rows that meet a condition."""
        return self.failing("1", 1) is not None

    def _around(self, text: str) -> str:
        named = [
            f"{self._quoted(name)} AS {self._once}(SELECT * FROM {self._source(source)})"
            for name, source in self.tables.items()
            if _names(name, text)
        ]
        body = f"SELECT * FROM (\n{text}\n) AS rule"
        return f"WITH {', '.join(named)}\n{body}" if named else body

    @property
    def _once(self) -> str:
        return "NOT MATERIALIZED " if self.server is None else ""

    def _quoted(self, name: str) -> str:
        return ident(name) if self.server is None else self.server.quoted(name)

    def _source(self, relation: str) -> str:
        return relation if self.server is None else self.server.source(relation)


def bind(
    query: str,
    table: SchemaObject,
    prop: Property | None,
    relation: str,
    others: Mapping[str, str | None],
    server: Server | None = None,
) -> BoundQuery:
    """A rule's query with its placeholders filled in (Source: ODCS, quality type `sql`).

    `${object}`, `${table}`, `{object}` and the plain name are the table; `${property}`, `${column}` and `{property}`
    the column. Names are quoted; inside a text in single quotes they stand bare.
    """
    quoted = ident if server is None else server.quoted

    def name(match: re.Match[str]) -> str:
        is_table = match["name"] in ("object", "table")
        plain = table.name if is_table or prop is None else prop.path[0]
        opened, closed = match["open"], match["close"]
        if opened == "'":
            return f"'{plain}{closed}"
        if opened and opened == closed:
            return quoted(plain)
        return f"{opened}{quoted(plain)}{closed}"

    text = _PLACEHOLDER.sub(name, query).strip().rstrip(";").rstrip()
    tables = {other: item for other, item in others.items() if item is not None}
    physical = table.data.get("physicalName")
    if isinstance(physical, str) and re.fullmatch(r"\w+", physical):
        tables[physical] = relation
    tables[table.name] = relation
    return BoundQuery(text, _unlike(tables), table.name, server)


def to_admit(text: str, tables: Iterable[str], server: Server | None = None) -> str:
    """What an allow-list is asked about a text: with the tables in front of it whose names are no plain words.

    >>> to_admit('SELECT count(*) FROM "Order Lines"', ["Order Lines", "orders"]).splitlines()[0]
    'WITH "Order Lines" AS (SELECT 1)'
    """
    quoted = ident if server is None else server.quoted
    odd = [f"{quoted(name)} AS (SELECT 1)" for name in tables if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name)]
    return f"WITH {', '.join(odd)}\nSELECT * FROM (\n{text}\n) AS rule" if odd else text


def admitted(
    condition: SqlValue,
    prop: Property | None,
    subject: Subject,
    others: Mapping[str, str | None],
    admit: Admit,
    server: Server | None = None,
) -> BoundQuery:
    """The bound query of a rule.

    Raises:
        Unusable: the query may not run.
    """
    query = bind(condition.query, subject.table, prop, subject.relation, others, server)
    refused = [d for d in admit(to_admit(query.text, query.tables, server)) if d.severity is Severity.ERROR]
    if refused:
        raise Unusable(f"the query is not allowed: {'; '.join(d.what for d in refused)}")
    return query


def value_of(query: BoundQuery, rows_of: Callable[[str], Sequence[Sequence[Any]]]) -> Any:
    """The one value that a query gives.

    Raises:
        Unusable: it gives another number of rows or columns.
        WeftError: it could not be run.
    """
    rows = rows_of(query.sql())
    if len(rows) != 1 or len(rows[0]) != 1:
        width = len(rows[0]) if rows else 0
        raise Unusable(f"the query gives {len(rows)} rows of {width} columns; it must give one value")
    return rows[0][0]


def compared(
    condition: SqlValue,
    query: BoundQuery,
    value: Any,
    admit: Admit,
    columns: Sequence[str],
    sensitive: Collection[str],
) -> Finding:
    """The value of a rule against its bound. A plain count that has an upper limit counts failing rows.

    Args:
        columns: those of the table.
        sensitive: those of which no value may be told; a value that may be made from one is not shown.
    """
    if value is None:
        return cannot("the query gives no value (null)")
    try:
        kept = condition.comparison.holds(value)
    except TypeError:
        return cannot(f"the query gives a {type(value).__name__}, which cannot be compared with the bound")
    counts = query.counts and condition.comparison.limits
    hidden = not query.counts and _reveals(query, columns, sensitive)
    actual = "a value that is not shown: it is made from a classified column" if hidden else str(shown(value))

    def sample(names: Sequence[str], limit: int) -> str | None:
        quoted = ident if query.server is None else query.server.quoted
        found = query.failing(", ".join(quoted(n) for n in names), limit) if counts else None
        if found is None:
            return None
        asked = to_admit(found[0], query.tables, query.server)
        return None if any(d.severity is Severity.ERROR for d in admit(asked)) else found[1]

    outcome = Outcome.PASSED if kept else Outcome.FAILED
    return Finding(outcome, int(value) if counts else None, actual, sample=sample)


def _reveals(query: BoundQuery, columns: Sequence[str], sensitive: Collection[str]) -> bool:
    """Whether a query's value may be made from values of sensitive columns, or of a table whose columns are not known.

    What cannot be resolved may be: the value stays unseen.
    """
    own = query.tables[query.table]
    others = [name for name, source in query.tables.items() if source != own and _names(name, query.text)]
    if not sensitive and not others:
        return False
    from weft.model.lineage import EdgeKind, Transformation
    from weft.sql.lineage import column_lineage

    known = {name: tuple(columns) for name, source in query.tables.items() if source == own}
    secret = {name.lower() for name in sensitive}
    dialect = "duckdb" if query.server is None else query.server.dialect
    edges = column_lineage(query.text, known | dict.fromkeys(others, ()), dialect=dialect)
    return not edges or any(
        e.transformation is Transformation.UNRESOLVED
        or (e.kind is EdgeKind.DIRECT and (e.source.lower() in secret or e.source_table in others))
        for e in edges
    )


def _names(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text, re.IGNORECASE) is not None


def _unlike(tables: Mapping[str, str]) -> dict[str, str]:
    """One entry for names that differ in case only: SQL takes them for one; the last one wins."""
    last = {name.lower(): name for name in tables}
    return {name: tables[name] for name in last.values()}


def _outline(sql: str) -> str:
    """A text in which `_` stands for what is quoted, for comments and for all that is in parentheses."""
    outline, at, depth = [], 0, 0

    def shown(text: str) -> str:
        return text if depth == 0 else "_" * len(text)

    for match in _ASIDE.finditer(sql):
        outline.append(shown(sql[at : match.start()]))
        at, found = match.end(), match[0]
        if match["bracket"]:
            depth = max(depth + (1 if found == "(" else -1), 0)
            outline.append("_" if depth or found == ")" else shown(found))
        elif match["quoted"]:
            outline.append(f"{found[0]}{'_' * (len(found) - 2)}{found[-1]}")
        else:
            outline.append(" " * len(found))
    return "".join([*outline, shown(sql[at:])])


def _without_texts(sql: str) -> str:
    return re.sub(r"'(?:[^']|'')*'", "''", sql)
