-- Results of subjects $4 of project $1 from day $2 to $3, in order of time: tests.
--
-- grain: subject_id, started_at
-- keys: subject_id, started_at
-- inputs: core.test_results
select
    started_at,
    duration_s,
    commit_sha,
    test_id::varchar as subject_id
from core.test_results
where
    project_id = $1
    and day between $2::date and $3::date
    and test_id in (select unnest($4)::bigint)
    and duration_s is not null
    and started_at is not null
    and status <> 'skipped'
order by subject_id, started_at
