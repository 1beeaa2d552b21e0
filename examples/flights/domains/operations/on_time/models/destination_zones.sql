-- Time zones of all destinations. Four of them are missing in the airports' port: San Juan, Aguadilla and Ponce in
-- Puerto Rico, St Thomas in the Virgin Islands. All four keep Atlantic time the whole year.
-- Source: IANA time zone database, America/Puerto_Rico and its link America/St_Thomas.
select faa, time_zone from airports where time_zone is not null
union all
select faa, time_zone
from (
    values
        ('BQN', 'America/Puerto_Rico'),
        ('PSE', 'America/Puerto_Rico'),
        ('SJU', 'America/Puerto_Rico'),
        ('STT', 'America/St_Thomas')
) as missing (faa, time_zone)
