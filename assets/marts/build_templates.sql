-- What each build logged, as templates: how many lines of each, where the first one stands.
--
-- Only lines that belong to a build and have their template. A build that logs past midnight has rows on
-- both days. template_id is the one that stood when the day was computed; see core.log_templates.
--
-- grain: build_id, template_id, day
-- keys: build_id, template_id, day
-- inputs: core.log_lines, core.log_templates
-- refresh: by day
with
said as (
    select
        entry.project_id,
        entry.build_id,
        entry.day,
        entry.line as line_number,
        entry.service,
        entry.level,
        entry.message,
        coalesce(given.merged_into, given.template_id) as template_id
    from core.log_lines as entry
    inner join core.log_templates as given on entry.template_id = given.template_id
    where entry.day in (select changed.day from changed) and entry.build_id is not null
)

select
    project_id,
    build_id,
    template_id,
    day,
    count(*) as log_lines,
    count(*) filter (where level = 'error') as errors,
    count(*) filter (where level = 'warning') as warnings,
    min(line_number) as first_line,
    arg_min(service, line_number) as service,
    left(arg_min(message, line_number), 1000) as example
from said
group by project_id, build_id, template_id, day
