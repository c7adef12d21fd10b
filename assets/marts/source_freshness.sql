-- How fresh and how sound is what each source brings: last visit, newest event, rows, what was kept out.
--
-- core_rows counts the commits and builds in core that came from the source; what its reports added to
-- the builds of another source is not in it. quarantined counts rows and files kept out so far.
--
-- grain: instance
-- keys: instance
-- inputs: ops.source_health, ops.quarantine, core.commits, core.builds
-- refresh: full
with
core_rows as (
    select
        counted.instance,
        count(*) as core_rows
    from (
        select entry.repository_id as instance
        from core.commits as entry
        union all
        select split_part(build.pipeline_id, ':', 1) as instance
        from core.builds as build
    ) as counted
    group by counted.instance
),

kept_out as (
    select
        instance,
        count(*) as quarantined
    from ops.quarantine
    group by instance
)

select
    health.instance,
    health.source,
    health.project_id,
    health.status,
    health.checked_at,
    health.succeeded_at,
    health.newest_at,
    health.error,
    health.hint,
    coalesce(core_rows.core_rows, 0) as core_rows,
    coalesce(kept_out.quarantined, 0) as quarantined
from ops.source_health as health
left join core_rows on health.instance = core_rows.instance
left join kept_out on health.instance = kept_out.instance
