-- After which commit did a failure end: tests of the main line that pass again with another commit.
--
-- One row for each test and pipeline whose spell of failures a build of the day ended. A spell is the
-- failing builds since the last good one of the 14 days before, by number, the last attempt of a number
-- deciding; it needs two failed attempts that no pass on the same commit contradicts anywhere: what a
-- re-run mends was no defect. signature_id is that of the spell's last failure. bad_sha is its last commit,
-- good_sha the first that passes: the fix is good_sha or a commit between the two, and where builds are
-- rare there may be many. A test that only stopped running has no row.
--
-- grain: project_id, test_id, good_build_id, day
-- keys: project_id, test_id, good_build_id, day
-- inputs: core.test_results, core.builds, core.failures, marts.main_branches
-- refresh: by day, spread 14 days
with
scan_days as (
    select distinct changed.day - back.step::integer as scan_day
    from changed
    cross join range(15) as back (step)
),

suspects as (
    select distinct
        outcome.project_id,
        outcome.test_id
    from core.test_results as outcome
    where
        outcome.day in (select scan_days.scan_day from scan_days)
        and outcome.status in ('failed', 'error')
        and outcome.commit_sha is not null
),

suspect_results as (
    select
        outcome.project_id,
        outcome.test_id,
        outcome.build_id,
        outcome.environment,
        outcome.attempt,
        outcome.day,
        outcome.status,
        outcome.started_at,
        outcome.commit_sha,
        outcome.branch,
        outcome.failure_id
    from core.test_results as outcome
    semi join suspects
        on outcome.project_id = suspects.project_id and outcome.test_id = suspects.test_id
    where outcome.day in (select scan_days.scan_day from scan_days) and outcome.status <> 'skipped'
),

contradicted as (
    select distinct
        project_id,
        test_id,
        commit_sha
    from suspect_results
    where status = 'passed' and commit_sha is not null
),

main_attempts as (
    select
        outcome.project_id,
        outcome.test_id,
        outcome.build_id,
        outcome.environment,
        outcome.attempt,
        outcome.status,
        outcome.started_at,
        outcome.day,
        outcome.commit_sha,
        outcome.failure_id,
        build.pipeline_id,
        build.number,
        build.attempt as build_attempt
    from suspect_results as outcome
    inner join core.builds as build on outcome.build_id = build.build_id
    left join marts.main_branches as main_branch
        on outcome.project_id = main_branch.project_id and outcome.branch = main_branch.branch
    where outcome.branch is null or main_branch.branch is not null
),

environment_verdicts as (
    select
        project_id,
        test_id,
        pipeline_id,
        number,
        build_id,
        environment,
        any_value(commit_sha) as commit_sha,
        min(day) as began_day,
        min(started_at) as began_at,
        any_value(build_attempt) as build_attempt,
        arg_max(status, attempt) as status,
        count(*) filter (where status <> 'passed') as failed_attempts,
        arg_max(failure_id, attempt) filter (where status <> 'passed') as failure_id
    from main_attempts
    group by project_id, test_id, pipeline_id, number, build_id, environment
),

build_verdicts as (
    select
        project_id,
        test_id,
        pipeline_id,
        number,
        build_id,
        any_value(build_attempt) as build_attempt,
        any_value(commit_sha) as commit_sha,
        min(began_day) as began_day,
        min(began_at) as began_at,
        bool_or(status <> 'passed') as is_failing,
        sum(failed_attempts)::bigint as failed_attempts,
        max(failure_id) filter (where status <> 'passed') as failure_id
    from environment_verdicts
    group by project_id, test_id, pipeline_id, number, build_id
),

numbers as (
    select
        project_id,
        test_id,
        pipeline_id,
        number,
        arg_max(build_id, build_attempt) as build_id,
        any_value(commit_sha) as commit_sha,
        arg_max(began_day, build_attempt) as began_day,
        arg_max(began_at, build_attempt) as began_at,
        arg_max(is_failing, build_attempt) as is_failing,
        sum(failed_attempts)::bigint as failed_attempts,
        arg_max(failure_id, build_attempt) filter (where is_failing) as failure_id
    from build_verdicts
    group by project_id, test_id, pipeline_id, number
),

spells as (
    select
        *,
        count(*) filter (where not is_failing) over (
            partition by project_id, test_id, pipeline_id
            order by number
            rows between unbounded preceding and 1 preceding
        ) as spell
    from numbers
),

ended_spells as (
    select
        project_id,
        test_id,
        pipeline_id,
        spell,
        count(*) filter (where is_failing) as failing_builds,
        sum(failed_attempts) filter (where is_failing) as failed_attempts,
        arg_min(build_id, number) filter (where is_failing) as first_bad_build_id,
        arg_max(build_id, number) filter (where is_failing) as bad_build_id,
        arg_max(commit_sha, number) filter (where is_failing) as bad_sha,
        min(began_at) filter (where is_failing) as failing_since_at,
        arg_max(failure_id, number) filter (where is_failing) as failure_id,
        any_value(build_id) filter (where not is_failing) as good_build_id,
        any_value(commit_sha) filter (where not is_failing) as good_sha,
        any_value(began_at) filter (where not is_failing) as fixed_at,
        any_value(began_day) filter (where not is_failing) as fixed_day
    from spells
    group by project_id, test_id, pipeline_id, spell
)

select
    ended.project_id,
    ended.test_id,
    ended.pipeline_id,
    failure.signature_id,
    changed.day,
    ended.fixed_at,
    ended.failing_since_at,
    ended.failing_builds,
    ended.failed_attempts,
    ended.first_bad_build_id,
    ended.bad_build_id,
    ended.bad_sha,
    ended.good_build_id,
    ended.good_sha
from ended_spells as ended
inner join changed on ended.fixed_day = changed.day
inner join core.failures as failure on ended.failure_id = failure.failure_id
anti join contradicted as calm
    on
        ended.project_id = calm.project_id
        and ended.test_id = calm.test_id
        and ended.bad_sha = calm.commit_sha
where ended.failed_attempts >= 2 and ended.good_sha <> ended.bad_sha
