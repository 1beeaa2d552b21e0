-- One row per New York airport, destination and month: how punctual, and how much of it was the weather.
select
    date_trunc('month', departures.flight_date)::date as month,
    departures.origin,
    departures.dest,
    airports.name as destination,
    airports.timezone as destination_timezone,
    count(*) as flights,
    count(*) filter (where departures.cancelled) as cancelled,
    count(*) filter (where departures.dep_delay >= 15) as late_departures,
    count(*) filter (where departures.arr_delay >= 15) as late_arrivals,
    avg(departures.dep_delay) as avg_dep_delay,
    avg(departures.arr_delay) as avg_arr_delay,
    count(*) filter (where departures.weather_known) as flights_with_weather,
    count(*) filter (where departures.bad_weather) as flights_in_bad_weather,
    avg(departures.dep_delay) filter (where departures.bad_weather) as avg_dep_delay_in_bad_weather
from departures_in_weather as departures
left join airports on airports.faa = departures.dest
group by all
order by month, departures.origin, departures.dest
