-- How healthy was each pipeline on each day: builds by outcome, durations, waiting time, cost.
--
-- A build belongs to the day it was queued on. Only passed, failed and errored builds say something
-- about the code: failure_rate is (failed + errored) / (passed + failed + errored), null without any.
-- Durations are those of finished builds; running counts queued ones too. cost_usd is null unless a
-- source reported a cost.
--
-- grain: project_id, pipeline_id, day
-- keys: project_id, pipeline_id, day
-- inputs: core.builds, core.pipelines
-- refresh: by day
with
daily_builds as (
    select
        build.project_id,
        build.pipeline_id,
        build.day,
        build.build_id,
        build.number,
        build.attempt,
        build.status,
        build.queue_s,
        build.cost_usd,
        case when build.status in ('passed', 'failed', 'error') then build.duration_s end as verdict_s,
        case when build.status not in ('queued', 'running') then build.duration_s end as spent_s
    from core.builds as build
    where build.day in (select changed.day from changed)
),

outcomes as (
    select
        project_id,
        pipeline_id,
        day,
        count(*) as builds,
        count(*) filter (where status = 'passed') as passed,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'error') as errored,
        count(*) filter (where status = 'cancelled') as cancelled,
        count(*) filter (where status in ('queued', 'running')) as running,
        median(verdict_s) as median_duration_s,
        quantile_cont(verdict_s, 0.95) as p95_duration_s,
        median(queue_s) as median_queue_s,
        sum(spent_s) as total_duration_s,
        coalesce(sum(spent_s) filter (where status in ('failed', 'error')), 0) as failed_duration_s,
        sum(cost_usd) as cost_usd,
        arg_max(build_id, (number, attempt)) as last_build_id,
        arg_max(status, (number, attempt)) as last_status
    from daily_builds
    group by project_id, pipeline_id, day
)

select
    outcome.project_id,
    outcome.pipeline_id,
    outcome.day,
    outcome.builds,
    outcome.passed,
    outcome.failed,
    outcome.errored,
    outcome.cancelled,
    outcome.running,
    outcome.median_duration_s,
    outcome.p95_duration_s,
    outcome.median_queue_s,
    outcome.total_duration_s,
    outcome.failed_duration_s,
    outcome.cost_usd,
    outcome.last_build_id,
    outcome.last_status,
    coalesce(pipeline.name, outcome.pipeline_id) as pipeline_name,
    (outcome.failed + outcome.errored)
    / nullif(outcome.passed + outcome.failed + outcome.errored, 0) as failure_rate
from outcomes as outcome
left join core.pipelines as pipeline on outcome.pipeline_id = pipeline.pipeline_id
