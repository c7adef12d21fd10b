-- Log lines of a period, the newest first.
--
-- grain: instance, service, build_id, line
-- keys: instance, service, build_id, line
-- inputs: core.log_lines
-- order: "at" desc, line desc, instance, service
-- parameter: text text only lines that hold this text
-- parameter: level error|warning|info|debug only lines of this level
-- parameter: service text only lines of this service
-- parameter: build text only lines of this build_id
-- period: day
select
    entry.project_id,
    entry.source,
    entry.instance,
    entry.service,
    entry.build_id,
    entry.test_id,
    entry.at,
    entry.line,
    entry.level,
    entry.template_id,
    entry.message
from core.log_lines as entry
where
    ($project::varchar is null or entry.project_id = $project)
    and entry.day between $first and $last
    and ($text::varchar is null or contains(lower(entry.message), lower($text)))
    and ($level::varchar is null or entry.level = $level)
    and ($service::varchar is null or entry.service = $service)
    and ($build::varchar is null or entry.build_id = $build)
