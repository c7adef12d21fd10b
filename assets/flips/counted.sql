-- Changes between passed and failed from one attempt of a test to its next, in the order of time.
--
-- Attempts at one instant are told apart by what the count knows of them, attempt and status: the answer is
-- the same each time, and the text columns, which cost more than all others, are not read.
--
-- grain: test_id
-- keys: test_id
-- inputs: core.test_results
with
attempts as (
    select
        test_id,
        status <> 'passed' as has_failed,
        lag(status <> 'passed') over (
            partition by test_id order by started_at, attempt, status
        ) as had_failed
    from core.test_results
    where
        project_id = $1
        and day between $2::date and $3::date
        and status <> 'skipped'
        and test_id in (select unnest($4::bigint[]))
)

select
    test_id,
    count(*) as runs,
    count(*) filter (where has_failed <> had_failed) as flips
from attempts
group by test_id
