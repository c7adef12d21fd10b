-- Which tests take the most time, and which of them grew slower.
--
-- The window is the 30 days up to the project's newest day with results. Of each project the 100 tests
-- with the largest sum and the 100 with the largest daily median are looked at; their quantiles are exact.
-- share_of_total is the share of all test seconds of the project. relative_change compares the median of
-- the newer 15 days with previous_median_s, that of the 15 days before: 0.2 means 20 % slower; null below
-- 5 timed attempts on either side.
--
-- grain: project_id, test_id
-- keys: project_id, test_id
-- inputs: marts.recent_test_days, marts.test_daily, core.tests, core.test_results
-- refresh: window 30 days
with
daily_durations as (
    select
        daily.project_id,
        daily.test_id,
        daily.day,
        daily.duration_total_s,
        daily.duration_median_s
    from marts.test_daily as daily
    inner join marts.recent_test_days as recent
        on daily.project_id = recent.project_id and daily.day = recent.day
),

test_totals as (
    select
        project_id,
        test_id,
        sum(duration_total_s) as total_s,
        max(duration_median_s) as slowest_median_s
    from daily_durations
    group by project_id, test_id
    having sum(duration_total_s) > 0
),

ranked_tests as (
    select
        project_id,
        test_id,
        total_s / sum(total_s) over (partition by project_id) as share_of_total,
        row_number() over (partition by project_id order by total_s desc, test_id asc) as place_by_total,
        row_number() over (
            partition by project_id order by slowest_median_s desc nulls last, test_id asc
        ) as place_by_median
    from test_totals
),

slow_tests as (
    select
        project_id,
        test_id,
        share_of_total
    from ranked_tests
    where place_by_total <= 100 or place_by_median <= 100
),

timed_attempts as (
    select
        attempt.project_id,
        attempt.test_id,
        attempt.duration_s,
        attempt.day > recent.newest_day - 15 as is_newer
    from core.test_results as attempt
    inner join marts.recent_test_days as recent
        on attempt.project_id = recent.project_id and attempt.day = recent.day
    semi join slow_tests
        on attempt.project_id = slow_tests.project_id and attempt.test_id = slow_tests.test_id
    where attempt.duration_s is not null and attempt.status <> 'skipped'
),

durations as (
    select
        project_id,
        test_id,
        count(*) as runs,
        median(duration_s) as median_s,
        quantile_cont(duration_s, 0.95) as p95_s,
        sum(duration_s) as total_s,
        count(*) filter (where is_newer) as newer_runs,
        count(*) filter (where not is_newer) as older_runs,
        median(duration_s) filter (where is_newer) as newer_median_s,
        median(duration_s) filter (where not is_newer) as older_median_s
    from timed_attempts
    group by project_id, test_id
)

select
    duration.project_id,
    duration.test_id,
    test.suite,
    test.class_name,
    test.name,
    test.parameters,
    duration.runs,
    duration.median_s,
    duration.p95_s,
    duration.total_s,
    slow_test.share_of_total,
    case when duration.older_runs >= 5 then duration.older_median_s end as previous_median_s,
    case
        when duration.older_runs >= 5 and duration.newer_runs >= 5
            then duration.newer_median_s / nullif(duration.older_median_s, 0) - 1
    end as relative_change
from durations as duration
inner join slow_tests as slow_test
    on duration.project_id = slow_test.project_id and duration.test_id = slow_test.test_id
left join core.tests as test on duration.test_id = test.test_id
