-- Which tests does each failure concern: failed attempts of a test with a signature in the last 30 days.
--
-- The window is the 30 days up to the project's newest day with results. failures counts attempts, builds
-- the builds that had one. share_of_test is the part of the test's failed attempts that have it.
--
-- grain: project_id, signature_id, test_id
-- keys: project_id, signature_id, test_id
-- inputs: marts.recent_test_days, core.test_results, core.failures
-- refresh: window 30 days
with
failed_attempts as (
    select
        attempt.project_id,
        attempt.test_id,
        attempt.build_id,
        attempt.started_at,
        failure.signature_id
    from core.test_results as attempt
    inner join marts.recent_test_days as recent
        on attempt.project_id = recent.project_id and attempt.day = recent.day and recent.failures > 0
    inner join core.failures as failure on attempt.failure_id = failure.failure_id
    where attempt.status in ('failed', 'error')
)

select
    project_id,
    signature_id,
    test_id,
    count(*) as failures,
    count(distinct build_id) as builds,
    min(started_at) as first_at,
    max(started_at) as last_at,
    count(*) / sum(count(*)) over (partition by project_id, test_id) as share_of_test
from failed_attempts
group by project_id, signature_id, test_id
