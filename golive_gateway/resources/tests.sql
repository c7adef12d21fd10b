-- Test cases as they fared in the last 30 days, those that fail most first.
--
-- grain: project_id, test_id
-- keys: project_id, test_id
-- inputs: marts.test_health
-- order: failed desc, test_id
-- parameter: name text only tests whose name, class or file holds this text
select
    project_id,
    test_id,
    suite,
    class_name,
    name,
    parameters,
    file,
    runs,
    passed,
    failed,
    skipped,
    failure_rate,
    median_duration_s,
    failing_since_commit_sha,
    failing_since_at,
    consecutive_failures,
    last_status,
    last_at
from marts.test_health
where
    ($project::varchar is null or project_id = $project)
    and (
        $name::varchar is null
        or contains(lower(concat_ws(' ', class_name, name, file)), lower($name))
    )
