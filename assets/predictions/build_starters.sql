-- Pipelines that build a project's main line, or its other branches, in the 90 days before $1.
--
-- Pipelines that only a clock, a person or another build starts are left out. usual_trigger is what mostly
-- starts them there. Where nothing but one kind of branch was built, its pipelines stand for the other.
--
-- grain: project_id, pipeline_id, is_main
-- keys: project_id, pipeline_id, is_main
-- inputs: core.builds, core.repositories
with
recent_builds as (
    select
        build.project_id,
        build.pipeline_id,
        build.trigger,
        build.commit_sha,
        build.queued_at,
        coalesce(build.branch, '') as branch,
        coalesce(build.branch, '') = ''
        or exists (
            select 1
            from core.repositories as home
            where home.project_id = build.project_id and home.default_branch = build.branch
        )
        or (
            build.branch in ('main', 'master', 'trunk', 'develop')
            and not exists (
                select 1
                from core.repositories as home
                where home.project_id = build.project_id and home.default_branch is not null
            )
        ) as is_main
    from core.builds as build
    where
        build.day > $1::date - 90
        and build.queued_at <= $1::timestamptz
        and coalesce(build.trigger, 'push') not in ('schedule', 'manual', 'upstream')
),

starters as (
    select
        project_id,
        pipeline_id,
        is_main,
        mode(trigger) as usual_trigger
    from recent_builds
    group by project_id, pipeline_id, is_main
)

select *
from starters
union all
select
    starter.project_id,
    starter.pipeline_id,
    not starter.is_main as is_main,
    starter.usual_trigger
from starters as starter
where
    not exists (
        select 1
        from starters as other
        where starter.project_id = other.project_id and starter.is_main != other.is_main
    )
order by all
