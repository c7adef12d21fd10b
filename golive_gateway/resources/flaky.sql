-- Flaky, broken and outage-struck tests: how sure, on what evidence, what they wasted in 30 days.
--
-- grain: project_id, test_id
-- keys: project_id, test_id
-- inputs: marts.flaky_tests
-- order: rank, test_id
-- parameter: verdict flaky|broken|infrastructure only tests with this verdict
select *
from marts.flaky_tests
where
    ($project::varchar is null or project_id = $project)
    and ($verdict::varchar is null or verdict = $verdict)
