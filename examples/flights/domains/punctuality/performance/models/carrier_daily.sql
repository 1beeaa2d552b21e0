select
    f.carrier,
    a.name as airline,
    f.flight_date,
    count(*) as flights,
    count(*) filter (where f.cancelled) as cancelled,
    count(*) filter (where f.arr_delay >= 15) as late,
    round(avg(f.dep_delay), 2) as avg_dep_delay,
    round(avg(f.arr_delay), 2) as avg_arr_delay,
    sum(p.seats)::bigint as seats_offered,
from flights f
join airlines a on a.carrier = f.carrier
left join planes p on p.tailnum = f.tailnum
group by f.carrier, a.name, f.flight_date
