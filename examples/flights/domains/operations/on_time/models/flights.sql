-- Every flight, also the cancelled ones, with its four moments on the clock of New York and in UTC.
with moments as (
    select
        *,
        -- What New York's clock is ahead of UTC, in minutes: summer time from 10 March 7:00 to 3 November 6:00 UTC.
        epoch(timestamp '2013-03-10 07:00:00')::bigint // 60 as summer_from,
        epoch(timestamp '2013-11-03 06:00:00')::bigint // 60 as summer_until
    from arrivals
)

select
    make_date(year, month, day) as flight_date,
    carrier,
    flight,
    tailnum,
    origin,
    dest,
    make_timestamp(60000000 * (sched_dep_minute + case when sched_dep_minute >= summer_from and sched_dep_minute < summer_until then -240 else -300 end)) as sched_dep_local,
    make_timestamptz(60000000 * sched_dep_minute) as sched_dep_utc,
    make_timestamp(60000000 * (dep_minute + case when dep_minute >= summer_from and dep_minute < summer_until then -240 else -300 end)) as dep_local,
    make_timestamptz(60000000 * dep_minute) as dep_utc,
    make_timestamp(60000000 * (sched_arr_minute + case when sched_arr_minute >= summer_from and sched_arr_minute < summer_until then -240 else -300 end)) as sched_arr_local,
    make_timestamptz(60000000 * sched_arr_minute) as sched_arr_utc,
    make_timestamp(60000000 * (arr_minute + case when arr_minute >= summer_from and arr_minute < summer_until then -240 else -300 end)) as arr_local,
    make_timestamptz(60000000 * arr_minute) as arr_utc,
    time_hour as sched_dep_hour_utc,
    dep_delay,
    arr_delay,
    air_time,
    distance,
    dep_time is null as cancelled
from moments
