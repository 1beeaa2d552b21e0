-- The register gives the year of manufacture, and a cruising speed (mph) for a handful of old aircraft only.
select
    tailnum,
    year as year_built,
    type,
    manufacturer,
    model,
    engines,
    seats,
    speed as cruising_speed_mph,
    engine
from registered
