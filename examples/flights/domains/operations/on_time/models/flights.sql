-- The source gives clock readings: 517 is 5:17, 2400 is midnight. A departure is its scheduled time plus its delay.
-- An arrival is the first instant after the departure at which the destination's clock shows arr_time.
with scheduled as (
    select
        *,
        make_timestamp(year, month, day, sched_dep_time // 100, sched_dep_time % 100, 0) as sched_departure_local
    from flights_csv
),

departed as (
    select
        *,
        sched_departure_local + to_minutes(dep_delay) as departure_local,
        sched_departure_local at time zone 'America/New_York' as sched_departure_at,
        (sched_departure_local + to_minutes(dep_delay)) at time zone 'America/New_York' as departure_at
    from scheduled
),

clocked as (
    select
        d.*,
        z.time_zone as destination_zone,
        d.departure_at at time zone z.time_zone as left_by_their_clock,
        date_trunc('day', d.departure_at at time zone z.time_zone)
        + to_minutes((arr_time // 100 * 60 + arr_time % 100) % 1440) as arrives_that_day
    from departed d
    left join destination_zones z on z.faa = d.dest
),

landed as (
    select
        *,
        case
            when arrives_that_day > left_by_their_clock then arrives_that_day
            else arrives_that_day + to_days(1)
        end as arrival_local
    from clocked
)

select
    make_date(year, month, day) as flight_date,
    carrier,
    flight as flight_number,
    origin,
    dest as destination,
    tailnum,
    sched_departure_local,
    sched_departure_at,
    departure_local,
    departure_at,
    arrival_local,
    arrival_local at time zone destination_zone as arrival_at,
    dep_delay,
    arr_delay,
    air_time,
    distance,
    dep_time is null as cancelled,
    time_hour as observed_at,
from landed
