-- What the contract of assignments promises, as counts of rows that break it: every number is 0.
select
    count(*) filter (where assignment_id is null) as key_null,
    count(*) filter (where not regexp_matches(assignment_id, '^A[0-9]{5}$')) as assignment_id_pattern,
    count(*) filter (where crew_id is null) as crew_id_null,
    count(*) filter (where not regexp_matches(crew_id, '^C[0-9]{4}$')) as crew_id_pattern,
    count(*) filter (where full_name is null) as full_name_null,
    count(*) filter (where length(full_name) < 3) as full_name_length,
    count(*) filter (where email is null) as email_null,
    count(*) filter (where not regexp_matches(email, '^[a-z.]+@example[.]com$')) as email_pattern,
    count(*) filter (where phone is null) as phone_null,
    count(*) filter (where not regexp_matches(phone, '^[+]1-[2-9][0-9]{2}-555-01[0-9]{2}$')) as phone_pattern,
    count(*) filter (where birth_date is null) as birth_date_null,
    count(*) filter (where birth_date < date '1952-01-01' or birth_date > date '1991-12-31') as birth_date_range,
    count(*) filter (where duty is null) as duty_null,
    count(*) filter (where duty not in ('captain', 'first officer', 'cabin crew')) as duties,
    count(*) filter (where carrier is null) as carrier_null,
    count(*) filter (where not regexp_matches(carrier, '^[A-Z0-9]{2}$')) as carrier_pattern,
    count(*) filter (where flight is null) as flight_null,
    count(*) filter (where flight < 1 or flight > 8500) as flight_range,
    count(*) filter (where origin is null) as origin_null,
    count(*) filter (where origin not in ('EWR', 'JFK', 'LGA')) as new_york,
    count(*) filter (where dest is null) as dest_null,
    count(*) filter (where not regexp_matches(dest, '^[A-Z]{3}$')) as dest_pattern,
    count(*) filter (where flight_date is null) as flight_date_null,
    count(*) filter (where flight_date < date '2013-01-01' or flight_date > date '2013-12-31') as flight_date_range,
    count(*) filter (where sched_dep_utc is null) as sched_dep_utc_null,
    (count(*) <> 2800)::int as row_count,
    (max(sched_dep_utc) < timestamptz '2014-01-01T05:00:00Z' - interval 2 day)::int as freshness,
    count(*) filter (where sched_dep_utc < timestamptz '2014-01-01T05:00:00Z' - interval 2 year) as retention
from assignments;

select count(*) as columns_and_types
from (
    values
        ('assignment_id', 'VARCHAR'),
        ('crew_id', 'VARCHAR'),
        ('full_name', 'VARCHAR'),
        ('email', 'VARCHAR'),
        ('phone', 'VARCHAR'),
        ('birth_date', 'DATE'),
        ('duty', 'VARCHAR'),
        ('carrier', 'VARCHAR'),
        ('flight', 'INTEGER'),
        ('origin', 'VARCHAR'),
        ('dest', 'VARCHAR'),
        ('flight_date', 'DATE'),
        ('sched_dep_utc', 'TIMESTAMP WITH TIME ZONE')
) as wanted(column_name, column_type)
anti join (describe assignments) using (column_name, column_type);

select count(*) - count(distinct hash(assignment_id)) as key_twice from assignments;

select count(*) as to_flights from assignments anti join flights on assignments.carrier = flights.carrier and assignments.flight = flights.flight and assignments.origin = flights.origin and assignments.flight_date = flights.flight_date;

select count(*) - count(distinct hash(crew_id, flight_date)) as once_a_day from assignments;

select count(*) from (select 1 from assignments group by carrier, flight, origin, flight_date having count(*) <> 4) as crews;

select count(*) from assignments where birth_date > flight_date - interval 21 years;
