"""Dialects: what contracts ask in DuckDB's words, said in those of a database server.

Only what is listed is translated; for anything else there are no words, which is an error and never a guess. Names
stand for the FROM items that the server reads.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from weft.errors import Severity, UserCodeError, error
from weft.sql.allowed import names
from weft.sql.json_words import JsonWords
from weft.sql.patterns import Unsayable, pattern_for
from weft.sql.problem import Problem
from weft.sql.readings import read_as

POSTGRES = "postgres"
MYSQL = "mysql"
_TITLES = {POSTGRES: "PostgreSQL", MYSQL: "MySQL"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_WORDS: dict[str, frozenset[str]] = {
    POSTGRES: _words(
        """array_length array_position btrim cardinality char_length character_length date_bin date_trunc div every
        initcap isfinite json_array_length json_typeof jsonb_array_length jsonb_typeof make_date make_time
        make_timestamp num_nonnulls num_nulls octet_length overlay percentile_cont percentile_disc scale
        split_part starts_with to_char to_date to_number to_timestamp translate trim_scale width_bucket
        bpchar citext jsonb money"""
    ),
    MYSQL: _words(
        """adddate addtime char_length character_length convert_tz curdate datediff date_add date_format date_sub
        dayname dayofmonth dayofweek dayofyear elt field find_in_set from_days from_unixtime if ifnull instr
        json_contains json_extract json_length json_type json_unquote json_valid last_day lcase locate mid
        octet_length period_add period_diff regexp_instr regexp_like str_to_date strcmp subdate substring_index
        subtime time_to_sec timediff timestampdiff to_days to_seconds truncate ucase unix_timestamp weekday
        yearweek
        signed unsigned"""
    ),
}
"""Functions, and types, that SQL rules may use on a server besides those that DuckDB has too. Each only computes."""

_TRANSLATED = (
    exp.Abs,
    exp.And,
    exp.Case,
    exp.Cast,
    exp.Coalesce,
    exp.Count,
    exp.Exists,
    exp.Greatest,
    exp.If,
    exp.JSONBExtractScalar,
    exp.Length,
    exp.Max,
    exp.Min,
    exp.Or,
    exp.RegexpLike,
    exp.Round,
    exp.Sum,
    exp.Unnest,
)
_REFUSED = (exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.SessionParameter, exp.Parameter)
_WHO = (exp.CurrentCatalog, exp.CurrentDatabase, exp.CurrentRole, exp.CurrentSchema, exp.CurrentUser, exp.SessionUser)
_WHO_WORDS = {POSTGRES: _words("current_role user"), MYSQL: _words("current_role")}
"""What names the user or the place of a connection, which a contract is not to learn: nodes, and words alone."""
_AMBIGUOUS = re.compile(r"/\*|--(?!\s|\Z)")
"""MySQL runs what stands in `/*! … */`, ends `/* /* */` at the first end, and takes `1--1` for a sum."""
_WORD = re.compile(r"[^\W\d]\w*")
_KEYWORDS = _words(
    """all and any array as between by case cast collate distinct else except exists extract filter from group having in
    intersect interval is join lateral like limit not offset on or order over partition regexp rlike row select similar
    some then to union using values when where with within"""
)
"""Words behind which a parenthesis opens that is no call, or one that only computes."""


def words_of(dialect: str) -> frozenset[str]:
    """Functions and types that SQL rules may use on a server, besides DuckDB's."""
    return _WORDS[dialect]


def translated(sql: str, dialect: str, sources: Mapping[str, str]) -> str:
    """A query of contracts, which is DuckDB's, in the words of a server.

    Args:
        sources: by the names that the query reads: a FROM item of the server.

    Raises:
        UserCodeError: WFT-SQL-013, the server has no words for a part of it.
    """
    try:
        tree: exp.Expr = sqlglot.parse_one(_lengths_apart(sql), read="duckdb")
        return _Translator(dialect, sources).query(tree).sql(dialect=dialect)
    except Unsayable as problem:
        raise _wordless(dialect, str(problem)) from None
    except SqlglotError:
        raise _wordless(dialect, "this form of query") from None


def walk_of(sql: str, dialect: str, tables: Collection[str] | None = None) -> tuple[Problem, ...]:
    """What is refused of a SQL rule that only its server understands: anything but one SELECT that computes.

    Args:
        tables: all that it may read, whatever their case; None for any.
    """
    if dialect == MYSQL and _AMBIGUOUS.search(sql):
        return (_refused("WFT-SQL-004", "a comment that MySQL may run is not allowed"),)
    try:
        statements = sqlglot.parse(sql, read=dialect)
    except SqlglotError:
        return (_refused("WFT-SQL-001", f"the SQL does not parse as {_TITLES[dialect]}'s"),)
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        return (_refused("WFT-SQL-002", "not exactly one SELECT"),)
    found = [problem for node in statements[0].walk() if (problem := _refusal(node, dialect)) is not None]
    if tables is not None:
        found += [not_at_hand(name) for name in unknown_of(_read_by(statements[0]), tables)]
    allowed = names("scalar_functions") | names("aggregate_functions") | names("window_functions") | names("types")
    called = dict.fromkeys(_calls(sql, dialect))
    unknown = [name for name in called if name not in allowed | _WORDS[dialect]]
    return (*found, *(_refused("WFT-SQL-005", f"function `{name}` is not allowed") for name in unknown))


def unknown_of(read: Iterable[str], tables: Collection[str]) -> tuple[str, ...]:
    """The tables that a rule reads and may not, once each; names are told apart whatever their case.

    >>> unknown_of(["orders", "Users", "users"], ["Orders"])
    ('Users',)
    """
    known = {name.lower() for name in tables}
    return tuple({name.lower(): name for name in reversed([*read]) if name.lower() not in known}.values())[::-1]


def not_at_hand(name: str) -> Problem:
    """The refusal of a table that the contract does not name, or that is not there."""
    return _refused("WFT-SQL-007", f"`{name}` is no table that the contract describes or refers to")


def _read_by(tree: exp.Expr) -> Iterator[str]:
    """The names of the tables that a query reads, without its own common table expressions where these hold."""
    for node in tree.find_all(exp.Table):
        if isinstance(node.this, exp.Identifier) and not _is_common(node):
            yield node.name


def _is_common(node: exp.Table) -> bool:
    inner: exp.Expr = node
    outer = node.parent
    while outer is not None:
        stated = outer.args.get("with_") or outer.args.get("with")
        if isinstance(stated, exp.With):
            # in one of them only those before it are known, and with RECURSIVE all
            every = inner is not stated or stated.recursive
            before = stated.expressions if every else _before(stated, node)
            if any(e.alias.lower() == node.name.lower() for e in before):
                return True
        inner, outer = outer, outer.parent
    return False


def _before(stated: exp.With, node: exp.Expr) -> list[exp.Expr]:
    found = []
    for one in stated.expressions:
        if any(part is node for part in one.walk()):
            break
        found.append(one)
    return found


def _refusal(node: exp.Expr, dialect: str) -> Problem | None:
    if isinstance(node, _REFUSED) and not isinstance(node, exp.Query):
        return _refused("WFT-SQL-004", f"{type(node).__name__.upper()} is not allowed")
    if isinstance(node, _WHO) or (isinstance(node, exp.Column) and _bare(node) in _WHO_WORDS[dialect]):
        return _refused("WFT-SQL-005", f"`{node.sql(dialect=dialect).lower()}` is not allowed: it is not about rows")
    if isinstance(node, exp.Table) and (node.db or not isinstance(node.this, exp.Identifier)):
        return _refused("WFT-SQL-007", "a table is named otherwise than by one name")
    return None


def _bare(node: exp.Column) -> str:
    """The word that a column is, where nothing is quoted and nothing stands before it."""
    quoted = isinstance(node.this, exp.Identifier) and node.this.quoted
    return "" if quoted or node.table else node.name.lower()


def _calls(sql: str, dialect: str) -> Iterator[str]:
    """The names, as written, behind which a parenthesis opens."""
    tokens = sqlglot.tokenize(sql, read=dialect)
    for token, following in itertools.pairwise(tokens):
        if following.text == "(" and _WORD.fullmatch(token.text) and token.text.lower() not in _KEYWORDS:
            yield token.text.lower()


def _refused(code: str, what: str) -> Problem:
    return Problem(code, Severity.ERROR, what)


def _wordless(dialect: str, what: str) -> UserCodeError:
    return UserCodeError(error("WFT-SQL-013", f"{_TITLES[dialect]} has no words for {what}"))


@lru_cache(maxsize=256)
def _lengths_apart(sql: str) -> str:
    """The query with `len`, of arrays, under a name of its own: sqlglot takes it for `length`, which is of texts."""
    tokens = sqlglot.tokenize(sql, read="duckdb")
    starts = [
        t.start
        for t, following in itertools.pairwise(tokens)
        if t.text == "len" and sql[t.start] != '"' and following.text == "("
    ]
    for start in reversed(starts):
        sql = f"{sql[:start]}weft_{sql[start:]}"
    return sql


class _Translator:
    """Rewrites a tree of DuckDB's until sqlglot says it as the server does."""

    def __init__(self, dialect: str, sources: Mapping[str, str]) -> None:
        self._dialect = dialect
        self._sources = sources
        self._aliases = 0
        self._json = JsonWords(dialect)

    def query(self, tree: exp.Expr) -> exp.Expr:
        steps: tuple[tuple[type[exp.Expr], Callable[..., exp.Expr]], ...] = (
            (exp.Filter, self._filter),
            (exp.CountIf, lambda e: _count_of(e.this)),
            (exp.ArrayFilter, self._json.keys),
            (exp.JSONExtract, self._json.field),
            (exp.JSONExtractScalar, self._json.text),
            (exp.JSONType, self._json.kind),
            (exp.TryCast, self._reading),
            (exp.Anonymous, self._function),
            (exp.ArrayMax, self._largest),
            (exp.RegexpLike, self._pattern),
            (exp.RegexpFullMatch, self._whole_pattern),
            (exp.Cast, self._cast),
            (exp.IsNan, self._not_a_number),
            (exp.Length, self._length),
            (exp.Subquery, self._subquery),
            (exp.Table, self._table),
        )
        for kind, step in steps:
            for node in sorted(tree.find_all(kind), key=lambda n: -n.depth):
                made = step(node)
                if made is not node:
                    tree = made if node is tree else (node.replace(made), tree)[1]
        if self._dialect == MYSQL:
            for select in tree.find_all(exp.Select):
                _without_anti_join(select)
        for node in tree.find_all(exp.Func):
            if not isinstance(node, _TRANSLATED) and not (
                isinstance(node, exp.Anonymous) and node.name in {"cardinality", "octet_length", *self._json.functions}
            ):
                raise self._wordless(node)
        return tree

    def _wordless(self, node: exp.Expr) -> UserCodeError:
        if isinstance(node, exp.StructExtract):
            return _wordless(self._dialect, "fields of an object")
        name = (
            node.name if isinstance(node, exp.Anonymous) else node.sql_names()[0] if isinstance(node, exp.Func) else ""
        )
        return _wordless(self._dialect, f"`{name.lower().removeprefix('weft_')}` of arrays or objects")

    def _filter(self, node: exp.Filter) -> exp.Expr:
        aggregate, where = node.this, node.expression.this
        if isinstance(aggregate, exp.Count):
            return _count_of(where)
        return exp.Sum(this=exp.Case(ifs=[exp.If(this=where, true=aggregate.this)]))

    def _function(self, node: exp.Anonymous) -> exp.Expr:
        """Functions of arrays: subqueries over their items."""
        if node.name == "json_array_length":
            return self._json.length(node)
        if node.name != "weft_len":
            return node
        (items,) = node.expressions
        if isinstance(items, exp.ArrayDistinct):
            return self._different(items.this)
        if isinstance(items, exp.ArrayFilter):
            name = items.expression.expressions[0].name
            return self._items(items.this, exp.Count(this=exp.Star()), name, items.expression.this)
        if isinstance(items, exp.JSONKeys):
            return self._items(items, exp.Count(this=exp.Star()), "item", None)
        self._has_arrays()
        return exp.Anonymous(this="cardinality", expressions=[items])

    def _different(self, items: exp.Expr) -> exp.Expr:
        """How many different items there are: of a list as it is, filtered, or as each item is read."""
        if not isinstance(items, exp.Transform) and self._dialect != POSTGRES:
            raise _wordless(self._dialect, "whether two objects or arrays are the same")
        if not isinstance(items, exp.Transform | exp.ArrayFilter):
            return self._items(items, exp.Count(this=exp.Distinct(expressions=[exp.column("item")])), "item", None)
        name, body = items.expression.expressions[0].name, items.expression.this
        read, condition = (body, None) if isinstance(items, exp.Transform) else (exp.column(name), body)
        return self._items(items.this, exp.Count(this=exp.Distinct(expressions=[read])), name, condition)

    def _largest(self, node: exp.ArrayMax) -> exp.Expr:
        """The largest of a list that is filtered, or of what is made of one."""
        many = node.this
        if not isinstance(many, exp.ArrayFilter | exp.Transform):
            return node
        name, body = many.expression.expressions[0].name, many.expression.this
        if isinstance(many, exp.Transform):
            return self._items(many.this, exp.Max(this=body), name, None)
        return self._items(many.this, exp.Max(this=self._json.item(many.this, name)), name, body)

    def _has_arrays(self) -> None:
        if self._dialect != POSTGRES:
            raise _wordless(self._dialect, "arrays")

    def _items(self, array: exp.Expr, count: exp.Expr, name: str, condition: exp.Expr | None) -> exp.Expr:
        self._aliases += 1
        alias = f"items{self._aliases}"
        rows = self._json.rows_of(array, name, alias)
        if rows is None:
            self._has_arrays()
            unnested = exp.TableAlias(this=exp.to_identifier(alias), columns=[exp.to_identifier(name)])
            rows = exp.Unnest(expressions=[array], alias=unnested)
        select = exp.select(count).from_(rows)
        if condition is not None:
            select = select.where(condition)
        return exp.Subquery(this=select)

    def _reading(self, node: exp.TryCast) -> exp.Expr:
        return exp.Paren(this=exp.Var(this=read_as(node.this.sql(dialect=self._dialect), node.to, self._dialect)))

    def _whole_pattern(self, node: exp.RegexpFullMatch) -> exp.Expr:
        node.set("expression", exp.Literal.string(f"^(?:{node.expression.this})$"))
        return self._pattern(node)

    def _pattern(self, node: exp.RegexpLike | exp.RegexpFullMatch) -> exp.Expr:
        try:
            pattern = exp.Literal.string(pattern_for(str(node.expression.this), self._dialect))
        except Unsayable as problem:
            raise _wordless(self._dialect, f"a pattern with {problem}") from None
        if self._dialect == POSTGRES:
            return exp.RegexpLike(this=node.this, expression=pattern)
        # MariaDB has no REGEXP_LIKE(), which is how sqlglot says it
        subject = node.this.sql(dialect=self._dialect)
        return exp.Paren(this=exp.Var(this=f"{subject} REGEXP {pattern.sql(dialect=self._dialect)}"))

    def _cast(self, node: exp.Cast) -> exp.Expr:
        """Times as literals: MySQL has no zones, and all sessions are in UTC."""
        if self._dialect != MYSQL or not isinstance(node.this, exp.Literal) or not node.this.is_string:
            return node
        kind, text = node.to.sql(dialect="duckdb"), str(node.this.this)
        if kind not in ("TIMESTAMP", "TIMESTAMPTZ"):
            return node
        moment = exp.Literal.string(text.removesuffix("+00:00")).sql(dialect=self._dialect)
        return exp.Var(this=f"CAST({moment} AS DATETIME(6))")

    def _not_a_number(self, node: exp.IsNan) -> exp.Expr:
        """PostgreSQL has no function for it, MySQL no such value."""
        if self._dialect == MYSQL:
            return exp.false()
        return exp.EQ(this=node.this, expression=exp.Literal.string("NaN"))

    def _length(self, node: exp.Length) -> exp.Expr:
        return exp.Length(this=node.this)

    def _subquery(self, node: exp.Subquery) -> exp.Expr:
        if not node.alias and isinstance(node.parent, exp.From | exp.Join):
            self._aliases += 1
            node.set("alias", exp.TableAlias(this=exp.to_identifier(f"q{self._aliases}")))
        return node

    def _table(self, node: exp.Table) -> exp.Expr:
        source = self._sources.get(node.name)
        if source is None:
            raise _wordless(self._dialect, f"the table `{node.name}`")
        alias = node.args.get("alias") or exp.TableAlias(this=exp.to_identifier(node.name, quoted=True))
        return exp.Table(this=exp.Var(this=source), alias=alias)


def _count_of(condition: exp.Expr) -> exp.Expr:
    return exp.Count(this=exp.Case(ifs=[exp.If(this=condition, true=exp.Literal.number(1))]))


def _without_anti_join(select: exp.Select) -> None:
    """`NOT IN` instead of an anti join: MariaDB hashes its subquery, and looks each row up one by one otherwise."""
    for join in select.args.get("joins") or ():
        if join.kind != "ANTI":
            continue
        pairs = [(e.this, e.expression) for e in join.args["on"].flatten() if isinstance(e, exp.EQ)]
        pairs = pairs or [(join.args["on"].this, join.args["on"].expression)]
        keys = [theirs for _, theirs in pairs]
        inner = exp.select(*(k.copy() for k in keys)).from_(join.this)
        for key in keys:
            inner = inner.where(exp.Not(this=exp.Is(this=key.copy(), expression=exp.Null())))
        own = exp.Tuple(expressions=[mine for mine, _ in pairs]) if len(pairs) > 1 else pairs[0][0]
        select.set("joins", [j for j in select.args["joins"] if j is not join])
        select.where(exp.Not(this=exp.In(this=own, query=exp.Subquery(this=inner))), copy=False)
