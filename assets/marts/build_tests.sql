-- How the tests of each build did, and whether the build was an outage: many unrelated tests failing at
-- once, which says something about the infrastructure and nothing about the tests.
--
-- An outage is a build in which at least five test cases fail in their first attempt, at least 1 % of them
-- and four times the median share of the pipeline's builds of the 7 days before (the project's builds, if
-- the pipeline has fewer than three); in at least three classes, scattered over the classes at least a
-- fifth as widely as chance would scatter them. It is no outage if the two builds before it on its branch
-- had 95 % of these failures as well, twice the usual number left out: what lasts is a regression, while
-- a service that is away does not hit quite the same tests each time. Only earlier builds are looked at,
-- so that a verdict stands once it is made. day is that of the first result; usual_share is the median that
-- was compared, null where there were too few builds to compare with.
--
-- grain: project_id, build_id
-- keys: project_id, build_id
-- inputs: core.test_results, core.builds, core.tests
-- refresh: by day, spread 8 days
with
scan_days as (
    select distinct changed.day - back.step::integer as scan_day
    from changed
    cross join range(-1, 9) as back (step)
),

build_totals as (
    select
        build_id,
        any_value(project_id) as project_id,
        min(day) as first_day,
        min(started_at) as began_at,
        count(*) filter (where attempt = 1 and status != 'skipped') as tests,
        count(*) filter (where attempt = 1 and status in ('failed', 'error')) as failing,
        bool_or(attempt > 1) as has_retries
    from core.test_results
    where day in (select scan_days.scan_day from scan_days)
    group by build_id
),

builds as (
    select
        total.project_id,
        total.build_id,
        total.first_day,
        total.began_at,
        total.tests,
        total.failing,
        total.has_retries,
        build.pipeline_id,
        build.number,
        build.attempt,
        coalesce(build.branch, '') as branch,
        total.failing / greatest(total.tests, 1) as failing_share
    from build_totals as total
    inner join core.builds as build on total.build_id = build.build_id
),

builds_with_usual as (
    select
        *,
        count(*) over pipeline_week as pipeline_builds,
        median(failing_share) over pipeline_week as pipeline_share,
        count(*) over project_week as project_builds,
        median(failing_share) over project_week as project_share
    from builds
    window
        pipeline_week as (
            partition by project_id, pipeline_id
            order by began_at
            range between interval 7 days preceding and current row
            exclude group
        ),
        project_week as (
            partition by project_id
            order by began_at
            range between interval 7 days preceding and current row
            exclude group
        )
),

rated_builds as (
    select
        *,
        case
            when pipeline_builds >= 3 then pipeline_share
            when project_builds >= 3 then project_share
        end as usual_share
    from builds_with_usual
),

suspects as (
    select *
    from rated_builds
    where
        first_day in (select changed.day from changed)
        and failing >= 5
        and failing_share >= 0.01
        and failing_share >= 4 * usual_share
),

suspect_tests as (
    select
        suspect.build_id,
        result.test_id,
        coalesce(nullif(any_value(test.class_name), ''), any_value(test.suite), '') as class_name,
        bool_or(result.status in ('failed', 'error')) as is_failing
    from core.test_results as result
    inner join suspects as suspect on result.build_id = suspect.build_id
    left join core.tests as test on result.test_id = test.test_id
    where
        result.day in (select scan_days.scan_day from scan_days)
        and result.attempt = 1
        and result.status != 'skipped'
    group by suspect.build_id, result.test_id
),

suspect_scatter as (
    select
        build_id,
        count(distinct class_name) as classes,
        count(distinct class_name) filter (where is_failing) as failing_classes,
        count(*) filter (where is_failing) as failing
    from suspect_tests
    group by build_id
),

suspect_predecessors as (
    select
        suspect.build_id,
        earlier.build_id as before_id
    from suspects as suspect
    inner join builds as earlier
        on
            suspect.project_id = earlier.project_id
            and suspect.pipeline_id = earlier.pipeline_id
            and suspect.branch = earlier.branch
            and suspect.began_at > earlier.began_at
            and suspect.first_day - earlier.first_day <= 7
            and earlier.attempt = 1
            and (
                suspect.number > earlier.number
                or (suspect.number = earlier.number and suspect.attempt > 1)
            )
    qualify row_number() over (partition by suspect.build_id order by earlier.number desc) <= 2
),

suspect_repeats as (
    select
        test.build_id,
        predecessor.before_id,
        count(distinct test.test_id) as repeated
    from suspect_tests as test
    inner join suspect_predecessors as predecessor on test.build_id = predecessor.build_id
    inner join core.test_results as result
        on
            predecessor.before_id = result.build_id
            and test.test_id = result.test_id
            and result.attempt = 1
            and result.status in ('failed', 'error')
    where test.is_failing and result.day in (select scan_days.scan_day from scan_days)
    group by test.build_id, predecessor.before_id
),

lasting_suspects as (
    select overlap.build_id
    from suspect_repeats as overlap
    inner join suspect_scatter as scatter on overlap.build_id = scatter.build_id
    inner join suspects as suspect on overlap.build_id = suspect.build_id
    where
        overlap.repeated
        >= 0.95 * (scatter.failing - least(2 * suspect.usual_share * suspect.tests, 0.2 * scatter.failing))
    group by overlap.build_id
    having count(*) = 2
),

outages as (
    select build_id
    from suspect_scatter
    where
        failing_classes >= 3
        and failing_classes >= 0.2 * classes * (1 - (1 - 1 / classes) ** failing)
        and build_id not in (select lasting.build_id from lasting_suspects as lasting)
)

select
    rated.project_id,
    rated.build_id,
    rated.pipeline_id,
    changed.day,
    rated.began_at,
    rated.tests,
    rated.failing,
    rated.has_retries,
    rated.usual_share,
    outage.build_id is not null as is_outage
from rated_builds as rated
inner join changed on rated.first_day = changed.day
left join outages as outage on rated.build_id = outage.build_id
