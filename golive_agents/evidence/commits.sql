-- The commits of a project in the days that culprits are looked for in.
--
-- grain: repository_id, sha
-- keys: repository_id, sha
-- parameters: $1 project, $2 day
-- inputs: core.commits
select
    repository_id,
    sha,
    parents,
    is_merge,
    insertions,
    deletions,
    author_name,
    committed_at,
    subject
from core.commits
where project_id = $1 and day between $2::date - 75 and $2::date + 1
