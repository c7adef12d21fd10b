-- The attempts of one test case, the newest first.
--
-- grain: project_id, build_id, test_id, environment, attempt
-- keys: project_id, build_id, test_id, environment, attempt
-- inputs: core.test_results, core.failures
-- order: started_at desc, build_id desc, attempt desc
-- required: test int the test case, a test_id of /v1/tests
-- parameter: branch text only attempts on this branch
-- period: day
select
    attempt.project_id,
    attempt.test_id,
    attempt.build_id,
    attempt.attempt,
    attempt.status,
    attempt.duration_s,
    attempt.started_at,
    attempt.commit_sha,
    attempt.branch,
    attempt.environment,
    attempt.failure_id,
    failure.type,
    failure.message
from core.test_results as attempt
left join core.failures as failure on attempt.failure_id = failure.failure_id
where
    attempt.test_id = $test
    and attempt.day between $first and $last
    and ($project::varchar is null or attempt.project_id = $project)
    and ($branch::varchar is null or attempt.branch = $branch)
