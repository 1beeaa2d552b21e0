-- What the contract of airport_delays promises, as counts of rows that break it: every number is 0.
select
    count(*) filter (where month is null or origin is null or dest is null) as key_null,
    count(*) filter (where month < date '2013-01-01' or month > date '2013-12-01') as month_range,
    count(*) filter (where origin not in ('EWR', 'JFK', 'LGA')) as new_york,
    (100.0 * count(*) filter (where destination is null) / count(*) > 3.64)::int as destination_named,
    count(*) filter (where flights is null) as flights_null,
    count(*) filter (where flights < 1 or flights > 1200) as flights_range,
    count(*) filter (where cancelled is null) as cancelled_null,
    count(*) filter (where cancelled < 0 or cancelled > 1200) as cancelled_range,
    count(*) filter (where late_departures is null) as late_departures_null,
    count(*) filter (where late_departures < 0 or late_departures > 1200) as late_departures_range,
    count(*) filter (where late_arrivals is null) as late_arrivals_null,
    count(*) filter (where late_arrivals < 0 or late_arrivals > 1200) as late_arrivals_range,
    count(*) filter (where avg_dep_delay < -60 or avg_dep_delay > 1500) as avg_dep_delay_range,
    count(*) filter (where avg_arr_delay < -120 or avg_arr_delay > 1500) as avg_arr_delay_range,
    count(*) filter (where flights_with_weather is null) as flights_with_weather_null,
    count(*) filter (where flights_with_weather < 0 or flights_with_weather > 1200) as flights_with_weather_range,
    count(*) filter (where flights_in_bad_weather is null) as flights_in_bad_weather_null,
    count(*) filter (where flights_in_bad_weather < 0 or flights_in_bad_weather > 1200) as flights_in_bad_weather_range,
    count(*) filter (where avg_dep_delay_in_bad_weather < -60 or avg_dep_delay_in_bad_weather > 1500) as avg_dep_delay_in_bad_weather_range,
    (count(*) not between 2200 and 2400)::int as row_count,
    (max(month) < timestamp '2014-01-01 05:00:00' - interval 32 day)::int as freshness
from airport_delays;

select count(*) as columns_and_types
from (
    values
        ('month', 'DATE'),
        ('origin', 'VARCHAR'),
        ('dest', 'VARCHAR'),
        ('destination', 'VARCHAR'),
        ('destination_timezone', 'VARCHAR'),
        ('flights', 'BIGINT'),
        ('cancelled', 'BIGINT'),
        ('late_departures', 'BIGINT'),
        ('late_arrivals', 'BIGINT'),
        ('avg_dep_delay', 'DOUBLE'),
        ('avg_arr_delay', 'DOUBLE'),
        ('flights_with_weather', 'BIGINT'),
        ('flights_in_bad_weather', 'BIGINT'),
        ('avg_dep_delay_in_bad_weather', 'DOUBLE')
) as wanted(column_name, column_type)
anti join (describe airport_delays) using (column_name, column_type);

select count(*) - count(distinct hash(month, origin, dest)) as key_twice from airport_delays;

select (100.0 * (select count(*) from airport_delays anti join airports on airport_delays.dest = airports.faa where airport_delays.dest is not null) / (select count(dest) from airport_delays) > 3.64)::int as dest_to_airports;

select count(*) from airport_delays where cancelled > flights or flights_in_bad_weather > flights_with_weather or flights_with_weather > flights;

select ((select sum(flights) from airport_delays) <> 336776)::int as nothing_lost;

select ((select 100.0 * sum(flights_with_weather) / sum(flights) from airport_delays) <= 99.5)::int as weather_known;
