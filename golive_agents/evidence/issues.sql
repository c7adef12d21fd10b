-- Tickets to compare with: the newest of a project, or of all; at most $1.
--
-- grain: issue_id
-- keys: issue_id
-- parameters: $1 most, $2 project
-- inputs: core.issues
select
    issue_id,
    project_id,
    key,
    title,
    kind,
    status,
    resolution,
    url,
    created_at,
    left(body, 1000) as body
from core.issues
where
    project_id = coalesce(nullif($2, ''), project_id)
    and title is not null
order by created_at desc nulls last, issue_id asc
limit $1
