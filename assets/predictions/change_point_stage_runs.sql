-- Passed stages of subjects $4 of project $1 from day $2 to $3, in order of time.
--
-- grain: subject_id, started_at
-- keys: subject_id, started_at
-- inputs: core.stages, core.builds, marts.main_branches
with
stages as (
    select
        step.duration_s,
        build.commit_sha,
        coalesce(step.started_at, build.started_at) as started_at,
        build.pipeline_id || ' / ' || step.name || case
            when coalesce(build.branch, '') = '' or trunk.branch is not null then ''
            else ' (branches)'
        end as subject_id
    from core.stages as step
    inner join core.builds as build on step.build_id = build.build_id
    left join marts.main_branches as trunk
        on build.project_id = trunk.project_id and build.branch = trunk.branch
    where
        step.project_id = $1
        and step.day between $2::date and $3::date
        and build.day between $2::date and $3::date
        and step.status = 'passed'
        and step.duration_s > 0
)

select *
from stages
where subject_id in (select unnest($4)) and started_at is not null
order by subject_id, started_at
