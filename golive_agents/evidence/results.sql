-- The attempts of some tests up to an instant, outages left out: what tells a culprit.
--
-- grain: one attempt
-- keys: test_id, commit_sha, started_at
-- parameters: $1 project, $2 tests, $3 day, $4 until
-- inputs: core.test_results, marts.build_tests
select
    outcome.test_id,
    outcome.commit_sha,
    outcome.status,
    outcome.started_at
from core.test_results as outcome
left join marts.build_tests as total on outcome.build_id = total.build_id
where
    outcome.project_id = $1
    and outcome.test_id in (select unnest($2))
    and outcome.day between $3::date - 60 and $3::date + 2
    and outcome.started_at <= $4::timestamptz + interval 1 day
    and outcome.commit_sha is not null
    and not coalesce(total.is_outage, false)
order by outcome.started_at
