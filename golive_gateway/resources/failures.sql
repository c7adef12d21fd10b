-- Distinct failures of the last 30 days, grouped by signature: how often, since when, new or back.
--
-- grain: project_id, signature_id
-- keys: project_id, signature_id
-- inputs: marts.failure_signatures
-- order: failures desc, signature_id
-- parameter: text text only failures whose type or message holds this text
select *
from marts.failure_signatures
where
    ($project::varchar is null or project_id = $project)
    and (
        $text::varchar is null
        or contains(lower(concat_ws(' ', type, message)), lower($text))
    )
