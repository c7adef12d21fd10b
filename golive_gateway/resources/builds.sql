-- Builds, the newest first.
--
-- grain: build_id
-- keys: build_id
-- inputs: core.builds
-- order: queued_at desc, build_id desc
-- parameter: branch text only builds of this branch
-- parameter: status queued|running|passed|failed|error|cancelled|skipped only builds in this state
-- parameter: pipeline text only builds of this pipeline_id
-- parameter: id text only the build of this build_id
-- parameter: commit text only builds of this commit
-- period: day
select
    build_id,
    project_id,
    pipeline_id,
    source,
    number,
    attempt,
    status,
    is_unstable,
    branch,
    commit_sha,
    trigger,
    triggered_by,
    queued_at,
    started_at,
    finished_at,
    duration_s,
    queue_s,
    cost_usd,
    url,
    day
from core.builds
where
    ($project::varchar is null or project_id = $project)
    and day between $first and $last
    and ($branch::varchar is null or branch = $branch)
    and ($status::varchar is null or status = $status)
    and ($pipeline::varchar is null or pipeline_id = $pipeline)
    and ($id::varchar is null or build_id = $id)
    and ($commit::varchar is null or commit_sha = $commit)
