-- Deployments to production and what became of each.
--
-- grain: project_id, deployment_id
-- keys: project_id, deployment_id
-- inputs: marts.production_deployments
-- order: finished_at desc, deployment_id
-- parameter: service text only this service
-- period: day
select *
from marts.production_deployments
where
    ($project::varchar is null or project_id = $project)
    and day between $first and $last
    and ($service::varchar is null or service = $service)
