-- Unusual hours of metrics and days of log lines, the newest first.
--
-- grain: project_id, subject_kind, instance, subject, began_at
-- keys: project_id, subject_kind, instance, subject, began_at
-- inputs: predictions.anomalies
-- order: began_at desc, p_value, subject
-- parameter: kind metric|log only subjects of this kind
-- parameter: service text only what concerns this service
-- period: day
select *
from predictions.anomalies
where
    ($project::varchar is null or project_id = $project)
    and day between $first and $last
    and ($kind::varchar is null or subject_kind = $kind)
    and ($service::varchar is null or service = $service)
