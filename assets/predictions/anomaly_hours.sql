-- Hourly means of every series from day $1 to $2.
--
-- grain: project_id, instance, series, hour_at
-- keys: project_id, instance, series, hour_at
-- inputs: marts.metric_hourly
select
    project_id,
    instance,
    series,
    hour_at,
    mean_value as value -- noqa: RF04
from marts.metric_hourly
where day between $1::date and $2::date
