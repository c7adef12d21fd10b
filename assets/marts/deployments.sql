-- Every deployment: what the sources name one, and builds that deploy without saying so to anybody.
--
-- A build deploys where a stage of it does by its name ("Deploy to production", "rollout prod"), or, if no
-- stage has such a name, its pipeline. It is one deployment to each kind of environment that the names tell
-- of, with the status and the time of its stages; is_inferred marks it. Builds that a deployment of a source
-- names are left out, and so is what was skipped. The service of a build is its pipeline.
--
-- grain: project_id, deployment_id
-- keys: project_id, deployment_id
-- inputs: core.deployments, core.builds, core.stages, core.pipelines
-- refresh: by day
with
day_builds as (
    select
        build.project_id,
        build.build_id,
        build.day,
        build.source,
        build.commit_sha,
        build.branch,
        build.status,
        build.started_at,
        build.finished_at,
        coalesce(pipeline.name, build.pipeline_id) as service
    from core.builds as build
    left join core.pipelines as pipeline on build.pipeline_id = pipeline.pipeline_id
    where
        build.day in (select changed.day from changed)
        and build.commit_sha is not null
        and build.status != 'skipped'
        and build.build_id not in (
            select known.build_id
            from core.deployments as known
            where known.build_id is not null
        )
),

stage_steps as (
    select
        build.build_id,
        entry.name as wording,
        entry.status,
        entry.started_at,
        entry.started_at + to_seconds(entry.duration_s) as finished_at
    from core.stages as entry
    inner join day_builds as build on entry.build_id = build.build_id
    where
        entry.day in (select changed.day from changed)
        and entry.status != 'skipped'
        and regexp_matches(entry.name, '(?i)(^|[^a-z])(deploy|rollout|roll out)')
),

deploying as (
    select
        build_id,
        wording,
        status,
        started_at,
        finished_at
    from stage_steps
    union all
    select
        build.build_id,
        build.service as wording,
        build.status,
        build.started_at,
        build.finished_at
    from day_builds as build
    where
        regexp_matches(build.service, '(?i)(^|[^a-z])(deploy|rollout|roll out)')
        and build.build_id not in (select stage_steps.build_id from stage_steps)
),

worded as (
    select
        build_id,
        status,
        started_at,
        finished_at,
        regexp_replace(lower(wording), '[^a-z0-9]+', ' ', 'g') as words
    from deploying
),

steps_by_kind as (
    select
        build_id,
        status,
        started_at,
        finished_at,
        case
            when regexp_matches(words, '\b(staging|stage|stg|pre ?prod|pre ?production|uat)\b') then 'staging'
            when regexp_matches(words, '\b(tests?|testing|tst|qa|e2e|integration)\b') then 'testing'
            when regexp_matches(words, '\b(dev|develop|development|review|preview|sandbox)\b')
                then 'development'
            when regexp_matches(words, '\b(prod|production|prd|live)\b') then 'production'
        end as environment_kind
    from worded
),

inferred as (
    select
        build.project_id,
        build.build_id,
        build.day,
        build.source,
        build.service,
        build.commit_sha,
        build.branch,
        deployed.environment_kind,
        build.build_id || ':' || coalesce(deployed.environment_kind, 'deploy') as deployment_id,
        case
            when bool_or(deployed.status = 'error') then 'error'
            when bool_or(deployed.status = 'failed') then 'failed'
            when bool_or(deployed.status = 'cancelled') then 'cancelled'
            when bool_or(deployed.status in ('running', 'queued')) then 'running'
            else 'passed'
        end as status,
        min(deployed.started_at) as started_at,
        case when bool_and(deployed.finished_at is not null) then max(deployed.finished_at) end as finished_at
    from steps_by_kind as deployed
    inner join day_builds as build on deployed.build_id = build.build_id
    group by all
)

select
    project_id,
    deployment_id,
    day,
    source,
    repository_id,
    service,
    environment,
    environment_kind,
    status,
    commit_sha,
    branch,
    build_id,
    coalesce(started_at, queued_at) as started_at,
    finished_at,
    false as is_inferred
from core.deployments
where
    day in (select changed.day from changed)
    and commit_sha is not null
    and status != 'skipped'
union all
select
    project_id,
    deployment_id,
    day,
    source,
    null as repository_id,
    service,
    environment_kind as environment,
    environment_kind,
    status,
    commit_sha,
    branch,
    build_id,
    started_at,
    finished_at,
    true as is_inferred
from inferred
