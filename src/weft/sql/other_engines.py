"""Functions that other engines have under names that DuckDB does not: what to write in their place."""

from __future__ import annotations

from collections.abc import Mapping

_WRITTEN = {
    "strftime(x, '%Y-%m-%d')": "to_char date_format format_date format_datetime format_timestamp",
    "strptime(x, '%Y-%m-%d')": "str_to_date parse_datetime parse_timestamp to_datetime try_to_timestamp",
    "strptime(x, '%Y-%m-%d')::date": "to_date parse_date try_to_date",
    "now()": "getdate getutcdate sysdate sysdatetime current_datetime localtimestamp",
    "coalesce(x, y)": "isnull nvl zeroifnull",
    "case when x is not null then y else z end": "nvl2",
    "if(x, y, z)": "iif iff",
    "x::decimal(18,2)": "to_number to_decimal to_numeric",
    "x::varchar": "to_varchar to_string tostring",
    "x / nullif(y, 0)": "safe_divide div0",
    "x + interval 1 day": "dateadd adddate date_from_unix_date",
    "x + interval 1 month": "add_months",
    "date_diff('month', x, y)": "months_between timestampdiff timestamp_diff datetime_diff",
    "date_trunc('day', x)": "timestamp_trunc datetime_trunc",
    "epoch(x)": "unix_timestamp unix_seconds to_unixtime",
    "to_timestamp(x)": "from_unixtime timestamp_seconds",
    "strpos(x, y)": "charindex locate",
    "split_part(x, ',', 1)": "substring_index",
    "regexp_matches(x, 'a+')": "regexp_like regexp_contains rlike",
    "regexp_extract(x, 'a+')": "regexp_substr",
    "list(x)": "collect_list",
    "list(distinct x)": "collect_set array_unique_agg",
    "unnest(x)": "explode",
    "approx_quantile(x, 0.5)": "approx_percentile percentile_approx approx_quantiles",
    "approx_count_distinct(x)": "approx_distinct hll",
    "max_by(x, y)": "maxby",
    "sha256(x)": "sha2",
    "uuid()": "newid generate_uuid sys_guid",
    "x * x": "square",
    "x::json": "parse_json",
    "json_extract_string(x, '$.a')": "get_json_object json_extract_scalar",
    "{'a': x}": "named_struct object_construct",
}

OF_OTHERS: Mapping[str, str] = {name: written for written, names in _WRITTEN.items() for name in names.split()}
"""By the name elsewhere: an expression of x, y and z that gives the same here."""
