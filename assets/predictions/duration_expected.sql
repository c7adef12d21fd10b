-- How long the next build of each pipeline is expected to take, by every branch that may be built.
--
-- The forecast of the branch's own line, main or others; where that line had no build yet, of the other.
--
-- grain: project_id, pipeline_id, branch
-- keys: project_id, pipeline_id, branch
-- inputs: predictions.duration, core.branches, core.builds, core.change_requests, marts.main_branches
with
branch_names as (
    select
        repository.project_id,
        branch.branch
    from core.branches as branch
    inner join core.repositories as repository on branch.repository_id = repository.repository_id
    union
    select
        project_id,
        coalesce(branch, '') as branch
    from core.builds
    union
    select
        project_id,
        source_branch as branch
    from core.change_requests
),

lines as (
    select
        known.project_id,
        known.branch,
        known.branch = '' or trunk.branch is not null as is_main
    from branch_names as known
    left join marts.main_branches as trunk
        on known.project_id = trunk.project_id and known.branch = trunk.branch
    where known.branch is not null
)

select
    asked.project_id,
    told.pipeline_id,
    asked.branch,
    told.median_s as expected_s,
    told.low_90_s as expected_low_s,
    told.high_90_s as expected_high_s
from lines as asked
inner join predictions.duration as told
    on asked.project_id = told.project_id and told.subject_kind in ('main', 'branch')
qualify
    row_number() over (
        partition by asked.project_id, told.pipeline_id, asked.branch
        order by (told.subject_kind = 'main') = asked.is_main desc
    ) = 1
