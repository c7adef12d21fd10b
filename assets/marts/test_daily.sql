-- What each test case did on each day, and what that says about flakiness: counts of attempts and the
-- evidence that the models behind predictions.* learn from. A row of day D knows nothing of later days, so
-- that the past can be scored as it was.
--
-- Counts are of attempts that ran on the day: runs (without skipped ones), passed, failed, errored, skipped;
-- retry_passes are test cases that failed and then passed within one build; outage_failures are failed
-- attempts in an outage (marts.build_tests).
--
-- Evidence is booked on the day on which a failure could first be judged: the build had retries, its commit
-- was built again by the same pipeline within 7 days, or it lies between two builds of its pipeline and
-- branch (14 days at most). Outages are left out of all of it. trials are the judged attempts that passed or
-- flaked; flakes are failed attempts that a pass contradicts: in a retry, in another build of the commit, or
-- on both sides (flips counts the builds of the last kind; if all attempts of such a build failed, one
-- counts, since they may be a regression that was mended at once). lasting_failures are judged and not
-- contradicted: the test was broken. mixed_commits are commits that passed and failed in one pipeline and
-- environment.
--
-- last_passed_at, failing_since_at, failing_since_sha and failing_attempts are of the main line (default
-- branches, builds that name no branch, and where no default branch is known the branch with most builds) in
-- the order of code: the time of a re-run is that of the first attempt. failing_* speak of the time after the
-- day's last pass; failing_attempts leaves outages out. first_status and last_status are of the day's first
-- and last attempt, the first one that was not skipped. A row without runs holds evidence only. known_at is
-- the newest time that the row knows of.
--
-- grain: project_id, test_id, day
-- keys: project_id, test_id, day
-- inputs: core.test_results, core.builds, marts.build_tests, marts.main_branches
-- refresh: by day, spread 21 days
with
scan_days as (
    select distinct changed.day - back.step::integer as scan_day
    from changed
    cross join range(15) as back (step)
),

first_attempts as (
    select
        pipeline_id,
        number,
        min(queued_at) as code_at
    from core.builds
    group by pipeline_id, number
),

builds as (
    select
        total.project_id,
        total.build_id,
        total.day,
        total.has_retries,
        total.is_outage,
        build.pipeline_id,
        build.number,
        build.attempt,
        build.commit_sha,
        original.code_at,
        coalesce(build.branch, '') as branch,
        build.branch is null or trunk.branch is not null as is_main
    from marts.build_tests as total
    inner join core.builds as build on total.build_id = build.build_id
    inner join first_attempts as original
        on build.pipeline_id = original.pipeline_id and build.number = original.number
    left join marts.main_branches as trunk
        on build.project_id = trunk.project_id and build.branch = trunk.branch
    where
        total.day between (select min(changed.day) - 21 from changed)
        and (select max(changed.day) from changed)
),

sound_builds as (
    select *
    from builds
    where not is_outage
),

lines as (
    select
        build_id,
        day,
        lag(build_id) over line as earlier_id,
        lag(day) over line as earlier_day,
        lead(build_id) over line as later_id,
        lead(day) over line as later_day
    from sound_builds
    where attempt = 1
    window line as (partition by project_id, pipeline_id, branch order by number)
),

neighbours as (
    select
        build_id,
        earlier_id,
        later_id,
        greatest(earlier_day, day, later_day) as closing_day
    from lines
    where abs(later_day - earlier_day) <= 14
),

siblings as (
    select
        build.build_id,
        sibling.build_id as sibling_id,
        greatest(build.day, sibling.day) as closing_day
    from sound_builds as build
    inner join sound_builds as sibling
        on
            build.project_id = sibling.project_id
            and build.pipeline_id = sibling.pipeline_id
            and build.commit_sha = sibling.commit_sha
            and build.build_id != sibling.build_id
            and abs(build.day - sibling.day) <= 7
),

closing_days as (
    select
        build_id,
        day as closing_day
    from sound_builds
    where has_retries
    union all
    select
        build_id,
        closing_day
    from siblings
    union all
    select
        build_id,
        closing_day
    from neighbours
),

judged_builds as (
    select
        build_id,
        min(closing_day) as judged_day
    from closing_days
    group by build_id
),

judged_passes as (
    select
        result.project_id,
        result.test_id,
        changed.day,
        count(*) as passes
    from core.test_results as result
    inner join judged_builds as judged on result.build_id = judged.build_id
    inner join changed on greatest(result.day, judged.judged_day) = changed.day
    where result.status = 'passed' and result.day in (select scan_days.scan_day from scan_days)
    group by result.project_id, result.test_id, changed.day
),

failing_units as (
    select
        result.project_id,
        result.test_id,
        result.build_id,
        result.environment,
        build.pipeline_id,
        build.commit_sha,
        judged.judged_day as build_judged_day,
        max(result.day) as failed_day,
        min(result.attempt) as first_failing,
        count(*) as failures
    from core.test_results as result
    inner join sound_builds as build on result.build_id = build.build_id
    left join judged_builds as judged on result.build_id = judged.build_id
    where
        result.status in ('failed', 'error')
        and result.day in (select scan_days.scan_day from scan_days)
    group by all
),

partners as (
    select
        build_id,
        build_id as partner_id,
        'retry' as kind
    from sound_builds
    union all
    select
        build_id,
        sibling_id as partner_id,
        'sibling' as kind
    from siblings
    union all
    select
        build_id,
        earlier_id as partner_id,
        'earlier' as kind
    from neighbours
    union all
    select
        build_id,
        later_id as partner_id,
        'later' as kind
    from neighbours
),

partner_passes as (
    select
        unit.test_id,
        unit.build_id,
        unit.environment,
        min(result.day) filter (
            where partner.kind = 'retry' and result.attempt > unit.first_failing
        ) as retry_day,
        min(result.day) filter (where partner.kind = 'sibling') as sibling_day,
        min(result.day) filter (where partner.kind = 'earlier') as earlier_day,
        min(result.day) filter (where partner.kind = 'later') as later_day
    from failing_units as unit
    inner join partners as partner on unit.build_id = partner.build_id
    inner join core.test_results as result
        on
            partner.partner_id = result.build_id
            and unit.test_id = result.test_id
            and unit.environment = result.environment
            and result.status = 'passed'
    where result.day in (select scan_days.scan_day from scan_days)
    group by unit.test_id, unit.build_id, unit.environment
),

units as (
    select
        unit.project_id,
        unit.test_id,
        unit.pipeline_id,
        unit.environment,
        unit.commit_sha,
        unit.failures,
        case
            when unit.build_judged_day is not null
                then greatest(unit.failed_day, unit.build_judged_day)
        end as judged_day,
        case
            when passes.retry_day is not null or passes.sibling_day is not null
                then greatest(unit.failed_day, least(passes.retry_day, passes.sibling_day))
        end as mixed_day,
        case
            when passes.earlier_day is not null and passes.later_day is not null
                then greatest(unit.failed_day, passes.earlier_day, passes.later_day)
        end as flip_day
    from failing_units as unit
    left join partner_passes as passes
        on
            unit.test_id = passes.test_id
            and unit.build_id = passes.build_id
            and unit.environment = passes.environment
),

judged_units as (
    select
        unit.project_id,
        unit.test_id,
        changed.day,
        unit.failures,
        coalesce(unit.flip_day <= changed.day, false) as is_flip,
        coalesce(unit.mixed_day <= changed.day, false) as is_mixed,
        coalesce(least(unit.mixed_day, unit.flip_day) <= changed.day, false) as is_flake
    from units as unit
    inner join changed on unit.judged_day = changed.day
),

contradictions as (
    select distinct
        project_id,
        test_id,
        pipeline_id,
        environment,
        commit_sha,
        mixed_day
    from units
    where commit_sha is not null and mixed_day is not null
),

new_contradictions as (
    select
        project_id,
        test_id,
        commit_sha,
        mixed_day
    from contradictions
    qualify
        coalesce(
            mixed_day - lag(mixed_day) over (
                partition by project_id, test_id, pipeline_id, environment, commit_sha
                order by mixed_day
            ) > 7,
            true
        )
),

mixed as (
    select
        fresh.project_id,
        fresh.test_id,
        changed.day,
        count(distinct fresh.commit_sha) as mixed_commits
    from new_contradictions as fresh
    inner join changed on fresh.mixed_day = changed.day
    group by fresh.project_id, fresh.test_id, changed.day
),

verdicts as (
    select
        project_id,
        test_id,
        day,
        sum(case when is_mixed then failures else 1 end) filter (where is_flake)::bigint as flakes,
        sum(failures) filter (where not is_flake)::bigint as lasting_failures,
        count(*) filter (where is_flip) as flips
    from judged_units
    group by project_id, test_id, day
),

retries as (
    select
        project_id,
        test_id,
        day,
        build_id,
        environment,
        max(attempt) as last_attempt
    from core.test_results
    where attempt > 1 and status = 'passed' and day in (select changed.day from changed)
    group by all
),

retried as (
    select
        retry.project_id,
        retry.test_id,
        retry.day,
        count(*) as retry_passes
    from retries as retry
    where
        exists (
            select 1
            from core.test_results as result
            where
                result.build_id = retry.build_id
                and result.test_id = retry.test_id
                and result.environment = retry.environment
                and result.attempt < retry.last_attempt
                and result.status in ('failed', 'error')
                and result.day in (select scan_days.scan_day from scan_days)
        )
    group by retry.project_id, retry.test_id, retry.day
),

counts as (
    select
        result.project_id,
        result.test_id,
        result.day,
        count(*) filter (where result.status != 'skipped') as runs,
        count(*) filter (where result.status = 'passed') as passed,
        count(*) filter (where result.status = 'failed') as failed,
        count(*) filter (where result.status = 'error') as errored,
        count(*) filter (where result.status = 'skipped') as skipped,
        count(*) filter (
            where result.status in ('failed', 'error') and build.is_outage
        ) as outage_failures,
        coalesce(sum(result.duration_s), 0) as duration_total_s,
        max(result.duration_s) as duration_max_s,
        median(result.duration_s) filter (where result.status != 'skipped') as duration_median_s,
        arg_max(
            result.status, epoch_us(result.started_at) * 1000 + least(result.attempt, 999)
        ) as last_status,
        arg_min(
            result.status, epoch_us(result.started_at) * 1000 + least(result.attempt, 999)
        ) filter (where result.status != 'skipped') as first_status,
        max(result.started_at) as last_at,
        max(build.code_at) filter (
            where build.is_main and result.status = 'passed'
        ) as last_passed_at
    from core.test_results as result
    left join builds as build on result.build_id = build.build_id
    where result.day in (select changed.day from changed)
    group by result.project_id, result.test_id, result.day
),

failing as (
    select
        result.project_id,
        result.test_id,
        result.day,
        min(build.code_at) as failing_since_at,
        arg_min(build.commit_sha, (build.code_at, build.attempt)) as failing_since_sha,
        count(*) filter (where not build.is_outage) as failing_attempts
    from core.test_results as result
    inner join builds as build on result.build_id = build.build_id and build.is_main
    inner join counts as total
        on
            result.project_id = total.project_id
            and result.test_id = total.test_id
            and result.day = total.day
    where
        result.status in ('failed', 'error')
        and result.day in (select changed.day from changed)
        and (total.last_passed_at is null or build.code_at > total.last_passed_at)
    group by result.project_id, result.test_id, result.day
),

knowledge as (
    select
        project_id,
        day,
        max(last_at) as known_at
    from counts
    group by project_id, day
),

test_days as (
    select
        project_id,
        test_id,
        day
    from counts
    union
    select
        project_id,
        test_id,
        day
    from judged_passes
    union
    select
        project_id,
        test_id,
        day
    from verdicts
    union
    select
        project_id,
        test_id,
        day
    from mixed
)

select
    test_day.project_id,
    test_day.test_id,
    test_day.day,
    total.duration_max_s,
    total.duration_median_s,
    total.first_status,
    total.last_status,
    total.last_at,
    total.last_passed_at,
    failing.failing_since_at,
    failing.failing_since_sha,
    knowledge.known_at,
    coalesce(total.runs, 0) as runs,
    coalesce(total.passed, 0) as passed,
    coalesce(total.failed, 0) as failed,
    coalesce(total.errored, 0) as errored,
    coalesce(total.skipped, 0) as skipped,
    coalesce(total.outage_failures, 0) as outage_failures,
    coalesce(total.duration_total_s, 0) as duration_total_s,
    coalesce(retried.retry_passes, 0) as retry_passes,
    coalesce(mixed.mixed_commits, 0) as mixed_commits,
    coalesce(verdict.flips, 0) as flips,
    coalesce(passes.passes, 0) + coalesce(verdict.flakes, 0) as trials,
    coalesce(verdict.flakes, 0) as flakes,
    coalesce(verdict.lasting_failures, 0) as lasting_failures,
    coalesce(failing.failing_attempts, 0) as failing_attempts
from test_days as test_day
left join counts as total
    on
        test_day.project_id = total.project_id
        and test_day.test_id = total.test_id
        and test_day.day = total.day
left join judged_passes as passes
    on
        test_day.project_id = passes.project_id
        and test_day.test_id = passes.test_id
        and test_day.day = passes.day
left join verdicts as verdict
    on
        test_day.project_id = verdict.project_id
        and test_day.test_id = verdict.test_id
        and test_day.day = verdict.day
left join mixed
    on
        test_day.project_id = mixed.project_id
        and test_day.test_id = mixed.test_id
        and test_day.day = mixed.day
left join retried
    on
        test_day.project_id = retried.project_id
        and test_day.test_id = retried.test_id
        and test_day.day = retried.day
left join failing
    on
        test_day.project_id = failing.project_id
        and test_day.test_id = failing.test_id
        and test_day.day = failing.day
left join knowledge
    on test_day.project_id = knowledge.project_id and test_day.day = knowledge.day
