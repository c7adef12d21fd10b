-- What is new in the log of a failed build: templates that no good build of its pipeline logged before.
--
-- A good build passed and was queued earlier, at most 30 days before. Failed and errored builds with an
-- earlier good build that has log lines are compared, no others: without one everything would be new.
-- last_good_build_id is the newest of the good builds. Lines are those of the build and day.
--
-- telling ranks them: ln((1 + builds) / (1 + seen_builds)), rarity among the pipeline's builds of the 30
-- days before (seen_builds of those `builds` logged it, all of them bad ones); times 3 for errors and 1.5
-- for warnings; divided by 1 + ln(1 + lines between it and the rarest new error, the first of them), or the
-- last line of the build where nothing new is an error: what is said beside that error explains it.
--
-- grain: build_id, template_id, day
-- keys: build_id, template_id, day
-- inputs: marts.build_templates, core.builds, core.log_templates
-- refresh: by day, spread 30 days
with
logged as (
    select
        said.project_id,
        build.pipeline_id,
        said.build_id,
        said.day,
        said.log_lines,
        said.errors,
        said.warnings,
        said.first_line,
        said.service,
        said.example,
        build.status,
        build.queued_at,
        coalesce(given.merged_into, given.template_id) as template_id
    from marts.build_templates as said
    inner join core.builds as build on said.build_id = build.build_id
    inner join core.log_templates as given on said.template_id = given.template_id
    where said.day >= (select min(changed.day) - 31 from changed)
),

good_builds as (
    select distinct
        pipeline_id,
        build_id,
        queued_at
    from logged
    where status = 'passed'
),

good_templates as (
    select distinct
        pipeline_id,
        template_id,
        queued_at
    from logged
    where status = 'passed'
),

bad as (
    select
        *,
        queued_at - interval 30 days as compared_since
    from logged
    where status in ('failed', 'error') and day in (select changed.day from changed)
),

compared as (
    select
        bad.*,
        good.build_id as last_good_build_id
    from bad
    asof inner join good_builds as good
        on bad.pipeline_id = good.pipeline_id and bad.queued_at > good.queued_at
    where good.queued_at >= bad.compared_since
),

looked_up as (
    select
        compared.*,
        good.queued_at as known_at
    from compared
    asof left join good_templates as good
        on
            compared.pipeline_id = good.pipeline_id
            and compared.template_id = good.template_id
            and compared.queued_at > good.queued_at
),

new_templates as (
    select
        looked_up.project_id,
        looked_up.pipeline_id,
        looked_up.build_id,
        looked_up.template_id,
        looked_up.day,
        any_value(looked_up.queued_at) as queued_at,
        any_value(looked_up.compared_since) as compared_since,
        any_value(looked_up.service) as service,
        sum(looked_up.log_lines) as log_lines,
        sum(looked_up.errors) as errors,
        sum(looked_up.warnings) as warnings,
        min(looked_up.first_line) as first_line,
        arg_min(looked_up.example, looked_up.first_line) as example,
        any_value(looked_up.last_good_build_id) as last_good_build_id
    from looked_up
    where looked_up.known_at is null or looked_up.known_at < looked_up.compared_since
    group by
        looked_up.project_id, looked_up.pipeline_id, looked_up.build_id, looked_up.template_id,
        looked_up.day
),

build_counts as (
    select
        bad_build.build_id,
        count(distinct other.build_id) as builds
    from (
        select distinct
            build_id,
            pipeline_id,
            queued_at,
            compared_since
        from new_templates
    ) as bad_build
    inner join logged as other
        on
            bad_build.pipeline_id = other.pipeline_id
            and bad_build.queued_at > other.queued_at
            and bad_build.compared_since <= other.queued_at
    group by bad_build.build_id
),

template_counts as (
    select
        fresh.build_id,
        fresh.template_id,
        count(distinct other.build_id) as seen_builds
    from new_templates as fresh
    inner join logged as other
        on
            fresh.pipeline_id = other.pipeline_id
            and fresh.template_id = other.template_id
            and fresh.queued_at > other.queued_at
            and fresh.compared_since <= other.queued_at
    group by fresh.build_id, fresh.template_id
),

rarest_errors as (
    select
        fresh.build_id,
        arg_min(fresh.first_line, (coalesce(known.seen_builds, 0), fresh.first_line)) as line_number
    from new_templates as fresh
    left join template_counts as known
        on fresh.build_id = known.build_id and fresh.template_id = known.template_id
    where fresh.errors > 0
    group by fresh.build_id
),

centers as (
    select
        logged.build_id,
        coalesce(any_value(rarest.line_number), max(logged.first_line)) as line_number
    from logged
    left join rarest_errors as rarest on logged.build_id = rarest.build_id
    where logged.build_id in (select fresh.build_id from new_templates as fresh)
    group by logged.build_id
)

select
    fresh.project_id,
    fresh.pipeline_id,
    fresh.build_id,
    fresh.template_id,
    fresh.day,
    standing.template,
    fresh.service,
    fresh.log_lines,
    fresh.errors,
    fresh.warnings,
    fresh.first_line,
    fresh.example,
    fresh.last_good_build_id,
    coalesce(total.builds, 0) as builds,
    coalesce(known.seen_builds, 0) as seen_builds,
    ln((1.0 + coalesce(total.builds, 0)) / (1 + coalesce(known.seen_builds, 0)))
    * case when fresh.errors > 0 then 3 when fresh.warnings > 0 then 1.5 else 1 end
    / (1 + ln(1.0 + abs(fresh.first_line - center.line_number))) as telling
from new_templates as fresh
inner join core.log_templates as standing on fresh.template_id = standing.template_id
inner join centers as center on fresh.build_id = center.build_id
left join build_counts as total on fresh.build_id = total.build_id
left join template_counts as known
    on fresh.build_id = known.build_id and fresh.template_id = known.template_id
