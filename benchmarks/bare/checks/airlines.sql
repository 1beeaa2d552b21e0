-- What the contract of airlines promises, as counts of rows that break it: every number is 0.
select
    count(*) filter (where carrier is null) as key_null,
    count(*) filter (where not regexp_matches(carrier, '^[A-Z0-9]{2}$')) as carrier_pattern,
    count(*) filter (where name is null) as name_null,
    count(*) filter (where length(name) < 2) as name_length,
    (count(*) <> 16)::int as row_count
from airlines;

select count(*) as columns_and_types
from (
    values
        ('carrier', 'VARCHAR'),
        ('name', 'VARCHAR')
) as wanted(column_name, column_type)
anti join (describe airlines) using (column_name, column_type);

select count(*) - count(distinct hash(carrier)) as key_twice from airlines;

select count(name) - count(distinct hash(name)) as name_twice from airlines where name is not null;
