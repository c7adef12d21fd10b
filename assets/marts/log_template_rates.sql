-- What each service logs, how often, day by day: lines by template, and which templates are new.
--
-- A line belongs to the day of its own time. template_id and template are those that stood when the day
-- was computed; core.log_templates says what became of them since (merged_into). first_seen_at is that of
-- the template anywhere, so is_new means that no service of any project logged it before that day.
-- Lines without a template are not counted: the next run mines them.
--
-- grain: project_id, service, template_id, day
-- keys: project_id, service, template_id, day
-- inputs: core.log_lines, core.log_templates
-- refresh: by day
with
mined_lines as (
    select
        entry.project_id,
        entry.service,
        entry.day,
        entry.at as said_at,
        entry.level,
        entry.build_id,
        coalesce(given.merged_into, given.template_id) as template_id
    from core.log_lines as entry
    inner join core.log_templates as given on entry.template_id = given.template_id
    where entry.day in (select changed.day from changed)
),

daily_lines as (
    select
        project_id,
        service,
        template_id,
        day,
        count(*) as log_lines,
        count(*) filter (where level = 'error') as errors,
        count(*) filter (where level = 'warning') as warnings,
        count(distinct build_id) as builds,
        min(said_at) as first_at,
        max(said_at) as last_at
    from mined_lines
    group by project_id, service, template_id, day
)

select
    daily.project_id,
    daily.service,
    daily.template_id,
    daily.day,
    standing.template,
    daily.log_lines,
    daily.errors,
    daily.warnings,
    daily.builds,
    daily.first_at,
    daily.last_at,
    standing.first_seen_at,
    standing.first_seen_at >= daily.day as is_new
from daily_lines as daily
inner join core.log_templates as standing on daily.template_id = standing.template_id
