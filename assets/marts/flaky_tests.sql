-- Which tests are flaky, how sure is that, on what evidence, and what did they waste in 30 days.
--
-- Tests whose newest verdict is not healthy. wasted_minutes is machine time: the duration of the test's
-- failed attempts, plus re-runs of builds that failed, meaning the next build of the same pipeline and
-- commit, its duration shared equally between the tests that had failed. cost_usd is that time at the
-- project's own rate, the sum of the costs that its builds report over their minutes; null where no build
-- reports a cost. rank orders the flaky ones by wasted time, then the other verdicts.
--
-- grain: project_id, test_id
-- keys: project_id, test_id
-- inputs: marts.test_health, marts.recent_test_days, predictions.flaky, core.test_results, core.builds
-- refresh: window 30 days
with
suspects as (
    select
        verdict.project_id,
        verdict.test_id,
        verdict.verdict,
        verdict.probability,
        verdict.rate,
        verdict.rate_low,
        verdict.rate_high,
        verdict.broken_since_sha,
        verdict.broken_since_at,
        verdict.attempts,
        verdict.failures,
        verdict.flakes,
        verdict.outage_failures,
        verdict.reasons,
        verdict.as_of
    from predictions.flaky as verdict
    where verdict.verdict <> 'healthy'
),

failed_attempts as (
    select
        attempt.project_id,
        attempt.test_id,
        attempt.build_id,
        attempt.duration_s
    from core.test_results as attempt
    inner join marts.recent_test_days as recent
        on attempt.project_id = recent.project_id and attempt.day = recent.day and recent.failures > 0
    where attempt.status in ('failed', 'error')
),

failed_time as (
    select
        project_id,
        test_id,
        coalesce(sum(duration_s), 0) as failed_s
    from failed_attempts
    group by project_id, test_id
),

failing_builds as (
    select
        build_id,
        count(distinct test_id) as tests
    from failed_attempts
    group by build_id
),

recent_builds as (
    select
        build.project_id,
        build.build_id,
        build.status,
        build.duration_s,
        build.cost_usd,
        lag(build.build_id) over same_code as previous_build_id,
        lag(build.status) over same_code as previous_status
    from core.builds as build
    inner join marts.recent_test_days as newest
        on build.project_id = newest.project_id and newest.day = newest.newest_day
    where
        build.day > newest.newest_day - 30
        and build.status in ('passed', 'failed', 'error')
        and build.commit_sha is not null
    window same_code as (
        partition by build.pipeline_id, build.commit_sha, build.branch, build.parameters
        order by build.number, build.attempt
    )
),

reruns as (
    select
        recent.previous_build_id as build_id,
        recent.duration_s / failing.tests as share_s
    from recent_builds as recent
    inner join failing_builds as failing on recent.previous_build_id = failing.build_id
    where recent.previous_status in ('failed', 'error')
),

failed_in_builds as (
    select distinct
        project_id,
        test_id,
        build_id
    from failed_attempts
),

rerun_time as (
    select
        failed.project_id,
        failed.test_id,
        sum(rerun.share_s) as rerun_s
    from failed_in_builds as failed
    inner join reruns as rerun on failed.build_id = rerun.build_id
    group by failed.project_id, failed.test_id
),

rates as (
    select
        build.project_id,
        sum(build.cost_usd) / nullif(sum(build.duration_s) / 60, 0) as usd_per_minute
    from core.builds as build
    inner join marts.recent_test_days as newest
        on build.project_id = newest.project_id and newest.day = newest.newest_day
    where build.day > newest.newest_day - 30 and build.cost_usd is not null
    group by build.project_id
),

costed_suspects as (
    select
        suspect.project_id,
        suspect.test_id,
        suspect.verdict,
        suspect.probability,
        suspect.rate,
        suspect.rate_low,
        suspect.rate_high,
        suspect.broken_since_sha,
        suspect.broken_since_at,
        suspect.attempts,
        suspect.failures,
        suspect.flakes,
        suspect.outage_failures,
        suspect.reasons,
        suspect.as_of,
        (coalesce(failed_time.failed_s, 0) + coalesce(rerun_time.rerun_s, 0)) / 60 as wasted_minutes
    from suspects as suspect
    left join failed_time
        on suspect.project_id = failed_time.project_id and suspect.test_id = failed_time.test_id
    left join rerun_time
        on suspect.project_id = rerun_time.project_id and suspect.test_id = rerun_time.test_id
)

select
    suspect.project_id,
    suspect.test_id,
    health.suite,
    health.class_name,
    health.name,
    health.parameters,
    health.file,
    suspect.verdict,
    suspect.probability,
    suspect.rate,
    suspect.rate_low,
    suspect.rate_high,
    suspect.broken_since_sha,
    suspect.broken_since_at,
    suspect.attempts,
    suspect.failures,
    suspect.flakes,
    suspect.outage_failures,
    suspect.reasons,
    suspect.as_of,
    health.last_status,
    health.last_at,
    health.last_failed_at,
    suspect.wasted_minutes,
    suspect.wasted_minutes * rate.usd_per_minute as cost_usd,
    row_number() over (
        partition by suspect.project_id
        order by
            suspect.verdict = 'flaky' desc,
            suspect.wasted_minutes desc,
            suspect.probability desc,
            suspect.test_id asc
    ) as rank
from costed_suspects as suspect
inner join marts.test_health as health
    on suspect.project_id = health.project_id and suspect.test_id = health.test_id
left join rates as rate on suspect.project_id = rate.project_id
