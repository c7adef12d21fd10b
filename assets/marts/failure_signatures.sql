-- Which distinct failures happen, how often, since when: new, known, or back after a silence.
--
-- One row for each normalised type, message and stack that failed in the 30 days up to the project's
-- newest day with results. failures counts attempts. first_seen_at looks beyond the window; is_new means
-- that it is in the last 3 days of the project's results; is_back that it was known, silent for 7 days or
-- more, and came back in the last 3 days. first_commit_sha is null where the first failure lies outside
-- the window or names no commit. The example is the newest failure.
--
-- grain: project_id, signature_id
-- keys: project_id, signature_id
-- inputs: marts.recent_test_days, core.test_results, core.failures
-- refresh: window 30 days
with
failed_attempts as (
    select
        attempt.project_id,
        attempt.test_id,
        attempt.build_id,
        attempt.attempt,
        attempt.started_at,
        attempt.commit_sha,
        attempt.failure_id,
        failure.signature_id
    from core.test_results as attempt
    inner join marts.recent_test_days as recent
        on attempt.project_id = recent.project_id and attempt.day = recent.day and recent.failures > 0
    inner join core.failures as failure on attempt.failure_id = failure.failure_id
    where attempt.status in ('failed', 'error')
),

spaced_attempts as (
    select
        project_id,
        signature_id,
        started_at,
        started_at - lag(started_at) over (
            partition by project_id, signature_id order by started_at
        ) as silence
    from failed_attempts
),

returns as (
    select
        project_id,
        signature_id,
        max(started_at) as returned_at
    from spaced_attempts
    where silence >= interval 7 days
    group by project_id, signature_id
),

known_since as (
    select
        signature_id,
        min(first_seen_at) as first_seen_at
    from core.failures
    group by signature_id
),

groups as (
    select
        project_id,
        signature_id,
        count(*) as failures,
        count(distinct test_id) as tests,
        count(distinct build_id) as builds,
        min(started_at) as first_in_window_at,
        max(started_at) as last_seen_at,
        arg_max(test_id, (started_at, build_id, attempt)) as example_test_id,
        arg_max(build_id, (started_at, build_id, attempt)) as example_build_id,
        arg_max(failure_id, (started_at, build_id, attempt)) as example_failure_id,
        arg_min(coalesce(commit_sha, ''), (started_at, build_id, attempt)) as first_commit_sha
    from failed_attempts
    group by project_id, signature_id
),

dated_groups as (
    select
        grouped.project_id,
        grouped.signature_id,
        grouped.failures,
        grouped.tests,
        grouped.builds,
        grouped.last_seen_at,
        grouped.example_test_id,
        grouped.example_build_id,
        grouped.example_failure_id,
        newest.newest_at,
        returned.returned_at,
        least(grouped.first_in_window_at, known.first_seen_at) as first_seen_at,
        case
            when known.first_seen_at is null or known.first_seen_at >= grouped.first_in_window_at
                then nullif(grouped.first_commit_sha, '')
        end as first_commit_sha,
        case
            when known.first_seen_at < grouped.first_in_window_at - interval 7 days
                then grouped.first_in_window_at
        end as returned_from_before_at
    from groups as grouped
    inner join marts.recent_test_days as newest
        on grouped.project_id = newest.project_id and newest.day = newest.newest_day
    left join known_since as known on grouped.signature_id = known.signature_id
    left join returns as returned
        on
            grouped.project_id = returned.project_id
            and grouped.signature_id = returned.signature_id
)

select
    dated.project_id,
    dated.signature_id,
    example.type,
    example.message,
    dated.failures,
    dated.tests,
    dated.builds,
    dated.first_seen_at,
    dated.last_seen_at,
    dated.example_test_id,
    dated.example_build_id,
    dated.example_failure_id,
    dated.first_commit_sha,
    left(example.signature, 2000) as signature,
    date_diff('day', dated.first_seen_at, dated.newest_at) as age_days,
    dated.first_seen_at >= dated.newest_at - interval 3 days as is_new,
    dated.first_seen_at < dated.newest_at - interval 3 days
    and coalesce(
        greatest(dated.returned_at, dated.returned_from_before_at)
        >= dated.newest_at - interval 3 days,
        false
    ) as is_back
from dated_groups as dated
left join core.failures as example on dated.example_failure_id = example.failure_id
