-- Which branches are the main line of each project: the default branches of its repositories, and where
-- none is known the branch with most builds.
--
-- grain: project_id, branch
-- keys: project_id, branch
-- inputs: core.repositories, core.builds
-- refresh: full
with
default_branches as (
    select distinct
        project_id,
        default_branch as branch
    from core.repositories
    where default_branch is not null
),

built_branches as (
    select
        project_id,
        branch,
        count(*) as builds
    from core.builds
    where branch <> ''
    group by project_id, branch
)

select
    project_id,
    branch
from default_branches
union all
select
    project_id,
    arg_max(branch, (builds, branch)) as branch
from built_branches
where project_id not in (select default_branches.project_id from default_branches)
group by project_id
