-- What may fail next: open changes, heads of branches and builds that wait, the riskiest first.
--
-- grain: project_id, subject_kind, subject_id, pipeline_id
-- keys: project_id, subject_kind, subject_id, pipeline_id
-- inputs: predictions.build_failure
-- order: probability desc, subject_id, pipeline_id
-- parameter: kind build|branch|change_request only subjects of this kind
select *
from predictions.build_failure
where
    ($project::varchar is null or project_id = $project)
    and ($kind::varchar is null or subject_kind = $kind)
