-- Newest builds of project $1 known at $2, from day $3 on, at most $4: when asked for, how long they took.
--
-- duration_s and known_at are null where a build has not passed or failed by then: one that was cancelled
-- or broke down says nothing of how long builds take. is_open tells builds that are queued or running.
--
-- grain: build_id
-- keys: build_id
-- inputs: core.builds, marts.main_branches
with
asked_builds as (
    select
        *,
        coalesce(queued_at, started_at) as asked_at,
        coalesce(finished_at <= $2, false) and status in ('passed', 'failed') as is_told
    from core.builds
    where project_id = $1 and day >= $3::date and coalesce(queued_at, started_at) <= $2
)

select
    build.build_id,
    build.pipeline_id,
    build.asked_at,
    build.started_at,
    build.trigger,
    coalesce(build.branch, '') = '' or trunk.branch is not null as is_main,
    coalesce(build.attempt, 1) as attempt,
    case when build.is_told then build.finished_at end as known_at,
    case when build.is_told then build.duration_s end as duration_s,
    build.status in ('queued', 'running') as is_open
from asked_builds as build
left join marts.main_branches as trunk
    on build.project_id = trunk.project_id and build.branch = trunk.branch
qualify row_number() over (order by build.asked_at desc, build.build_id desc) <= $4
order by build.asked_at, build.build_id
