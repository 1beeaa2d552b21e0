select
    faa,
    name,
    lat as latitude,
    lon as longitude,
    alt as altitude,
    tz as utc_offset,
    dst as dst_rule,
    tzone as time_zone,
from airports_csv
