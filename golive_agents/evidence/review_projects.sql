-- The projects whose repositories have one of some commits, the one with most of them first.
--
-- grain: project_id
-- keys: project_id
-- parameters: $1 shas, $2 project
-- inputs: core.commits
select
    project_id,
    count(distinct sha) as commits
from core.commits
where sha in (select unnest($1)) and project_id = coalesce(nullif($2, ''), project_id)
group by project_id
order by commits desc, project_id asc
