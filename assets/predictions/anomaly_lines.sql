-- Lines of every template of every service from day $1 to $2, day by day.
--
-- grain: project_id, service, template_id, day
-- keys: project_id, service, template_id, day
-- inputs: marts.log_template_rates
select
    project_id,
    service,
    template_id,
    day,
    any_value(template) as template, -- noqa: RF04
    sum(log_lines)::bigint as lines, -- noqa: RF04
    sum(errors)::bigint as errors,
    sum(warnings)::bigint as warnings
from marts.log_template_rates
where day between $1::date and $2::date
group by project_id, service, template_id, day
