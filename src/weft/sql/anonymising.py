"""Which expressions give something from which nobody can tell whose it was: their results need not keep a level.

Only what is certain from the SQL alone is recognised. Everything else keeps the classification of what it is made from,
until somebody declares in the contract why it need not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from weft.model.lineage import Anonymisation
from weft.sql.masking import COUNTS, HASHES

LEAST_ROWS = 5
"""Aggregates over fewer rows may be told apart (k of k-anonymity)."""

LEAST_SALT = 16
"""Characters of a salt that is written out: a shorter constant is a separator, and can be tried out."""

LEAST_WIDTH = 5
"""Numbers are generalised by buckets of at least this width."""

KEPT_OF_POSTAL_CODE = 3
"""So much of a postal code says a region only (Source: 45 CFR 164.514(b)(2)(i)(B))."""

# Of dates only the year may be kept (Source: 45 CFR 164.514(b)(2)(i)(C)).
_COARSE = frozenset({"year", "isoyear", "decade", "century", "millennium", "era"})
_COARSE_FUNCTIONS = frozenset({"decade", "century", "millennium", "era", "isoyear"})
_DIGESTS: tuple[type[exp.Expr], ...] = (exp.MD5, exp.SHA, exp.SHA2)
_DIGEST_NAMES = HASHES - {"hash"}  # which is made to be quick, not to hide
_COUNTING: tuple[type[exp.Expr], ...] = (exp.ApproxDistinct, exp.RegrCount)
_COUNTING_NAMES = COUNTS - {"count_if", "countif"}  # these say of which values a condition holds
# What min, max, quantiles, lists or any_value give is somebody's value. So may be a sum of distinct ones.
_SUMMARISING: tuple[type[exp.Expr], ...] = (
    exp.Avg,
    exp.Corr,
    exp.CovarPop,
    exp.CovarSamp,
    exp.Kurtosis,
    exp.Median,
    exp.RegrAvgx,
    exp.RegrAvgy,
    exp.RegrIntercept,
    exp.RegrR2,
    exp.RegrSlope,
    exp.Skewness,
    exp.Stddev,
    exp.StddevPop,
    exp.StddevSamp,
    exp.Sum,
    exp.Variance,
    exp.VariancePop,
)
_SUMMARISING_NAMES = frozenset(
    {"entropy", "favg", "fsum", "kahan_sum", "kurtosis_pop", "mad", "mean", "sem", "sumkahan"}
)
_EVERYTHING_ONCE = frozenset({".*", ".+", "^.*$", "^.+$"})
_EVERYTHING = frozenset({".", ".*", ".+", r"[\s\S]", r"[\s\S]*", r"[\s\S]+"})
_POSTAL = re.compile(r"(?:^|_)(?:zip|zip_?code|post_?code|postal|postal_?code|plz|cep|cap)(?:$|_)", re.IGNORECASE)
_SALT = re.compile(r"(?:^|_)(?:salt|pepper)(?:$|_)", re.IGNORECASE)


def anonymisation(node: exp.Expr) -> Anonymisation:
    """How the node itself makes its argument anonymous, aggregates apart."""
    if isinstance(node, _DIGESTS) or _named(node, _DIGEST_NAMES):
        return Anonymisation.SALTED_HASH if _salted(_argument(node)) else Anonymisation.NONE
    if isinstance(node, _COUNTING) or _named(node, _COUNTING_NAMES):
        return Anonymisation.COUNT
    if isinstance(node, exp.RegexpReplace):
        return Anonymisation.REDACTION if _replaces_all(node) else Anonymisation.NONE
    return Anonymisation.GENERALISATION if _generalises(node) or _asks_whether_null(node) else Anonymisation.NONE


def counts_columns(count: exp.Expr) -> bool:
    """Whether a `count(…)` counts columns as they are: an expression may say of which values something holds."""
    inner = count.this
    over = inner.expressions if isinstance(inner, exp.Distinct) else [inner]
    columns = [part for one in over for part in (one.expressions if isinstance(one, exp.Tuple) else [one])]
    return all(isinstance(one, exp.Column | exp.Star) for one in columns)


def summarises(node: exp.Expr) -> bool:
    """Whether the node is an aggregate that mixes all values of its rows, none of which it chooses."""
    if not (isinstance(node, _SUMMARISING) or _named(node, _SUMMARISING_NAMES)):
        return False
    return node.find(exp.Distinct, exp.Case, exp.If, exp.Nullif, exp.Query) is None


def of_enough_rows(condition: object) -> bool:
    """Whether a condition holds only of groups of at least `LEAST_ROWS` rows: `count(*) >= 10`, alone or with AND."""
    if not isinstance(condition, exp.Expr):
        return False
    if isinstance(condition, exp.Having | exp.Paren):
        return of_enough_rows(condition.this)
    if isinstance(condition, exp.And):
        return of_enough_rows(condition.this) or of_enough_rows(condition.expression)
    if isinstance(condition, exp.GTE | exp.GT):
        counted, least = condition.this, condition.expression
    elif isinstance(condition, exp.LTE | exp.LT):
        counted, least = condition.expression, condition.this
    else:
        return False
    number = _integer(least)
    if not isinstance(counted, exp.Count) or number is None or not counts_columns(counted):
        return False
    return number + isinstance(condition, exp.GT | exp.LT) >= LEAST_ROWS


def _named(node: exp.Expr, names: frozenset[str]) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() in names


def _argument(node: exp.Expr) -> exp.Expr | None:
    found = node.expressions[0] if isinstance(node, exp.Anonymous) and node.expressions else node.this
    return found if isinstance(found, exp.Expr) else None


def _salted(hashed: exp.Expr | None) -> bool:
    """Whether what is hashed is a value put together with a salt: a long constant, a variable, a column called so."""
    while isinstance(hashed, exp.Cast | exp.Paren | exp.Encode):
        hashed = hashed.this
    if not isinstance(hashed, exp.DPipe | exp.Concat | exp.ConcatWs):
        return False
    parts = list(_joined(hashed))
    salts = [part for part in parts if _is_salt(part)]
    return bool(salts) and len(salts) < len(parts)


def _joined(node: exp.Expr) -> Iterator[exp.Expr]:
    """The parts of a text that `||` or `concat` puts together."""
    if isinstance(node, exp.DPipe):
        yield from _joined(node.this)
        yield from _joined(node.expression)
    elif isinstance(node, exp.ConcatWs):
        yield from node.expressions[1:]
    elif isinstance(node, exp.Concat):
        yield from node.expressions
    elif isinstance(node, exp.Paren):
        yield from _joined(node.this)
    else:
        yield node


def _is_salt(part: exp.Expr) -> bool:
    while isinstance(part, exp.Cast | exp.Paren):
        part = part.this
    if isinstance(part, exp.Literal):
        return part.is_string and len(part.name) >= LEAST_SALT
    if isinstance(part, exp.Column):
        return _SALT.search(part.name) is not None
    return _named(part, frozenset({"getvariable"}))


def _asks_whether_null(node: exp.Expr) -> bool:
    """`x is null`: whether there is a value, not which."""
    return isinstance(node, exp.Is) and isinstance(node.expression, exp.Null)


def _replaces_all(node: exp.RegexpReplace) -> bool:
    """Whether `regexp_replace` leaves no character of the text, whatever lines it has."""
    pattern, by, options = (node.args.get(name) for name in ("expression", "replacement", "modifiers"))
    if not (isinstance(pattern, exp.Literal) and isinstance(by, exp.Literal) and isinstance(options, exp.Literal)):
        return False  # without options only the first match is replaced, and `.` ends at the end of the line
    if "\\" in by.name:
        return False
    if "g" in options.name and pattern.name in _EVERYTHING:
        return True
    return "s" in options.name and pattern.name in _EVERYTHING_ONCE


def _generalises(node: exp.Expr) -> bool:
    if isinstance(node, exp.Year):
        return True
    if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
        return _unit(node.args.get("unit")) in _COARSE
    if isinstance(node, exp.Extract):
        return _unit(node.this) in _COARSE
    if isinstance(node, exp.Anonymous):
        name, given = node.name.lower(), node.expressions
        if name in _COARSE_FUNCTIONS:
            return True
        return name in ("date_part", "datepart") and len(given) == 2 and _unit(given[0]) in _COARSE
    if isinstance(node, exp.Round):
        decimals = _integer(node.args.get("decimals"))
        return decimals is not None and decimals < 0
    if isinstance(node, exp.IntDiv):
        return (_integer(node.expression) or 0) >= LEAST_WIDTH
    if isinstance(node, exp.Floor | exp.Ceil):
        inner = node.this.this if isinstance(node.this, exp.Paren) else node.this
        return isinstance(inner, exp.Div) and (_integer(inner.expression) or 0) >= LEAST_WIDTH
    return _begins_postal_code(node)


def _begins_postal_code(node: exp.Expr) -> bool:
    """`left(postal_code, 3)`; the beginning of anything else may be all of it."""
    if isinstance(node, exp.Left):
        length = _integer(node.expression)
    elif isinstance(node, exp.Substring) and _integer(node.args.get("start")) == 1:
        length = _integer(node.args.get("length"))
    else:
        return False
    whole = node.this.this if isinstance(node.this, exp.Cast) else node.this
    named = isinstance(whole, exp.Column) and _POSTAL.search(whole.name) is not None
    return named and length is not None and 0 <= length <= KEPT_OF_POSTAL_CODE


def _unit(node: object) -> str:
    return node.name.lower() if isinstance(node, exp.Var | exp.Literal) else ""


def _integer(node: object) -> int | None:
    if isinstance(node, exp.Neg):
        inner = _integer(node.this)
        return None if inner is None else -inner
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
        return int(node.name)
    return None
