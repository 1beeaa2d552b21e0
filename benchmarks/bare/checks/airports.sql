-- What the contract of airports promises, as counts of rows that break it: every number is 0.
select
    count(*) filter (where faa is null) as key_null,
    count(*) filter (where not regexp_matches(faa, '^[A-Z0-9]{3}$')) as faa_pattern,
    count(*) filter (where name is null) as name_null,
    count(*) filter (where length(name) < 2) as name_length,
    count(*) filter (where latitude is null) as latitude_null,
    count(*) filter (where latitude < 19.7 or latitude > 72.3) as latitude_range,
    count(*) filter (where longitude is null) as longitude_null,
    count(*) filter (where longitude < -180 or longitude > 180) as longitude_range,
    count(*) filter (where altitude_ft is null) as altitude_ft_null,
    count(*) filter (where altitude_ft < -54 or altitude_ft > 9078) as altitude_ft_range,
    count(*) filter (where utc_offset_hours is null) as utc_offset_hours_null,
    count(*) filter (where utc_offset_hours < -10 or utc_offset_hours > 8) as utc_offset_hours_range,
    count(*) filter (where dst_rule is null) as dst_rule_null,
    count(*) filter (where dst_rule not in ('A', 'N', 'U')) as dst_rules,
    count(*) filter (where not regexp_matches(timezone, '^[A-Z][a-z]+/[A-Z][A-Za-z_]+$')) as timezone_pattern,
    (100.0 * count(*) filter (where timezone is null) / count(*) > 0.21)::int as timezone_known,
    (count(*) <> 1458)::int as row_count
from airports;

select count(*) as columns_and_types
from (
    values
        ('faa', 'VARCHAR'),
        ('name', 'VARCHAR'),
        ('latitude', 'DOUBLE'),
        ('longitude', 'DOUBLE'),
        ('altitude_ft', 'INTEGER'),
        ('utc_offset_hours', 'INTEGER'),
        ('dst_rule', 'VARCHAR'),
        ('timezone', 'VARCHAR')
) as wanted(column_name, column_type)
anti join (describe airports) using (column_name, column_type);

select count(*) - count(distinct hash(faa)) as key_twice from airports;

select ((select count(*) from airports where faa in ('EWR', 'JFK', 'LGA')) <> 3)::int as new_york_is_there;
