select
    origin,
    time_hour as observed_at,
    temp as temperature,
    dewp as dew_point,
    humid as humidity,
    wind_dir as wind_direction,
    wind_speed,
    wind_gust,
    precip as precipitation,
    pressure,
    visib as visibility,
from weather_csv
