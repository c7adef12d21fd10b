-- Median duration of tests $4 of project $1 on each day from $2 on, as far as known at $3.
--
-- grain: subject_id, day
-- keys: subject_id, day
-- inputs: marts.test_daily
select
    project_id,
    test_id,
    day,
    duration_median_s as seconds,
    runs,
    'test' as subject_kind,
    null::varchar as pipeline_id,
    test_id::varchar as subject_id
from marts.test_daily
where
    project_id = $1
    and day >= $2::date
    and known_at <= $3
    and test_id in (select unnest($4))
    and duration_median_s is not null
