-- What each series of metrics was, hour by hour: mean, lowest and highest value.
--
-- Values that are not numbers are left out. Hours begin at the full hour in UTC.
--
-- grain: project_id, instance, series, hour_at
-- keys: project_id, instance, series, hour_at
-- inputs: core.metric_points
-- refresh: by day
select
    point.project_id,
    point.instance,
    point.series,
    point.day,
    date_trunc('hour', point.at) as hour_at,
    any_value(point.metric) as metric,
    count(*) as points,
    avg(point.value) as mean_value,
    min(point.value) as lowest,
    max(point.value) as highest
from core.metric_points as point -- noqa: RF04
where
    point.day in (select changed.day from changed)
    and isfinite(point.value)
group by point.project_id, point.instance, point.series, point.day, date_trunc('hour', point.at)
