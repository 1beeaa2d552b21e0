-- An airline reports an arrival by what the clock at the destination shows, without the day. It happened at the
-- first moment after departure at which that clock showed this time. `1440 - (…) % 1440` is the way of the hands
-- from the destination's time at departure to the time reported, 1 to 1440 minutes; it is reckoned once in
-- standard and once in summer time, and what agrees with the time then in force counts.
-- A time that the change in March skipped is read on the clock not yet changed: B6 35 of 9 March left New York at
-- 23:06 for West Palm Beach, reported 2:03 and an arrival 89 minutes late, which is 3:03 by the changed clock.
with reckoned as (
    select
        cleaned.*,
        summer_from,
        summer_until,
        sched_dep_minute + 1440 - (sched_dep_minute + standard - sched_arr_clock) % 1440 as sched_arr_standard,
        sched_dep_minute + 1440 - (sched_dep_minute + summer - sched_arr_clock) % 1440 as sched_arr_summer,
        dep_minute + 1440 - (dep_minute + standard - arr_clock) % 1440 as arr_standard,
        dep_minute + 1440 - (dep_minute + summer - arr_clock) % 1440 as arr_summer
    from cleaned
    join destination_clocks using (dest)
)

select
    * exclude (summer_from, summer_until, sched_arr_standard, sched_arr_summer, arr_standard, arr_summer),
    coalesce(
        least(
            case when sched_arr_standard < summer_from or sched_arr_standard >= summer_until then sched_arr_standard end,
            case when sched_arr_summer >= summer_from and sched_arr_summer < summer_until then sched_arr_summer end
        ),
        sched_arr_standard
    ) as sched_arr_minute,
    coalesce(
        least(
            case when arr_standard < summer_from or arr_standard >= summer_until then arr_standard end,
            case when arr_summer >= summer_from and arr_summer < summer_until then arr_summer end
        ),
        arr_standard
    ) as arr_minute
from reckoned
