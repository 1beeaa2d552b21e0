select
    tailnum,
    year as year_built,
    type,
    manufacturer,
    model,
    engines,
    seats,
    speed as cruising_speed,
    engine,
from planes_csv
