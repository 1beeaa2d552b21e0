-- The worst of each day at each airport.
select
    origin,
    (observed_at at time zone 'America/New_York')::date as day,
    min(visibility) as worst_visibility,
    max(wind_gust) as strongest_gust,
    sum(precipitation) as precipitation,
from weather
group by origin, day
