"""What SQL may use, as positive lists: a name that stands in none of them is refused.

The lists were drawn from `duckdb_functions()` and `duckdb_types()` of DuckDB 2.0 and then cut:
nothing that reads files,
the network, the environment, settings, catalogs, variables or other SQL text; nothing that waits, writes or counts; no
string function whose result can be made as long as one likes (`memory_limit` does not bound those).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def names(kind: str) -> frozenset[str]:
    """The names of a list, in lower case: `scalar_functions`, `aggregate_functions`, `window_functions`, …"""
    text = (Path(__file__).parent / f"{kind}.txt").read_text(encoding="utf-8")
    return frozenset(text.lower().splitlines())


VOLATILE = frozenset(
    {
        "ago",
        "current_date",
        "current_localtime",
        "current_localtimestamp",
        "current_time",
        "current_timestamp",
        "gen_random_uuid",
        "get_current_time",
        "get_current_timestamp",
        "localtime",
        "localtimestamp",
        "now",
        "random",
        "reservoir_quantile",
        "today",
        "transaction_timestamp",
        "uuid",
        "uuidv4",
        "uuidv7",
    }
)
"""Functions whose result depends on when or how often they run."""

INSTEAD: dict[str, str] = {
    "lpad": "`right(concat('000', x), 3)` fills from the left",
    "rpad": "`left(concat(x, '   '), 3)` fills from the right",
    "printf": "`concat(…)`, with `strftime` for times and `round` for numbers",
    "format": "`concat(…)`, with `strftime` for times and `round` for numbers",
    "repeat": "write the text out, or `array_to_string(list_transform(range(n), lambda i: 'x'), '')`",
    "getvariable": "write the value into the SQL, or read it from a model or an input port",
    "current_setting": "sessions run in UTC with fixed settings; write the value into the SQL",
    "nextval": "`row_number() over (order by …)` numbers rows",
    "currval": "`row_number() over (order by …)` numbers rows",
    "alias": "write the name as a text",
    "query": "write the query where it is used",
    "query_table": "name the table itself",
    "glob": "declare an input port whose source names the files",
}
"""What to write instead of the names that people are most likely to try."""

NOT_IN_QUERIES: dict[str, str] = {
    "array_resize": "`list_concat(…)` with what is to be added",
    "bitstring_agg": "`list(distinct x order by x)`, or `bit_or(1 << x)` of small numbers",
    "bitstring": "cast a text of the bits: `'0101'::BIT`",
    "list_resize": "`list_concat(…)` with what is to be added",
    "reservoir_quantile": "`quantile_disc` or `approx_quantile`",
}
"""What models may use and queries of others may not, with what they write instead.

Some make values as long as one likes from little, which limits of memory do not see in time. Others depend on rows that
the reader does not see: a sample is drawn by where rows lie, and a string of bits begins and ends with the bounds of a
whole file.
"""

SAMPLE_INSTEAD = "`order by hash(key) limit 100`, with a column that tells rows apart, gives the same rows each time"
"""What to write in a query of others instead of a sample."""
