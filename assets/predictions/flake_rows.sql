-- Judged attempts and flakes of each project and day, and when all of that was known.
--
-- grain: project_id, day
-- keys: project_id, day
-- inputs: marts.test_daily
select
    project_id,
    day,
    max(known_at) as known_at,
    sum(trials)::bigint as trials,
    sum(flakes)::bigint as flakes
from marts.test_daily
where day between $1::date and $2::date
group by project_id, day
