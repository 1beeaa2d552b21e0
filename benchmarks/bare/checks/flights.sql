-- What the contract of flights promises, as counts of rows that break it: every number is 0.
select
    count(*) filter (where flight_date is null or carrier is null or flight is null or origin is null) as key_null,
    count(*) filter (where flight_date < date '2013-01-01' or flight_date > date '2013-12-31') as flight_date_range,
    count(*) filter (where carrier not in ('9E', 'AA', 'AS', 'B6', 'DL', 'EV', 'F9', 'FL', 'HA', 'MQ', 'OO', 'UA', 'US', 'VX', 'WN', 'YV')) as carriers,
    count(*) filter (where flight < 1 or flight > 8500) as flight_range,
    (100.0 * count(*) filter (where tailnum is null) / count(*) > 0.75)::int as tailnum_known,
    (100.0 * count(*) filter (where not regexp_matches(tailnum, '^N[1-9][0-9A-Z]{2,5}$')) / count(*) > 0.12)::int as tailnum_form,
    count(*) filter (where origin not in ('EWR', 'JFK', 'LGA')) as new_york,
    count(*) filter (where dest is null) as dest_null,
    count(*) filter (where not regexp_matches(dest, '^[A-Z]{3}$')) as dest_pattern,
    count(*) filter (where sched_dep_local is null) as sched_dep_local_null,
    count(*) filter (where sched_dep_utc is null) as sched_dep_utc_null,
    count(*) filter (where sched_dep_utc < timestamptz '2013-01-01T05:00:00Z' or sched_dep_utc >= timestamptz '2014-01-01T05:00:00Z') as sched_dep_utc_range,
    (100.0 * count(*) filter (where dep_utc is null) / count(*) > 2.46)::int as departures_known,
    count(*) filter (where sched_arr_local is null) as sched_arr_local_null,
    count(*) filter (where sched_arr_utc is null) as sched_arr_utc_null,
    (100.0 * count(*) filter (where arr_utc is null) / count(*) > 2.59)::int as arrivals_known,
    count(*) filter (where sched_dep_hour_utc is null) as sched_dep_hour_utc_null,
    count(*) filter (where dep_delay < -60 or dep_delay > 1500) as dep_delay_range,
    (100.0 * count(*) filter (where dep_delay is null) / count(*) > 2.46)::int as dep_delay_known,
    count(*) filter (where arr_delay < -120 or arr_delay > 1500) as arr_delay_range,
    (100.0 * count(*) filter (where arr_delay is null) / count(*) > 2.81)::int as arr_delay_known,
    count(*) filter (where air_time < 20 or air_time > 700) as air_time_range,
    (100.0 * count(*) filter (where air_time is null) / count(*) > 2.81)::int as air_time_known,
    count(*) filter (where distance is null) as distance_null,
    count(*) filter (where distance < 17 or distance > 4983) as distance_range,
    count(*) filter (where cancelled is null) as cancelled_null,
    (count(*) <> 336776)::int as row_count,
    (max(sched_dep_utc) < timestamptz '2014-01-01T05:00:00Z' - interval 1 day)::int as freshness,
    count(*) filter (where sched_dep_utc < timestamptz '2014-01-01T05:00:00Z' - interval 2 year) as retention
from flights;

select count(*) as columns_and_types
from (
    values
        ('flight_date', 'DATE'),
        ('carrier', 'VARCHAR'),
        ('flight', 'INTEGER'),
        ('tailnum', 'VARCHAR'),
        ('origin', 'VARCHAR'),
        ('dest', 'VARCHAR'),
        ('sched_dep_local', 'TIMESTAMP'),
        ('sched_dep_utc', 'TIMESTAMP WITH TIME ZONE'),
        ('dep_local', 'TIMESTAMP'),
        ('dep_utc', 'TIMESTAMP WITH TIME ZONE'),
        ('sched_arr_local', 'TIMESTAMP'),
        ('sched_arr_utc', 'TIMESTAMP WITH TIME ZONE'),
        ('arr_local', 'TIMESTAMP'),
        ('arr_utc', 'TIMESTAMP WITH TIME ZONE'),
        ('sched_dep_hour_utc', 'TIMESTAMP WITH TIME ZONE'),
        ('dep_delay', 'INTEGER'),
        ('arr_delay', 'INTEGER'),
        ('air_time', 'INTEGER'),
        ('distance', 'INTEGER'),
        ('cancelled', 'BOOLEAN')
) as wanted(column_name, column_type)
anti join (describe flights) using (column_name, column_type);

select count(*) - count(distinct hash(flight_date, carrier, flight, origin)) as key_twice from flights;

select (select count(*) from flights anti join airlines on flights.carrier = airlines.carrier where flights.carrier is not null) as carrier_to_airlines;

select (100.0 * (select count(*) from flights anti join planes on flights.tailnum = planes.tailnum where flights.tailnum is not null) / (select count(tailnum) from flights) > 14.99)::int as tailnum_to_planes;

select (select count(*) from flights anti join airports on flights.origin = airports.faa where flights.origin is not null) as origin_to_airports;

select (100.0 * (select count(*) from flights anti join airports on flights.dest = airports.faa where flights.dest is not null) / (select count(dest) from flights) > 2.26)::int as dest_to_airports;

select count(*) from flights where (epoch_us(arr_utc) - epoch_us(sched_arr_utc)) // 60000000 <> arr_delay;

select count(*) from flights where (epoch_us(dep_utc) - epoch_us(sched_dep_utc)) // 60000000 <> dep_delay;

select count(*) from flights where (epoch_us(arr_utc) - epoch_us(dep_utc)) // 60000000 < air_time;

select count(*) from flights where cancelled <> (dep_utc is null) or (cancelled and arr_utc is not null);

select ((select 100.0 * count(*) filter (where cancelled) / count(*) from flights) >= 2.46)::int as few_cancellations;
