-- The log of a build in order, and whether a good build of its pipeline logged the same template.
--
-- Good builds passed and were queued in the 30 days before. Without one is_known is null: there is
-- nothing to contrast with. At most 50,000 lines, errors first where there are more.
--
-- grain: service, line
-- keys: service, line
-- parameters: $1 project, $2 day, $3 pipeline, $4 until, $5 build
-- inputs: core.log_lines, core.log_templates, core.builds, marts.build_templates
with
good as (
    select distinct said.template_id
    from marts.build_templates as said
    inner join core.builds as build on said.build_id = build.build_id
    where
        said.project_id = $1
        and said.day between $2::date - 31 and $2::date
        and build.pipeline_id = $3
        and build.day between $2::date - 30 and $2::date
        and build.status = 'passed'
        and build.queued_at < $4::timestamptz
),

said as (
    select
        entry.service,
        entry.line,
        entry.level,
        entry.message,
        coalesce(given.merged_into, entry.template_id) as template_id
    from core.log_lines as entry
    left join core.log_templates as given on entry.template_id = given.template_id
    where
        entry.project_id = $1
        and entry.build_id = $5
        and entry.day between $2::date - 1 and $2::date + 2
    order by coalesce(entry.level, '') = 'error' desc, entry.service asc, entry.line asc
    limit 50000
)

select
    said.service,
    said.line,
    said.level,
    said.message,
    case
        when said.template_id is not null and (select count(*) from good) > 0
            then common.template_id is not null
    end as is_known
from said
left join good as common on said.template_id = common.template_id
order by said.service, said.line
