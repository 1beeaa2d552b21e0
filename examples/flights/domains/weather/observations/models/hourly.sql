select
    origin,
    time_hour,
    make_timestamp(year, month, day, hour, 0, 0) as local_hour,
    temp as temperature_f,
    dewp as dew_point_f,
    humid as relative_humidity,
    wind_dir as wind_direction,
    wind_speed as wind_speed_mph,
    wind_gust as wind_gust_mph,
    precip as precipitation_in,
    pressure as pressure_mbar,
    visib as visibility_mi
from cleaned
