-- The newest builds that a signature was seen in, in any project or in one.
--
-- grain: project_id, build_id, day
-- keys: project_id, build_id, day
-- parameters: $1 signature, $2 project
-- inputs: marts.failure_builds
select
    project_id,
    build_id,
    day,
    failures,
    tests,
    started_at
from marts.failure_builds
where signature_id = $1 and project_id = coalesce(nullif($2, ''), project_id)
order by started_at desc
limit 20
