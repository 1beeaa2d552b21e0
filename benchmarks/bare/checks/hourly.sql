-- What the contract of hourly promises, as counts of rows that break it: every number is 0.
select
    count(*) filter (where origin is null or time_hour is null) as key_null,
    count(*) filter (where origin not in ('EWR', 'JFK', 'LGA')) as new_york,
    count(*) filter (where time_hour < timestamptz '2013-01-01T00:00:00Z' or time_hour > timestamptz '2014-01-01T05:00:00Z') as time_hour_range,
    count(*) filter (where local_hour is null) as local_hour_null,
    count(*) filter (where temperature_f < -20 or temperature_f > 110) as temperature_f_range,
    (100.0 * count(*) filter (where temperature_f is null) / count(*) > 0.01)::int as temperature_f_known,
    count(*) filter (where dew_point_f < -30 or dew_point_f > 90) as dew_point_f_range,
    (100.0 * count(*) filter (where dew_point_f is null) / count(*) > 0.01)::int as dew_point_f_known,
    count(*) filter (where relative_humidity < 0 or relative_humidity > 100) as relative_humidity_range,
    (100.0 * count(*) filter (where relative_humidity is null) / count(*) > 0.01)::int as relative_humidity_known,
    count(*) filter (where wind_direction < 0 or wind_direction > 360 or wind_direction % 10 <> 0) as wind_direction_range,
    (100.0 * count(*) filter (where wind_direction is null) / count(*) > 1.77)::int as wind_direction_known,
    count(*) filter (where wind_speed_mph < 0 or wind_speed_mph > 254) as wind_speed_mph_range,
    (100.0 * count(*) filter (where wind_speed_mph is null) / count(*) > 0.02)::int as wind_speed_mph_known,
    count(*) filter (where wind_gust_mph < 0 or wind_gust_mph > 254) as wind_gust_mph_range,
    (100.0 * count(*) filter (where wind_gust_mph is null) / count(*) > 79.57)::int as wind_gust_mph_known,
    count(*) filter (where precipitation_in is null) as precipitation_in_null,
    count(*) filter (where precipitation_in < 0 or precipitation_in > 5) as precipitation_in_range,
    count(*) filter (where pressure_mbar < 900 or pressure_mbar > 1085) as pressure_mbar_range,
    (100.0 * count(*) filter (where pressure_mbar is null) / count(*) > 10.45)::int as pressure_mbar_known,
    count(*) filter (where visibility_mi is null) as visibility_mi_null,
    count(*) filter (where visibility_mi < 0 or visibility_mi > 10) as visibility_mi_range,
    (count(*) <> 26115)::int as row_count,
    (max(time_hour) < timestamptz '2014-01-01T05:00:00Z' - interval 2 day)::int as freshness,
    count(*) filter (where time_hour < timestamptz '2014-01-01T05:00:00Z' - interval 2 year) as retention
from hourly;

select count(*) as columns_and_types
from (
    values
        ('origin', 'VARCHAR'),
        ('time_hour', 'TIMESTAMP WITH TIME ZONE'),
        ('local_hour', 'TIMESTAMP'),
        ('temperature_f', 'DOUBLE'),
        ('dew_point_f', 'DOUBLE'),
        ('relative_humidity', 'DOUBLE'),
        ('wind_direction', 'INTEGER'),
        ('wind_speed_mph', 'DOUBLE'),
        ('wind_gust_mph', 'DOUBLE'),
        ('precipitation_in', 'DOUBLE'),
        ('pressure_mbar', 'DOUBLE'),
        ('visibility_mi', 'DOUBLE')
) as wanted(column_name, column_type)
anti join (describe hourly) using (column_name, column_type);

select count(*) - count(distinct hash(origin, time_hour)) as key_twice from hourly;

select count(*) from hourly where dew_point_f > temperature_f;

select count(*) from hourly where wind_gust_mph < wind_speed_mph;
