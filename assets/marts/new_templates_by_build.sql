-- What is new in the log of a failed build: templates that no good build of its pipeline logged before.
--
-- A good build passed and was queued earlier, at most 30 days before. Failed and errored builds with an
-- earlier good build that has log lines are compared, no others: without one everything would be new.
-- last_good_build_id is the newest of the good builds. Lines are those of the build and day; errors
-- come first when sorted by errors, then first_line.
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
)

select
    looked_up.project_id,
    looked_up.pipeline_id,
    looked_up.build_id,
    looked_up.template_id,
    looked_up.day,
    standing.template,
    any_value(looked_up.service) as service,
    sum(looked_up.log_lines) as log_lines,
    sum(looked_up.errors) as errors,
    sum(looked_up.warnings) as warnings,
    min(looked_up.first_line) as first_line,
    arg_min(looked_up.example, looked_up.first_line) as example,
    any_value(looked_up.last_good_build_id) as last_good_build_id
from looked_up
inner join core.log_templates as standing on looked_up.template_id = standing.template_id
where looked_up.known_at is null or looked_up.known_at < looked_up.compared_since
group by
    looked_up.project_id, looked_up.pipeline_id, looked_up.build_id, looked_up.template_id, looked_up.day,
    standing.template
