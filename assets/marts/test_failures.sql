-- Which test cases failed in which builds: the few rows behind causes, co-failures and costs of flakes.
--
-- One row for each test case that failed in a build on a day. failures counts failed attempts; has_passed
-- means that a later attempt in the same build passed, so that the failure did not fail the build;
-- failure_id is that of the last failed attempt that has one. is_outage is the build's (marts.build_tests).
--
-- grain: project_id, build_id, test_id, day
-- keys: project_id, build_id, test_id, day
-- inputs: core.test_results, marts.build_tests
-- refresh: by day, spread 8 days
with
failed as (
    select
        project_id,
        build_id,
        test_id,
        day,
        count(*) as failures,
        min(attempt) as first_failed,
        arg_max(failure_id, attempt) as failure_id
    from core.test_results
    where status in ('failed', 'error') and day in (select changed.day from changed)
    group by project_id, build_id, test_id, day
),

passed_again as (
    select
        build_id,
        test_id,
        max(attempt) as last_passed
    from core.test_results
    where status = 'passed' and attempt > 1 and day in (select changed.day from changed)
    group by build_id, test_id
)

select
    failed.project_id,
    failed.build_id,
    failed.test_id,
    failed.day,
    failed.failures,
    failed.failure_id,
    coalesce(again.last_passed > failed.first_failed, false) as has_passed,
    coalesce(total.is_outage, false) as is_outage
from failed
left join passed_again as again on failed.build_id = again.build_id and failed.test_id = again.test_id
left join marts.build_tests as total on failed.build_id = total.build_id
