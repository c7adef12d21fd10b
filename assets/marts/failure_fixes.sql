-- After which commit did a failure end: tests of the main line that pass again with another commit.
--
-- One row for each test and pipeline whose spell of failures a build of the day ended. A number of a pipeline
-- fails a test if the last attempt of its last build does in any environment. A spell is failing numbers with
-- no good one between them within 14 days; it ends with the first of the next five builds of the main line
-- that ran the test and passed it. It needs two failed attempts that no pass on its last commit contradicts
-- anywhere: what a re-run mends was no defect. signature_id is that of the spell's last failure. bad_sha is
-- its last commit, good_sha the first that passes: the fix is good_sha or a commit between the two, and where
-- builds are rare there may be many. A test that only stopped running has no row.
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

main_builds as (
    select
        build.project_id,
        build.build_id,
        build.pipeline_id,
        build.number,
        build.attempt,
        build.commit_sha,
        build.day,
        build.queued_at,
        dense_rank() over (partition by build.pipeline_id order by build.number) as place
    from core.builds as build
    left join marts.main_branches as main_branch
        on build.project_id = main_branch.project_id and build.branch = main_branch.branch
    where
        build.day between
        (select min(scan_days.scan_day) - 1 from scan_days)
        and (select max(scan_days.scan_day) + 1 from scan_days)
        and build.status in ('passed', 'failed', 'error')
        and build.commit_sha is not null
        and (build.branch is null or main_branch.branch is not null)
),

shaken as (
    select distinct
        outcome.test_id,
        build.pipeline_id,
        build.place
    from core.test_results as outcome
    inner join main_builds as build on outcome.build_id = build.build_id
    where
        outcome.day in (select scan_days.scan_day from scan_days)
        and outcome.status in ('failed', 'error')
),

shaken_builds as (
    select
        build.*,
        shaken.test_id
    from shaken
    inner join main_builds as build
        on shaken.pipeline_id = build.pipeline_id and shaken.place = build.place
),

environment_verdicts as (
    select
        build.project_id,
        build.test_id,
        build.pipeline_id,
        build.place,
        build.build_id,
        build.attempt as build_attempt,
        any_value(build.commit_sha) as commit_sha,
        any_value(build.queued_at) as queued_at,
        arg_max(outcome.status, outcome.attempt) as status,
        count(*) filter (where outcome.status <> 'passed') as failed_attempts,
        arg_max(outcome.failure_id, outcome.attempt)
        filter (where outcome.status <> 'passed') as failure_id
    from core.test_results as outcome
    inner join shaken_builds as build
        on outcome.test_id = build.test_id and outcome.build_id = build.build_id
    where outcome.day in (select scan_days.scan_day from scan_days) and outcome.status <> 'skipped'
    group by
        build.project_id, build.test_id, build.pipeline_id, build.place, build.build_id, build.attempt,
        outcome.environment
),

build_verdicts as (
    select
        project_id,
        test_id,
        pipeline_id,
        place,
        build_id,
        build_attempt,
        any_value(commit_sha) as commit_sha,
        any_value(queued_at) as queued_at,
        bool_or(status <> 'passed') as is_failing,
        sum(failed_attempts)::bigint as failed_attempts,
        max(failure_id) filter (where status <> 'passed') as failure_id
    from environment_verdicts
    group by project_id, test_id, pipeline_id, place, build_id, build_attempt
),

numbers as (
    select
        project_id,
        test_id,
        pipeline_id,
        place,
        arg_max(build_id, build_attempt) as build_id,
        any_value(commit_sha) as commit_sha,
        min(queued_at) as queued_at,
        arg_max(is_failing, build_attempt) as is_failing,
        sum(failed_attempts)::bigint as failed_attempts,
        arg_max(failure_id, build_attempt) filter (where is_failing) as failure_id
    from build_verdicts
    group by project_id, test_id, pipeline_id, place
),

failing_numbers as (
    select *
    from numbers
    where is_failing
),

next_places as (
    select
        bad.test_id,
        bad.pipeline_id,
        bad.place,
        build.place as next_place,
        build.build_id
    from failing_numbers as bad
    inner join main_builds as build
        on bad.pipeline_id = build.pipeline_id and build.place between bad.place + 1 and bad.place + 5
),

next_passes as (
    select
        next_place.test_id,
        next_place.pipeline_id,
        next_place.place,
        next_place.next_place,
        next_place.build_id,
        min(outcome.started_at) as passed_at,
        min(outcome.day) as pass_day
    from core.test_results as outcome
    inner join next_places as next_place
        on outcome.test_id = next_place.test_id and outcome.build_id = next_place.build_id
    where outcome.day in (select scan_days.scan_day from scan_days) and outcome.status = 'passed'
    group by
        next_place.test_id, next_place.pipeline_id, next_place.place, next_place.next_place,
        next_place.build_id
),

good_numbers as (
    select
        passed.test_id,
        passed.pipeline_id,
        passed.place,
        min(passed.next_place) as good_place,
        arg_min(passed.build_id, (passed.next_place, passed.passed_at, passed.build_id)) as good_build_id,
        arg_min(passed.passed_at, (passed.next_place, passed.passed_at, passed.build_id)) as fixed_at,
        arg_min(passed.pass_day, (passed.next_place, passed.passed_at, passed.build_id)) as fixed_day
    from next_passes as passed
    anti join failing_numbers as bad
        on
            passed.test_id = bad.test_id
            and passed.pipeline_id = bad.pipeline_id
            and passed.next_place = bad.place
    group by passed.test_id, passed.pipeline_id, passed.place
),

bad_numbers as (
    select
        bad.project_id,
        bad.test_id,
        bad.pipeline_id,
        bad.place,
        bad.build_id,
        bad.commit_sha,
        bad.queued_at,
        bad.failed_attempts,
        bad.failure_id,
        good.good_build_id,
        good.fixed_at,
        good.fixed_day,
        good.good_place is not null and good.good_place < coalesce(
            lead(bad.place) over spells, good.good_place + 1
        ) as is_end
    from failing_numbers as bad
    left join good_numbers as good
        on
            bad.test_id = good.test_id
            and bad.pipeline_id = good.pipeline_id
            and bad.place = good.place
    window spells as (partition by bad.test_id, bad.pipeline_id order by bad.place)
),

spells as (
    select
        *,
        count(*) filter (where is_end) over (
            partition by test_id, pipeline_id
            order by place
            rows between unbounded preceding and 1 preceding
        ) as spell
    from bad_numbers
),

ended_spells as (
    select
        project_id,
        test_id,
        pipeline_id,
        spell,
        count(*) as failing_builds,
        sum(failed_attempts)::bigint as failed_attempts,
        arg_min(build_id, place) as first_bad_build_id,
        arg_max(build_id, place) as bad_build_id,
        arg_max(commit_sha, place) as bad_sha,
        min(queued_at) as failing_since_at,
        arg_max(failure_id, place) as failure_id,
        any_value(good_build_id) filter (where is_end) as good_build_id,
        any_value(fixed_at) filter (where is_end) as fixed_at,
        any_value(fixed_day) filter (where is_end) as fixed_day
    from spells
    group by project_id, test_id, pipeline_id, spell
    having bool_or(is_end) and sum(failed_attempts) >= 2
),

contradicted as (
    select distinct
        outcome.test_id,
        outcome.commit_sha
    from core.test_results as outcome
    semi join ended_spells as ended
        on outcome.test_id = ended.test_id and outcome.commit_sha = ended.bad_sha
    where outcome.day in (select scan_days.scan_day from scan_days) and outcome.status = 'passed'
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
    good.commit_sha as good_sha
from ended_spells as ended
inner join changed on ended.fixed_day = changed.day
inner join main_builds as good on ended.good_build_id = good.build_id
inner join core.failures as failure on ended.failure_id = failure.failure_id
anti join contradicted as calm on ended.test_id = calm.test_id and ended.bad_sha = calm.commit_sha
where good.commit_sha <> ended.bad_sha
