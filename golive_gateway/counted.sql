-- How many tests have which verdict, for the counters of /metrics.
--
-- grain: project_id, verdict
-- keys: project_id, verdict
-- inputs: marts.flaky_tests
select
    project_id,
    verdict,
    count(*) as tests
from marts.flaky_tests
group by project_id, verdict
order by project_id, verdict
