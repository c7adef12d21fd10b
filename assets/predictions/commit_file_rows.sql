-- Files changed by the commits of the days from $1 to $2.
--
-- grain: project_id, sha, path
-- keys: project_id, sha, path
-- inputs: core.commit_files, core.repositories
select
    home.project_id,
    entry.sha,
    entry.path,
    any_value(entry.insertions) as insertions,
    any_value(entry.deletions) as deletions
from core.commit_files as entry
inner join core.repositories as home on entry.repository_id = home.repository_id
where entry.day between $1::date and $2::date
group by home.project_id, entry.sha, entry.path
