-- What is forecast of the builds of a commit of a project.
--
-- grain: subject_kind, subject_id, pipeline_id
-- keys: subject_kind, subject_id, pipeline_id
-- parameters: $1 project, $2 sha
-- inputs: predictions.build_failure
select
    subject_kind,
    subject_id,
    pipeline_id,
    probability,
    low,
    high,
    told_by,
    reasons
from predictions.build_failure
where project_id = $1 and commit_sha = $2
order by probability desc, pipeline_id asc
limit 20
