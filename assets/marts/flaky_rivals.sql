-- Whom would the rules of other tools call flaky: one column per rule, beside our own verdict.
--
-- The window is the 30 days up to the project's newest day with results; shorter rules take their last 7 or
-- 14 days. same_commit_30d is the rule of Google, GitHub, Azure DevOps and Datadog (fixed after 30 clean
-- days), same_commit_14d that of CircleCI and Harness, same_commit_7d Trunk's (recovery after 7 days):
-- a commit both passed and failed. retried is that of CloudBees: failed and then passed in one build. rate_7d
-- is GitLab's proposal: the failure rate of 7 days is neither 0 nor 100 %. allure is Allure's: the last run
-- failed and a pass follows a failure among the last five. healing is that of Harness and Mergify: a commit
-- both passed and failed within 14 days, and fewer than five passes stand since the last failure.
-- failure_rate_6h is a threshold monitor of Trunk: 30 % of at least 50 runs within six hours.
--
-- Where no cut is published the number stands: transition_rate is Buildkite's, changes of result over the
-- last 100 runs (Apple's flip rate is the same); entropy is Apple's over these runs, in bits (Kowalczyk et
-- al., ICSE-SEIP 2020); pfs is the rate of failures in a good state, after Meta's probabilistic flakiness
-- score that Buildkite uses: failed of all runs on commits that passed at least once, under a flat prior;
-- testkube_health is the pass rate of the last 10 runs times one less their rate of changes. same_commit_*
-- leave outages out, which those tools do not: they look better here than at home.
--
-- grain: project_id, test_id
-- keys: project_id, test_id
-- inputs: marts.test_daily, marts.recent_test_days, predictions.flaky, core.test_results
-- refresh: window 30 days
with
daily as (
    select
        day_row.project_id,
        day_row.test_id,
        day_row.mixed_commits,
        day_row.retry_passes,
        day_row.passed,
        day_row.failed + day_row.errored as failures,
        max(recent.day) over (partition by day_row.project_id) - day_row.day as age
    from marts.test_daily as day_row
    inner join marts.recent_test_days as recent
        on day_row.project_id = recent.project_id and day_row.day = recent.day
),

evidence as (
    select
        project_id,
        test_id,
        coalesce(sum(mixed_commits), 0) > 0 as same_commit_30d,
        coalesce(sum(mixed_commits) filter (where age < 14), 0) > 0 as same_commit_14d,
        coalesce(sum(mixed_commits) filter (where age < 7), 0) > 0 as same_commit_7d,
        coalesce(sum(retry_passes), 0) > 0 as retried,
        coalesce(sum(failures) filter (where age < 7), 0) > 0
        and coalesce(sum(passed) filter (where age < 7), 0) > 0 as rate_7d
    from daily
    group by project_id, test_id
),

runs as (
    select
        result.project_id,
        result.test_id,
        result.commit_sha,
        result.started_at > recent.newest_at - interval 6 hours as is_of_last_hours,
        result.status = 'passed' as has_passed,
        row_number() over newest as back,
        lead(result.status = 'passed') over newest as had_passed
    from core.test_results as result
    inner join marts.recent_test_days as recent
        on result.project_id = recent.project_id and result.day = recent.day
    where result.status != 'skipped'
    window newest as (
        partition by result.project_id, result.test_id
        order by result.started_at desc, result.build_id desc, result.environment desc, result.attempt desc
    )
),

sequences as (
    select
        project_id,
        test_id,
        coalesce(bool_or(not has_passed) filter (where back = 1), false)
        and coalesce(bool_or(has_passed and not had_passed) filter (where back < 5), false) as allure,
        coalesce(avg((has_passed != had_passed)::integer) filter (where back < 100), 0) as transition_rate,
        avg(has_passed::integer) filter (where back <= 10)
        * (1 - coalesce(avg((has_passed != had_passed)::integer) filter (where back < 10), 0))
            as testkube_health,
        avg(has_passed::integer) filter (where back <= 100) as passing_share,
        coalesce(min(back) filter (where not has_passed), 1000) <= 5 as has_failed_lately,
        count(*) filter (where is_of_last_hours) >= 50
        and coalesce(avg((not has_passed)::integer) filter (where is_of_last_hours), 0) >= 0.3
            as failure_rate_6h
    from runs
    group by project_id, test_id
),

good_commits as (
    select
        project_id,
        test_id,
        count(*) as attempts,
        count(*) filter (where not has_passed) as failures
    from runs
    where commit_sha is not null
    group by project_id, test_id, commit_sha
    having bool_or(has_passed)
),

good_state as (
    select
        project_id,
        test_id,
        (sum(failures) + 1) / (sum(attempts) + 2) as pfs
    from good_commits
    group by project_id, test_id
)

select
    evidence.project_id,
    evidence.test_id,
    evidence.same_commit_30d,
    evidence.same_commit_14d,
    evidence.same_commit_7d,
    evidence.retried,
    evidence.rate_7d,
    sequences.transition_rate,
    sequences.testkube_health,
    good_state.pfs,
    case
        when sequences.passing_share is null then null
        when sequences.passing_share in (0, 1) then 0
        else
            -sequences.passing_share * log2(sequences.passing_share)
            - (1 - sequences.passing_share) * log2(1 - sequences.passing_share)
    end as entropy,
    coalesce(sequences.allure, false) as allure,
    evidence.same_commit_14d and coalesce(sequences.has_failed_lately, false) as healing,
    coalesce(sequences.failure_rate_6h, false) as failure_rate_6h,
    coalesce(verdict.verdict = 'flaky', false) as golive
from evidence
left join sequences on evidence.project_id = sequences.project_id and evidence.test_id = sequences.test_id
left join good_state on evidence.project_id = good_state.project_id and evidence.test_id = good_state.test_id
left join predictions.flaky as verdict
    on evidence.project_id = verdict.project_id and evidence.test_id = verdict.test_id
