-- What the contract of planes promises, as counts of rows that break it: every number is 0.
select
    count(*) filter (where tailnum is null) as key_null,
    count(*) filter (where not regexp_matches(tailnum, '^N[1-9][0-9A-Z]{2,5}$')) as tailnum_pattern,
    count(*) filter (where year_built < 1956 or year_built > 2013) as year_built_range,
    (100.0 * count(*) filter (where year_built is null) / count(*) > 2.11)::int as year_built_known,
    count(*) filter (where type is null) as type_null,
    count(*) filter (where type not in ('Fixed wing multi engine', 'Fixed wing single engine', 'Rotorcraft')) as types,
    count(*) filter (where manufacturer is null) as manufacturer_null,
    count(*) filter (where length(manufacturer) < 2 or length(manufacturer) > 40) as manufacturer_length,
    count(*) filter (where model is null) as model_null,
    count(*) filter (where length(model) > 20) as model_length,
    count(*) filter (where engines is null) as engines_null,
    count(*) filter (where engines < 1 or engines > 4) as engines_range,
    count(*) filter (where seats is null) as seats_null,
    count(*) filter (where seats < 2 or seats > 450) as seats_range,
    count(*) filter (where cruising_speed_mph < 90 or cruising_speed_mph > 432) as cruising_speed_mph_range,
    (100.0 * count(*) filter (where cruising_speed_mph is null) / count(*) > 99.31)::int as speed_known,
    count(*) filter (where engine is null) as engine_null,
    count(*) filter (where engine not in ('4 Cycle', 'Reciprocating', 'Turbo-fan', 'Turbo-jet', 'Turbo-prop', 'Turbo-shaft')) as engines,
    (count(*) <> 3322)::int as row_count
from planes;

select count(*) as columns_and_types
from (
    values
        ('tailnum', 'VARCHAR'),
        ('year_built', 'INTEGER'),
        ('type', 'VARCHAR'),
        ('manufacturer', 'VARCHAR'),
        ('model', 'VARCHAR'),
        ('engines', 'INTEGER'),
        ('seats', 'INTEGER'),
        ('cruising_speed_mph', 'INTEGER'),
        ('engine', 'VARCHAR')
) as wanted(column_name, column_type)
anti join (describe planes) using (column_name, column_type);

select count(*) - count(distinct hash(tailnum)) as key_twice from planes;

select count(*) from planes where type = 'Fixed wing single engine' and engines <> 1;

select count(*) from planes where seats > 20 and engines < 2;
