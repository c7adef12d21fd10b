-- Log lines of a period, the newest first.
--
-- grain: instance, service, build_id, line
-- keys: instance, service, build_id, line
-- inputs: core.log_lines
-- order: "at" desc, line desc, instance, service
-- parameter: text text only lines that hold this text
-- parameter: level text error, warning, info or debug
-- parameter: service text only lines of this service
-- parameter: build text only lines of this build_id
-- period: day
select
    project_id,
    source,
    instance,
    service,
    build_id,
    test_id,
    at,
    line,
    level,
    template_id,
    message
from core.log_lines
where
    ($project::varchar is null or project_id = $project)
    and day between $first and $last
    and ($text::varchar is null or contains(lower(message), lower($text)))
    and ($level::varchar is null or level = $level)
    and ($service::varchar is null or service = $service)
    and ($build::varchar is null or build_id = $build)
