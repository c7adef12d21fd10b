-- How long the next builds and tests are expected to take, with 50 % and 90 % intervals.
--
-- grain: project_id, subject_kind, subject_id
-- keys: project_id, subject_kind, subject_id
-- inputs: predictions.duration
-- order: project_id, subject_kind, subject_id
-- parameter: kind main|branch|test only subjects of this kind
-- parameter: id text pipeline_id or test_id
select *
from predictions.duration
where
    ($project::varchar is null or project_id = $project)
    and ($kind::varchar is null or subject_kind = $kind)
    and ($id::varchar is null or subject_id = $id)
