-- Projects and what is known of each: builds, tests, when it was last heard of.
--
-- grain: project_id
-- keys: project_id
-- inputs: core.projects, marts.build_health_daily, marts.test_health
-- order: project_id
with
built as (
    select
        project_id,
        sum(builds)::bigint as builds,
        max(day) as newest_day
    from marts.build_health_daily
    group by project_id
),

tested as (
    select
        project_id,
        count(*) as tests
    from marts.test_health
    group by project_id
)

select
    project.project_id,
    project.name,
    project.description,
    project.owner,
    project.git_repository,
    built.newest_day,
    coalesce(built.builds, 0) as builds,
    coalesce(tested.tests, 0) as tests
from core.projects as project
left join built on project.project_id = built.project_id
left join tested on project.project_id = tested.project_id
where $project::varchar is null or project.project_id = $project
