-- Commits of the days from $1 to $2, with the parents by which builds are compared.
--
-- grain: project_id, sha
-- keys: project_id, sha
-- inputs: core.commits
select
    project_id,
    sha,
    any_value(parents) as parents,
    any_value(committed_at) as committed_at,
    any_value(author_name) as author,
    any_value(subject) as subject,
    any_value(is_merge) as is_merge
from core.commits
where day between $1::date and $2::date
group by project_id, sha
