-- Median duration of the passed stages of pipelines $4 of project $1 on each day from $2 on, known at $3.
--
-- grain: subject_id, day
-- keys: subject_id, day
-- inputs: core.stages, core.builds, marts.main_branches
select
    build.project_id,
    build.pipeline_id,
    build.day,
    'stage' as subject_kind,
    null::bigint as test_id,
    median(step.duration_s) as seconds,
    count(*) as runs,
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
    and step.day >= $2::date
    and build.day >= $2::date
    and build.finished_at <= $3
    and build.pipeline_id in (select unnest($4))
    and step.status = 'passed'
    and step.duration_s > 0
group by all
