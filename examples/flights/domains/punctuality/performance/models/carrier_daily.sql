-- One row per airline and day. A flight is late from 15 minutes on, as the US Department of Transportation counts.
select
    flights.flight_date,
    flights.carrier,
    airlines.name as airline,
    count(*) as flights,
    count(*) filter (where flights.cancelled) as cancelled,
    count(flights.arr_delay) as completed,
    count(*) filter (where flights.dep_delay >= 15) as late_departures,
    count(*) filter (where flights.arr_delay >= 15) as late_arrivals,
    avg(flights.dep_delay) as avg_dep_delay,
    avg(flights.arr_delay) as avg_arr_delay,
    max(flights.arr_delay) as worst_arr_delay,
    count(planes.tailnum) as flights_of_known_planes,
    sum(planes.seats) filter (where not flights.cancelled)::bigint as seats_flown
from flights
join airlines using (carrier)
left join planes using (tailnum)
group by flights.flight_date, flights.carrier, airlines.name
order by flights.flight_date, flights.carrier
