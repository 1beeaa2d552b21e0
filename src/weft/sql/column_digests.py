"""Column digests of one query: what decides the values of each output column, and what decides the rows, as hashes.

Two versions of a query are compared by them: a column whose digest is the same has the same values in the rows that
both give. Whatever is not understood goes into all digests, so that they may differ where nothing changed, and are
never the same where something did.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace
from sqlglot import exp
from sqlglot.errors import SqlglotError

from weft.sql.digest_scopes import Digested, Scope, Unread, hashed
from weft.sql.parsed import parsed

_SPECIAL: tuple[type[exp.Expr], ...] = (
    exp.Column,
    exp.Columns,
    exp.Identifier,
    exp.Lambda,
    exp.Paren,
    exp.PositionalColumn,
    exp.Query,
    exp.Star,
    exp.Window,
)
_PLAIN: dict[type[exp.Expr], bool] = {}
_KEY_LISTS = (exp.Rollup, exp.Cube, exp.GroupingSets, exp.Tuple, exp.Paren)


def column_digests(sql: str, digest: str, tables: Mapping[str, Digested], outputs: Sequence[str]) -> Digested:
    """What decides the output columns and the rows of a query.

    Args:
        digest: of the whole text, for what cannot be taken apart.
        tables: what the query reads, by the names that it uses.
        outputs: names of its columns in their order, as DuckDB has said them.
    """
    reads = {name.lower(): table for name, table in tables.items()}
    try:
        found = _query(parsed(sql), Scope(reads))
        if found.more or len(found.columns) != len(outputs):
            raise Unread("columns of another number")
    except (SqlglotError, Unread, RecursionError):
        whole = hashed("whole", digest, *(part for name in sorted(reads) for part in (name, reads[name].whole)))
        return Digested(tuple((name, whole) for name in outputs), whole)
    return replace(found, columns=tuple((name, d) for name, (_, d) in zip(outputs, found.columns, strict=True)))


def _query(node: exp.Expr, around: Scope) -> Digested:
    scope = around.inside()
    with_ = node.args.get("with_")
    ctes = with_.expressions if with_ is not None else ()
    recursive = with_ is not None and with_.args.get("recursive")
    for cte in ctes:
        names = [c.name for c in cte.args["alias"].args.get("columns") or ()]
        if recursive and any(t.name.lower() == cte.alias.lower() for t in cte.find_all(exp.Table)):
            scope.ctes[cte.alias.lower()] = Digested((), _recursive(cte, scope), more=True)
        else:
            scope.ctes[cte.alias.lower()] = _named(_query(cte.this, scope), names)
    if isinstance(node, exp.Select):
        return _select(node, scope)
    if isinstance(node, exp.SetOperation):
        return _ordered(node, _both(node, _query(node.this, scope), _query(node.expression, scope)), scope)
    if isinstance(node, exp.Subquery | exp.Paren) and not node.args.get("pivots"):
        return _ordered(node, _query(node.this, scope), scope)
    if isinstance(node, exp.Values):
        return _values(node, scope)
    if isinstance(node, exp.Table):
        return _ordered(node, _item(node, scope.inside())[1], scope)
    raise Unread(type(node).__name__)


def _recursive(cte: exp.Expr, scope: Scope) -> str:
    """A recursive query as a whole: its text, and all of what it reads."""
    inner = scope.inside()
    inner.ctes[cte.alias.lower()] = Digested((), "itself", more=True)
    read = [inner.table(t.name).whole for t in cte.find_all(exp.Table) if t.name]
    return hashed("recursive", _text(cte, inner, frozenset()), *read)


def _named(table: Digested, names: Sequence[str]) -> Digested:
    """The table with the names of `AS t(a, b)`, and the second `id` called `id_1`, as a query around it sees it."""
    if names and table.more:
        raise Unread("names for columns that are not known")
    taken: set[str] = set()
    columns = []
    for i, (name, digest) in enumerate(table.columns):
        called = given = names[i] if i < len(names) else name
        n = 0
        while called.lower() in taken:
            n += 1
            called = f"{given}_{n}"
        taken.add(called.lower())
        columns.append((called, digest))
    return replace(table, columns=tuple(columns))


def _select(select: exp.Select, scope: Scope) -> Digested:
    args = select.args
    rows = ["select"]
    from_ = args.get("from_")
    if from_ is not None:
        rows += _joined(from_.this, scope)
    for join in args.get("joins") or ():
        rows += _join(join, scope)
    for lateral in args.get("laterals") or ():
        rows += _joined(lateral, scope)
    unread = {k for k, v in args.items() if v} - _READ
    if unread:
        raise Unread(", ".join(sorted(unread)))
    scope.windows = "".join(_text(w, scope, frozenset()) for w in args.get("windows") or ())
    columns: list[tuple[str, str]] = []
    keys: list[str] = []
    group = args.get("group")
    by_all, one_row = isinstance(group, exp.Group) and group.args.get("all"), False
    for expression in select.expressions:
        given = _projected(expression, scope)
        columns += given
        special = expression.find(exp.Explode, exp.Unnest, exp.AggFunc)
        if special is not None and expression.find(exp.Explode, exp.Unnest) is not None:
            rows += [d for _, d in given]
        aggregates = special is not None and expression.find(exp.AggFunc) is not None
        one_row = one_row or aggregates
        if by_all and not aggregates:
            keys += [d for _, d in given]
    if args.get("where") is not None:
        rows.append(hashed("where", _text(args["where"], scope, frozenset())))
    rows += _keys("group", group, columns, scope, keys)
    for clause in ("having", "qualify"):
        if args.get(clause) is not None:
            rows.append(hashed(clause, _text(args[clause], scope, frozenset(), aliases=True)))
    distinct = args.get("distinct")
    if distinct is not None:
        on = distinct.args.get("on")
        rows += _keys("distinct", on, columns, scope, [] if on is not None else [d for _, d in columns])
    rows += _keys("order", args.get("order"), columns, scope)
    rows += [hashed(c, _text(args[c], scope, frozenset())) for c in _ENDS if args.get(c) is not None]
    return Digested(tuple(columns), hashed(*rows, "one row" if one_row and group is None else ""))


_ENDS = ("limit", "offset", "sample")
_READ = {*_ENDS, "with_", "expressions", "from_", "joins", "laterals", "where", "group", "having", "qualify"} | {
    "windows",
    "distinct",
    "order",
    "kind",
}
"""The parts of a SELECT that are looked at."""


def _keys(
    clause: str, node: exp.Expr | None, columns: Sequence[tuple[str, str]], scope: Scope, more: Sequence[str] = ()
) -> list[str]:
    """The digest of a clause that names keys: numbers and aliases are columns of the SELECT list."""
    if node is None:
        return [hashed(clause, *more)] if more else []

    def key(one: exp.Expr) -> str:
        if isinstance(one, exp.Ordered):
            how = [str(one.args.get(k)) for k in ("desc", "nulls_first", "with_fill")]
            return hashed(key(one.this), *how)
        if isinstance(one, _KEY_LISTS):
            inside = one.expressions or ([one.this] if isinstance(one, exp.Paren) else [])
            return hashed(type(one).__name__, *(key(each) for each in inside))
        if isinstance(one, exp.Literal) and not one.is_string:
            at = int(one.name) - 1 if one.name.isdigit() else -1
            if 0 <= at < len(columns):
                return columns[at][1]
        if isinstance(one, exp.Var) and one.name.upper() == "ALL":
            return hashed(*(d for _, d in columns))
        return _digest(one, scope, aliases=True)

    held = [node] if not isinstance(node, exp.Group | exp.Order | exp.Tuple) else []
    for name, value in node.args.items() if not held else ():
        if isinstance(value, list):
            held += value
        elif value and not (clause == "group" and name == "all"):
            held += [value] if isinstance(value, exp.Expr) else []
    return [hashed(clause, *(key(one) for one in held), *more)]


def _joined(node: exp.Expr, scope: Scope) -> list[str]:
    """An item of FROM with the joins that hang on it, made known in the scope; gives what decides its rows."""
    name, table = _item(node, scope)
    scope.sources.append((name.lower(), table))
    rows = [table.rows]
    if not isinstance(node, exp.Subquery) or isinstance(node.this, exp.Query | exp.Values):
        for join in node.args.get("joins") or ():
            rows += _join(join, scope)
    return rows


def _join(join: exp.Expr, scope: Scope) -> list[str]:
    if (join.args.get("method") or "").upper() == "NATURAL":
        raise Unread("a natural join")
    how = [str(join.args.get(key) or "").upper() for key in ("method", "side", "kind")]
    rows = ["join", *how, *_joined(join.this, scope)]
    for one in join.args.get("using") or ():
        scope.shared.add(one.name.lower())
        rows.append(scope.column([one.name], aliases=False))
    held = [(clause, join.args.get(clause)) for clause in ("on", "match_condition")]
    rows += [hashed(clause, _text(one, scope, frozenset())) for clause, one in held if one is not None]
    if how[2] in ("SEMI", "ANTI"):
        scope.sources.pop()
    return rows


def _item(node: exp.Expr, scope: Scope) -> tuple[str, Digested]:
    alias = node.args.get("alias")
    name = alias.name if alias is not None else ""
    names = [c.name for c in alias.args.get("columns") or ()] if isinstance(alias, exp.TableAlias) else []
    if node.args.get("pivots") or node.args.get("sample") or node.args.get("when"):
        raise Unread("a pivot or a sample")
    if isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier):
        return name or node.name, _named(scope.table(node.name), names)
    if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query | exp.Values):
        return name, _named(_query(node.this, scope), names)
    if isinstance(node, exp.Select | exp.SetOperation | exp.Values):
        return name, _named(_query(node, scope), names)
    if isinstance(node, exp.Table | exp.Lateral | exp.Func):
        # a table function: what it is given decides all
        given = hashed(
            "function", _text(node.this if isinstance(node, exp.Table | exp.Lateral) else node, scope, frozenset())
        )
        return name, Digested(tuple((n, hashed(given, str(i))) for i, n in enumerate(names)), given, more=True)
    raise Unread(type(node).__name__)


def _projected(expression: exp.Expr, scope: Scope) -> list[tuple[str, str]]:
    """The columns that one item of a SELECT list gives."""
    alias = expression.alias if isinstance(expression, exp.Alias) else ""
    node = expression.this if alias else expression
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Star):
        return _star(node, scope.sources, scope)
    if isinstance(node, exp.Column) and isinstance(node.this, exp.Star):
        owner = node.parts[-2].name.lower()
        return _star(node.this, [s for s in scope.sources if s[0] == owner], scope, all_shared=True)
    named = isinstance(node, exp.Column) and isinstance(node.this, exp.Identifier)
    if not named and node.find(exp.Columns) is not None:
        raise Unread("columns(…)")
    digest = _digest(node, scope)
    if alias:
        scope.aliases.setdefault(alias.lower(), digest)
    return [(alias or node.output_name or node.sql("duckdb"), digest)]


def _star(
    star: exp.Expr, sources: Sequence[tuple[str, Digested]], scope: Scope, *, all_shared: bool = False
) -> list[tuple[str, str]]:
    if not sources or any(table.more for _, table in sources) or star.args.get("ilike"):
        raise Unread("* of columns that are not known")
    dropped, where = set(), {}
    for one in star.args.get("except_") or ():
        if one.args.get("table"):
            raise Unread("exclude of one table's column")
        dropped.add(one.name.lower())
    for one in star.args.get("replace") or ():
        where[one.alias.lower()] = _digest(one.this, scope)
    called = {one.this.name.lower(): one.alias for one in star.args.get("rename") or ()}
    found: list[tuple[str, str]] = []
    shown: set[str] = set()
    for _, table in sources:
        for name, digest in table.columns:
            key = name.lower()
            if key in dropped or (key in scope.shared and key in shown and not all_shared):
                continue
            shown.add(key)
            if key in scope.shared and not all_shared:
                digest = scope.column([name], aliases=False)
            found.append((called.get(key, name), where.get(key, digest)))
    return found


def _both(node: exp.SetOperation, left: Digested, right: Digested) -> Digested:
    if left.more or right.more or node.args.get("by_name") or len(left.columns) != len(right.columns):
        raise Unread("a set operation of columns that are not known")
    kind = f"{type(node).__name__} {bool(node.args.get('distinct'))}"
    columns = tuple(
        (name, hashed(kind, one, other)) for (name, one), (_, other) in zip(left.columns, right.columns, strict=True)
    )
    rows = [kind, left.rows, right.rows]
    if node.args.get("distinct") or not isinstance(node, exp.Union):
        rows += [d for _, d in columns]
    return Digested(columns, hashed(*rows))


def _values(node: exp.Values, scope: Scope) -> Digested:
    rows = [list(row.expressions) if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
    width = max((len(row) for row in rows), default=0)
    columns = tuple(
        (f"col{i}", hashed("values", *(_digest(row[i], scope) for row in rows if i < len(row)))) for i in range(width)
    )
    return Digested(columns, hashed("values", str(len(rows))))


def _ordered(node: exp.Expr, given: Digested, scope: Scope) -> Digested:
    """ORDER BY and LIMIT of a set operation or of a query in brackets: they name its columns."""
    inner = scope.inside()
    inner.sources.append(("", given))
    rows = _keys("order", node.args.get("order"), given.columns, inner)
    rows += [hashed(c, _text(node.args[c], inner, frozenset())) for c in _ENDS if node.args.get(c) is not None]
    return replace(given, rows=hashed(given.rows, *rows)) if rows else given


def _digest(node: exp.Expr, scope: Scope, *, aliases: bool = False) -> str:
    """The digest of an expression; of a column alone it is that column's, whatever it is called."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        return scope.column([p.name for p in node.parts], aliases=aliases)
    return hashed(_text(node, scope, frozenset(), aliases=aliases))


def _text(node: object, scope: Scope, parameters: frozenset[str], *, aliases: bool = False) -> str:
    """An expression in one spelling, with digests in the place of columns and queries."""
    if isinstance(node, str):
        return node
    if isinstance(node, exp.Expr) and _is_plain(type(node)):
        return _parts(node, scope, parameters, aliases=aliases)
    if isinstance(node, list):
        return f"[{','.join([_text(one, scope, parameters, aliases=aliases) for one in node])}]"
    if not isinstance(node, exp.Expr):
        return str(node)
    if isinstance(node, exp.Paren) and not node.args.get("pivots"):
        return _text(node.this, scope, parameters, aliases=aliases)
    if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
        parts = [p.name for p in node.parts]
        if parts[0].lower() in parameters:
            return ".".join(parts)
        return scope.column(parts, aliases=aliases)
    if isinstance(node, exp.Query) and not (isinstance(node, exp.Table) and not node.name):
        return f"query {_query(node, scope).whole}"
    if isinstance(node, exp.Identifier):
        return node.name if node.args.get("quoted") else node.name.lower()
    if isinstance(node, exp.Star | exp.Columns | exp.PositionalColumn):
        counted = isinstance(node.parent, exp.Count) and not any(node.args.values())
        return "*" if counted else f"{type(node).__name__} {scope.everything} {node.sql('duckdb', comments=False)}"
    if isinstance(node, exp.Column):
        return f"* {scope.everything} {node.sql('duckdb', comments=False)}"
    if isinstance(node, exp.Lambda):
        parameters = parameters | {one.name.lower() for one in node.expressions}
    named = scope.windows if isinstance(node, exp.Window) else ""
    return _parts(node, scope, parameters, aliases=aliases) + named


def _parts(node: exp.Expr, scope: Scope, parameters: frozenset[str], *, aliases: bool) -> str:
    parts = [
        f"{key}={_text(value, scope, parameters, aliases=aliases)}"
        for key, value in sorted(node.args.items())
        if value is not None and value is not False and value != []
    ]
    return f"{type(node).__name__}({','.join(parts)})"


def _is_plain(kind: type[exp.Expr]) -> bool:
    """Whether nodes of a kind have the text of their parts, and nothing else; most have."""
    known = _PLAIN.get(kind)
    if known is None:
        known = _PLAIN[kind] = not issubclass(kind, _SPECIAL)
    return known
