-- In which builds did each failure happen: the failed attempts and tests of a signature in one build.
--
-- One row for each normalised type, message and stack, build and day; a build that runs past midnight has
-- rows on both days. failures counts attempts, tests counts test cases. started_at is the first of them.
--
-- grain: project_id, signature_id, build_id, day
-- keys: project_id, signature_id, build_id, day
-- inputs: core.test_results, core.failures
-- refresh: by day
select
    attempt.project_id,
    failure.signature_id,
    attempt.build_id,
    attempt.day,
    count(*) as failures,
    count(distinct attempt.test_id) as tests,
    min(attempt.started_at) as started_at,
    any_value(attempt.commit_sha) as commit_sha,
    any_value(attempt.branch) as branch
from core.test_results as attempt
inner join core.failures as failure on attempt.failure_id = failure.failure_id
where
    attempt.day in (select changed.day from changed)
    and attempt.status in ('failed', 'error')
group by attempt.project_id, failure.signature_id, attempt.build_id, attempt.day
