-- Median duration of the passed builds of pipelines $4 of project $1 on each day from $2 on, known at $3.
--
-- The main line and other branches are subjects of their own: they often do other work.
--
-- grain: subject_id, day
-- keys: subject_id, day
-- inputs: core.builds, marts.main_branches
select
    build.project_id,
    build.pipeline_id,
    build.day,
    'build' as subject_kind,
    null::bigint as test_id,
    median(build.duration_s) as seconds,
    count(*) as runs,
    build.pipeline_id || case
        when coalesce(build.branch, '') = '' or trunk.branch is not null then ''
        else ' (branches)'
    end as subject_id
from core.builds as build
left join marts.main_branches as trunk
    on build.project_id = trunk.project_id and build.branch = trunk.branch
where
    build.project_id = $1
    and build.day >= $2::date
    and build.finished_at <= $3
    and build.pipeline_id in (select unnest($4))
    and build.status = 'passed'
    and build.duration_s is not null
group by all
