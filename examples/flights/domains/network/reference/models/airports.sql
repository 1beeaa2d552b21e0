select
    faa,
    name,
    lat as latitude,
    lon as longitude,
    alt as altitude_ft,
    tz as utc_offset_hours,
    dst as dst_rule,
    tzone as timezone
from airport_list
