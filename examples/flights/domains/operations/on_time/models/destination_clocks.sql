-- How each destination's clock stood to UTC in 2013: its offset in minutes in standard and in summer
-- time, and between which minutes (counted from 1970-01-01 00:00 UTC) summer time was in force.
-- All destinations lie in the United States, where a zone that changes its clock at all does so on the
-- second Sunday in March and the first Sunday in November at 2:00 local time (15 U.S.C. § 260a);
-- the offsets themselves come from the IANA time zone database that the engine carries.
with zones as (
    select faa as dest, timezone as zone
    from airports
    where timezone is not null
    union all
    -- Four destinations are missing from the reference. Their zones: IANA time zone database 2013i, file
    -- `zone.tab` (PR for Aguadilla, Ponce and San Juan; VI for Charlotte Amalie, St. Thomas).
    values
        ('BQN', 'America/Puerto_Rico'),
        ('PSE', 'America/Puerto_Rico'),
        ('SJU', 'America/Puerto_Rico'),
        ('STT', 'America/St_Thomas')
),

clocks as (
    select
        zone,
        epoch(timezone(zone, timestamptz '2013-01-15 00:00:00+00') - timestamp '2013-01-15')::bigint // 60 as standard,
        epoch(timezone(zone, timestamptz '2013-07-15 00:00:00+00') - timestamp '2013-07-15')::bigint // 60 as summer
    from (select distinct zone from zones)
)

select
    dest,
    zone,
    standard,
    summer,
    epoch(timestamp '2013-03-10 02:00:00')::bigint // 60 - standard as summer_from,
    epoch(timestamp '2013-11-03 02:00:00')::bigint // 60 - summer as summer_until
from zones
join clocks using (zone)
