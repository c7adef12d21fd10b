-- The same counts of the days whose results are newer than the mart.
--
-- grain: test_id
-- keys: test_id
-- inputs: core.test_results
select
    test_id,
    count(*) filter (where status = 'passed') as passes,
    count(*) filter (where status in ('failed', 'error')) as failures
from core.test_results
where
    project_id = $1
    and day between $2::date and $3::date
    and list_contains($4::date[], day)
group by test_id
