"""Which functions give something from which their argument cannot be read back."""

from __future__ import annotations

from sqlglot import exp

HASHES = frozenset({"hash", "md5", "md5_number", "md5_number_lower", "md5_number_upper", "sha1", "sha256"})
"""A digest: equal values stay equal, and none can be read."""

COUNTS = frozenset(
    {"approx_count_distinct", "count", "count_if", "countif", "list_approx_count_distinct", "list_count", "regr_count"}
)
"""How many values there are, not which."""

# OpenLineage's Spark integration has crc32, hive_hash, md5, murmur3, sha1, sha2, xxhash64, mask and count; the lists
# above are DuckDB's functions that do the same. Parts of a value (left, substring, regexp_replace) are none there and
# none here: what they leave can be read. (Source: OpenLineage, ExpressionDependencyCollector.)
_NAMES = HASHES | COUNTS
_KINDS: tuple[type[exp.Expr], ...] = (
    exp.MD5,
    exp.SHA,
    exp.SHA2,
    exp.ApproxDistinct,
    exp.Count,
    exp.CountIf,
    exp.RegrCount,
)


def masks(node: exp.Expr) -> bool:
    """Whether the node is a call of a function whose result does not show its argument."""
    return isinstance(node, _KINDS) or (isinstance(node, exp.Anonymous) and node.name.lower() in _NAMES)
