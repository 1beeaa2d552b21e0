-- Clock readings such as 517 (5:17) and 2400 (midnight at the end of the day) become minutes of the day, and
-- moments become minutes since 1970-01-01 00:00 UTC, so that the arithmetic on them is exact and cheap.
-- `time_hour` is the full hour of the scheduled departure; a delay is true minutes, across a change of clocks too.
select
    *,
    epoch_us(time_hour) // 60000000 + minute as sched_dep_minute,
    epoch_us(time_hour) // 60000000 + minute + dep_delay as dep_minute,
    sched_arr_time // 100 * 60 + sched_arr_time % 100 as sched_arr_clock,
    arr_time // 100 * 60 + arr_time % 100 as arr_clock
from reported
