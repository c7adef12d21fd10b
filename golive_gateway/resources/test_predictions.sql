-- How probably each test fails in the next build, in the order in which to run them.
--
-- grain: project_id, test_id
-- keys: project_id, test_id
-- inputs: predictions.test_failure, marts.test_health
-- order: project_id, rank
select
    ranked.project_id,
    ranked.test_id,
    ranked.rank,
    ranked.probability,
    ranked.duration_s,
    ranked.reasons,
    health.class_name,
    health.name,
    health.parameters,
    health.file
from predictions.test_failure as ranked
left join marts.test_health as health
    on ranked.project_id = health.project_id and ranked.test_id = health.test_id
where $project::varchar is null or ranked.project_id = $project
