select
    f.origin as airport,
    a.name as airport_name,
    f.flight_date,
    count(*) as flights,
    count(*) filter (where f.cancelled) as cancelled,
    count(*) filter (where f.dep_delay >= 15) as delayed,
    round(avg(f.dep_delay), 2) as avg_dep_delay,
    w.worst_visibility,
    w.strongest_gust,
    round(w.precipitation, 2) as precipitation,
from flights f
join airports a on a.faa = f.origin
left join daily_weather w on w.origin = f.origin and w.day = f.flight_date
group by f.origin, a.name, f.flight_date, w.worst_visibility, w.strongest_gust, w.precipitation
