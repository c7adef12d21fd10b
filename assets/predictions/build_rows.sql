-- Builds asked for on the days from $1 to $2: what they build, on which line, and how they ended.
--
-- failed is null without a verdict; known_at is when a build ended; stage_share is the share of its stages
-- before the first that failed. The main line is the default branch of a repository of the project, builds
-- that name no branch, and where no default branch is known, the usual names.
--
-- grain: build_id
-- keys: project_id, build_id
-- inputs: core.builds, core.stages, core.repositories
with
default_branches as (
    select distinct
        project_id,
        default_branch as branch
    from core.repositories
    where default_branch is not null
),

stage_shares as (
    select
        build_id,
        min(ordinal) filter (where status in ('failed', 'error')) / count(distinct ordinal) as stage_share
    from core.stages
    where day between $1::date and $2::date
    group by build_id
)

select
    build.project_id,
    build.build_id,
    build.pipeline_id,
    build.commit_sha,
    build.queued_at as as_of,
    build.attempt,
    build.trigger,
    ending.stage_share,
    coalesce(build.branch, '') as branch,
    case
        when coalesce(build.branch, '') = '' then true
        when build.project_id in (select known.project_id from default_branches as known)
            then home.branch is not null
        else build.branch in ('main', 'master', 'trunk', 'develop')
    end as is_main,
    case
        when build.status in ('failed', 'error') then true
        when build.status = 'passed' then false
    end as failed,
    case when build.status not in ('queued', 'running') then build.finished_at end as known_at
from core.builds as build
left join default_branches as home on build.project_id = home.project_id and build.branch = home.branch
left join stage_shares as ending on build.build_id = ending.build_id
where build.day between $1::date and $2::date and build.queued_at is not null
order by build.queued_at, build.build_id
