-- How healthy each pipeline was on each day: builds by outcome, durations, waiting time, cost.
--
-- grain: project_id, pipeline_id, day
-- keys: project_id, pipeline_id, day
-- inputs: marts.build_health_daily
-- order: day desc, pipeline_id
-- parameter: pipeline text only this pipeline_id
-- period: day
select *
from marts.build_health_daily
where
    ($project::varchar is null or project_id = $project)
    and day between $first and $last
    and ($pipeline::varchar is null or pipeline_id = $pipeline)
