-- Each flight with the weather at its airport in the hour of its scheduled departure; null where no reading exists.
select
    flights.*,
    hourly.time_hour is not null as weather_known,
    hourly.visibility_mi < 3 or hourly.wind_speed_mph >= 25 or hourly.precipitation_in >= 0.1 as bad_weather
from flights
left join hourly on hourly.origin = flights.origin and hourly.time_hour = flights.sched_dep_hour_utc
