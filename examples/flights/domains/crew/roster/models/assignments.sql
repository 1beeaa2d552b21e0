-- SYNTHETIC people, invented by make_crew.py; only the flights they are assigned to are real.
select
    rostered.assignment_id,
    rostered.crew_id,
    rostered.full_name,
    rostered.email,
    rostered.phone,
    rostered.birth_date,
    rostered.duty,
    rostered.carrier,
    rostered.flight,
    rostered.origin,
    flights.dest,
    rostered.flight_date,
    flights.sched_dep_utc
from rostered
join flights using (carrier, flight, origin, flight_date)
