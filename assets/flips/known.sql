-- Passes and failures of each test, of the days that marts.test_daily has counted.
--
-- grain: test_id
-- keys: test_id
-- inputs: marts.test_daily
select
    test_id,
    sum(passed)::bigint as passes,
    sum(failed + errored)::bigint as failures
from marts.test_daily
where
    project_id = $1
    and day between $2::date and $3::date
    and not list_contains($4::date[], day)
group by test_id
