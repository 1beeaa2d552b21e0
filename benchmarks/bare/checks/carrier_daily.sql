-- What the contract of carrier_daily promises, as counts of rows that break it: every number is 0.
select
    count(*) filter (where flight_date is null or carrier is null) as key_null,
    count(*) filter (where flight_date < date '2013-01-01' or flight_date > date '2013-12-31') as flight_date_range,
    count(*) filter (where airline is null) as airline_null,
    count(*) filter (where flights is null) as flights_null,
    count(*) filter (where flights < 1 or flights > 200) as flights_range,
    count(*) filter (where cancelled is null) as cancelled_null,
    count(*) filter (where cancelled < 0 or cancelled > 200) as cancelled_range,
    count(*) filter (where completed is null) as completed_null,
    count(*) filter (where completed < 0 or completed > 200) as completed_range,
    count(*) filter (where late_departures is null) as late_departures_null,
    count(*) filter (where late_departures < 0 or late_departures > 200) as late_departures_range,
    count(*) filter (where late_arrivals is null) as late_arrivals_null,
    count(*) filter (where late_arrivals < 0 or late_arrivals > 200) as late_arrivals_range,
    count(*) filter (where avg_dep_delay < -60 or avg_dep_delay > 1500) as avg_dep_delay_range,
    (100.0 * count(*) filter (where avg_dep_delay is null) / count(*) > 0.23)::int as departed,
    count(*) filter (where avg_arr_delay < -120 or avg_arr_delay > 1500) as avg_arr_delay_range,
    count(*) filter (where worst_arr_delay < -120 or worst_arr_delay > 1500) as worst_arr_delay_range,
    count(*) filter (where flights_of_known_planes is null) as flights_of_known_planes_null,
    count(*) filter (where flights_of_known_planes < 0 or flights_of_known_planes > 200) as flights_of_known_planes_range,
    count(*) filter (where seats_flown < 1 or seats_flown > 40000) as seats_flown_range,
    (100.0 * count(*) filter (where seats_flown is null) / count(*) > 1.69)::int as seats_known,
    (count(*) <> 5432)::int as row_count,
    (max(flight_date) < timestamp '2014-01-01 05:00:00' - interval 2 day)::int as freshness
from carrier_daily;

select count(*) as columns_and_types
from (
    values
        ('flight_date', 'DATE'),
        ('carrier', 'VARCHAR'),
        ('airline', 'VARCHAR'),
        ('flights', 'BIGINT'),
        ('cancelled', 'BIGINT'),
        ('completed', 'BIGINT'),
        ('late_departures', 'BIGINT'),
        ('late_arrivals', 'BIGINT'),
        ('avg_dep_delay', 'DOUBLE'),
        ('avg_arr_delay', 'DOUBLE'),
        ('worst_arr_delay', 'INTEGER'),
        ('flights_of_known_planes', 'BIGINT'),
        ('seats_flown', 'BIGINT')
) as wanted(column_name, column_type)
anti join (describe carrier_daily) using (column_name, column_type);

select count(*) - count(distinct hash(flight_date, carrier)) as key_twice from carrier_daily;

select (select count(*) from carrier_daily anti join airlines on carrier_daily.carrier = airlines.carrier where carrier_daily.carrier is not null) as carrier_to_airlines;

select count(*) from carrier_daily where cancelled + completed > flights or late_arrivals > completed or flights_of_known_planes > flights;

select ((select sum(flights) from carrier_daily) <> 336776)::int as nothing_lost;
