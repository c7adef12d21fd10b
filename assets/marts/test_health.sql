-- How each test fares in the last 30 days: attempts, failures, durations, and since when it fails.
--
-- The window is the 30 days up to the project's newest day with results. Counts are attempts; failed
-- includes errors; failure_rate is failed / (passed + failed), null for a test that was only skipped.
-- median_duration_s is the median of the days' medians, weighted by attempts.
--
-- failing_since_* is about the main line: default branches, results that name no branch, and where no
-- default branch is known the branch with most builds. A build fails a test if the last attempt in any
-- environment failed; skipped attempts say nothing. A re-run of a build replaces its verdict and stays in
-- its place. failing_since is the first failing build after the last good one, consecutive_failures the
-- failing builds since. Where a test has no good build in the
-- window but was seen before it, the beginning is unknown and failing_since_* is null. The author comes
-- from the repository, null where the commit is unknown.
--
-- grain: project_id, test_id
-- keys: project_id, test_id
-- inputs: marts.test_daily, marts.recent_test_days, marts.main_branches
-- inputs: core.tests, core.test_results, core.builds, core.commits
-- refresh: window 30 days
with
daily_evidence as (
    select
        daily.project_id,
        daily.test_id,
        daily.day,
        daily.runs,
        daily.passed,
        daily.skipped,
        daily.duration_total_s,
        daily.duration_median_s,
        daily.retry_passes,
        daily.mixed_commits,
        daily.flips,
        daily.last_status,
        daily.last_at,
        daily.failed + daily.errored as failures
    from marts.test_daily as daily
    inner join marts.recent_test_days as recent
        on daily.project_id = recent.project_id and daily.day = recent.day
),

totals as (
    select
        project_id,
        test_id,
        sum(runs)::bigint as runs,
        sum(passed)::bigint as passed,
        sum(failures)::bigint as failed,
        sum(skipped)::bigint as skipped,
        sum(duration_total_s) as total_duration_s,
        sum(retry_passes)::bigint as retry_passes,
        sum(mixed_commits)::bigint as mixed_commits,
        sum(flips)::bigint as flips,
        arg_max(last_status, last_at) as last_status,
        max(last_at) as last_at,
        min(day) as first_day
    from daily_evidence
    group by project_id, test_id
),

weighted_medians as (
    select
        project_id,
        test_id,
        duration_median_s,
        sum(runs) over (
            partition by project_id, test_id order by duration_median_s, day rows unbounded preceding
        ) as runs_so_far,
        sum(runs) over (partition by project_id, test_id) as runs_in_all
    from daily_evidence
    where duration_median_s is not null
),

medians as (
    select
        project_id,
        test_id,
        min(duration_median_s) as median_duration_s
    from weighted_medians
    where 2 * runs_so_far >= runs_in_all
    group by project_id, test_id
),

suspects as (
    select
        project_id,
        test_id
    from totals
    where failed > 0
),

suspect_results as (
    select
        outcome.project_id,
        outcome.test_id,
        outcome.build_id,
        outcome.environment,
        outcome.attempt,
        outcome.status,
        outcome.started_at,
        outcome.commit_sha,
        outcome.branch
    from core.test_results as outcome
    inner join marts.recent_test_days as recent
        on outcome.project_id = recent.project_id and outcome.day = recent.day
    semi join suspects
        on outcome.project_id = suspects.project_id and outcome.test_id = suspects.test_id
    where outcome.status <> 'skipped'
),

last_failures as (
    select
        project_id,
        test_id,
        max(started_at) as last_failed_at
    from suspect_results
    where status in ('failed', 'error')
    group by project_id, test_id
),

main_results as (
    select
        outcome.project_id,
        outcome.test_id,
        outcome.build_id,
        outcome.environment,
        outcome.attempt,
        outcome.status,
        outcome.started_at,
        outcome.commit_sha
    from suspect_results as outcome
    left join marts.main_branches as main_branch
        on outcome.project_id = main_branch.project_id and outcome.branch = main_branch.branch
    where outcome.branch is null or main_branch.branch is not null
),

environment_verdicts as (
    select
        project_id,
        test_id,
        build_id,
        environment,
        arg_max(status, attempt) as status,
        min(started_at) as began_at,
        any_value(commit_sha) as commit_sha
    from main_results
    group by project_id, test_id, build_id, environment
),

build_verdicts as (
    select
        verdict.project_id,
        verdict.test_id,
        verdict.build_id,
        any_value(verdict.commit_sha) as commit_sha,
        min(verdict.began_at) as began_at,
        any_value(coalesce(build.pipeline_id, verdict.build_id)) as pipeline_id,
        any_value(coalesce(build.number, 0)) as number,
        any_value(coalesce(build.attempt, 1)) as attempt,
        bool_or(verdict.status <> 'passed') as is_failing
    from environment_verdicts as verdict
    left join core.builds as build on verdict.build_id = build.build_id
    group by verdict.project_id, verdict.test_id, verdict.build_id
),

number_verdicts as (
    select
        project_id,
        test_id,
        pipeline_id,
        number,
        min(began_at) as began_at,
        arg_max(is_failing, attempt) as is_failing,
        arg_min(build_id, attempt) filter (where is_failing) as build_id,
        any_value(commit_sha) as commit_sha
    from build_verdicts
    group by project_id, test_id, pipeline_id, number
),

good_numbers as (
    select
        project_id,
        test_id,
        max(began_at) as began_at
    from number_verdicts
    where not is_failing
    group by project_id, test_id
),

failing_spells as (
    select
        verdict.project_id,
        verdict.test_id,
        count(*) as builds,
        any_value(good.began_at) as last_good_at,
        min(verdict.began_at) as began_at,
        arg_min(verdict.build_id, (verdict.began_at, verdict.build_id)) as build_id,
        arg_min(
            coalesce(verdict.commit_sha, ''), (verdict.began_at, verdict.build_id)
        ) as commit_sha
    from number_verdicts as verdict
    left join good_numbers as good
        on verdict.project_id = good.project_id and verdict.test_id = good.test_id
    where verdict.is_failing and (good.began_at is null or verdict.began_at > good.began_at)
    group by verdict.project_id, verdict.test_id
),

known_beginnings as (
    select
        spell.project_id,
        spell.test_id,
        spell.build_id,
        spell.began_at,
        nullif(spell.commit_sha, '') as commit_sha
    from failing_spells as spell
    inner join core.tests as test on spell.test_id = test.test_id
    inner join marts.recent_test_days as newest
        on spell.project_id = newest.project_id and newest.day = newest.newest_day
    where
        spell.last_good_at is not null
        or test.first_seen_at is null
        or (test.first_seen_at at time zone 'UTC')::date > newest.newest_day - 30
),

culprits as (
    select
        entry.project_id,
        entry.sha,
        any_value(entry.author_name) as author
    from core.commits as entry
    where entry.sha in (select beginning.commit_sha from known_beginnings as beginning)
    group by entry.project_id, entry.sha
)

select
    total.project_id,
    total.test_id,
    test.suite,
    test.class_name,
    test.name,
    test.parameters,
    test.file,
    total.runs,
    total.passed,
    total.failed,
    total.skipped,
    total.last_status,
    total.last_at,
    last_failure.last_failed_at,
    test.first_seen_at,
    median.median_duration_s,
    total.total_duration_s,
    beginning.began_at as failing_since_at,
    beginning.build_id as failing_since_build_id,
    beginning.commit_sha as failing_since_commit_sha,
    culprit.author as failing_since_author,
    total.retry_passes,
    total.mixed_commits,
    total.flips,
    total.failed / nullif(total.passed + total.failed, 0) as failure_rate,
    coalesce(spell.builds, 0) as consecutive_failures
from totals as total
left join core.tests as test on total.test_id = test.test_id
left join medians as median
    on total.project_id = median.project_id and total.test_id = median.test_id
left join last_failures as last_failure
    on total.project_id = last_failure.project_id and total.test_id = last_failure.test_id
left join failing_spells as spell
    on total.project_id = spell.project_id and total.test_id = spell.test_id
left join known_beginnings as beginning
    on total.project_id = beginning.project_id and total.test_id = beginning.test_id
left join culprits as culprit
    on beginning.project_id = culprit.project_id and beginning.commit_sha = culprit.sha
