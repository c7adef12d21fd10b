-- A build with its pipeline, and the last build of that pipeline before it which passed.
--
-- A good build of the same branch is preferred, then one of any branch; at most 30 days back.
--
-- grain: one row
-- keys: build_id
-- parameters: $1 build
-- inputs: core.builds, core.pipelines
with
wanted as (
    select *
    from core.builds
    where build_id = $1
),

good as (
    select
        build.build_id,
        build.commit_sha
    from core.builds as build
    inner join wanted on build.pipeline_id = wanted.pipeline_id
    where
        build.day between wanted.day - 30 and wanted.day
        and build.status = 'passed'
        and build.queued_at < wanted.queued_at
    order by build.branch is not distinct from wanted.branch desc, build.queued_at desc
    limit 1
)

select
    wanted.build_id,
    wanted.project_id,
    wanted.pipeline_id,
    wanted.number,
    wanted.branch,
    wanted.status,
    wanted.day,
    wanted.queued_at,
    wanted.commit_sha,
    wanted.runner,
    wanted.url,
    good.build_id as good_build_id,
    good.commit_sha as good_sha,
    coalesce(pipeline.name, wanted.pipeline_id) as pipeline
from wanted
left join core.pipelines as pipeline on wanted.pipeline_id = pipeline.pipeline_id
left join good on true
