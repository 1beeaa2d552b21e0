-- One anemometer reading at Newark (1,048 mph) is a fault of the instrument: no surface wind was ever
-- measured above 254 mph. The reading is dropped, the rest of the hour is kept.
select * replace (case when wind_speed <= 254 then wind_speed end as wind_speed)
from readings
