-- Since when and which commit tests, builds and stages take longer or less, the most expensive first.
--
-- grain: project_id, subject_kind, subject_id
-- keys: project_id, subject_kind, subject_id
-- inputs: predictions.change_points
-- order: cost_s_week desc, subject_kind, subject_id
-- parameter: kind test|build|stage only subjects of this kind
select *
from predictions.change_points
where
    ($project::varchar is null or project_id = $project)
    and ($kind::varchar is null or subject_kind = $kind)
