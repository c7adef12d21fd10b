-- The finished builds of a pipeline up to an instant, as results of the pipeline as a whole.
--
-- grain: build_id
-- keys: build_id
-- parameters: $1 pipeline, $2 day, $3 until
-- inputs: core.builds
select
    commit_sha,
    status,
    queued_at as started_at
from core.builds
where
    pipeline_id = $1
    and day between $2::date - 60 and $2::date
    and queued_at <= $3::timestamptz
    and commit_sha is not null
    and status in ('passed', 'failed', 'error')
order by queued_at
