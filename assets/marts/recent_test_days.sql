-- Which days of tests are recent: the window that the marts about tests look at.
--
-- One row for each day with results in the 30 days up to the project's newest day with results. newest_day
-- and newest_at (its last result) are the same in all rows of a project; failures counts failed attempts.
--
-- grain: project_id, day
-- keys: project_id, day
-- inputs: marts.test_daily
-- refresh: window 30 days
with
days as (
    select
        project_id,
        day,
        max(last_at) as last_at,
        sum(failed + errored)::bigint as failures
    from marts.test_daily
    group by project_id, day
)

select
    project_id,
    day,
    failures,
    max(day) over (partition by project_id) as newest_day,
    max(last_at) over (partition by project_id) as newest_at
from days
qualify day > max(day) over (partition by project_id) - 30
