-- Newest results of project $1 known at $2, from day $3 on, at most about $4: one row a build and test.
--
-- batch orders builds by their first result. Whole days are taken, the newest at least. duration_s is the
-- median of the attempts; skipped ones took no time.
--
-- grain: build_id, test_id
-- keys: build_id, test_id
-- inputs: core.test_results
with
day_counts as (
    select
        day,
        count(*) as results
    from core.test_results
    where project_id = $1 and day >= $3::date
    group by day
),

read_days as (
    select day
    from day_counts
    qualify
        sum(results) over (order by day desc) <= $4
        or row_number() over (order by day desc) = 1
),

took as (
    select
        build_id,
        test_id,
        median(duration_s) as duration_s,
        min(started_at) as started_at
    from core.test_results
    where
        project_id = $1
        and day >= (select min(read_days.day) from read_days)
        and started_at <= $2
        and status <> 'skipped'
        and duration_s is not null
    group by build_id, test_id
),

build_starts as (
    select
        build_id,
        min(started_at) as started_at
    from took
    group by build_id
)

select
    took.build_id,
    took.test_id,
    took.duration_s,
    first_result.started_at,
    dense_rank() over (order by first_result.started_at, took.build_id) as batch
from took
inner join build_starts as first_result on took.build_id = first_result.build_id
order by first_result.started_at, took.build_id, took.test_id
