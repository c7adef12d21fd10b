-- The open change request of a commit or a branch in a project: of its head first, the newest.
--
-- grain: one row
-- keys: change_request_id
-- parameters: $1 project, $2 sha, $3 branch
-- inputs: core.change_requests
select
    change_request_id,
    source,
    number,
    title
from core.change_requests
where
    project_id = $1
    and status = 'open'
    and (head_sha = $2 or (source_branch = $3 and source_branch != coalesce(target_branch, '')))
order by coalesce(head_sha, '') = $2 desc, updated_at desc
limit 1
