-- SYNTHETIC: the people are invented, the flights are real.
select
    assignment_id,
    crew_id,
    full_name,
    email,
    phone,
    birth_date,
    duty,
    carrier,
    flight as flight_number,
    origin,
    flight_date,
from assignments_csv
