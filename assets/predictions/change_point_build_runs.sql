-- Passed builds of subjects $4 of project $1 from day $2 to $3, in order of time.
--
-- grain: subject_id, started_at
-- keys: subject_id, started_at
-- inputs: core.builds, marts.main_branches
with
builds as (
    select
        build.started_at,
        build.duration_s,
        build.commit_sha,
        build.pipeline_id || case
            when coalesce(build.branch, '') = '' or trunk.branch is not null then ''
            else ' (branches)'
        end as subject_id
    from core.builds as build
    left join marts.main_branches as trunk
        on build.project_id = trunk.project_id and build.branch = trunk.branch
    where
        build.project_id = $1
        and build.day between $2::date and $3::date
        and build.status = 'passed'
        and build.duration_s is not null
        and build.started_at is not null
)

select *
from builds
where subject_id in (select unnest($4))
order by subject_id, started_at
