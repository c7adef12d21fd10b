-- Where do little coverage, much change and flaky tests meet: one row for each source file measured.
--
-- line_coverage is the newest of each file in the 90 days up to the project's newest measure, code_lines what
-- it is a share of. Commits, lines and people are those of 90 days (marts.file_churn); a path in a report
-- that is not one of the repository's is matched by its end. tests, flaky_tests and flakes are of the tests
-- next to the file (marts.test_sources); attempts and failures those of 30 days. risk is the product of the
-- uncovered share, commits and 1 plus flaky tests: what is changed often, tested little and shakily is first.
--
-- grain: project_id, component
-- keys: project_id, component
-- inputs: core.code_measures, marts.file_churn, marts.test_sources, marts.test_health, predictions.flaky
-- refresh: full
with
newest as (
    select
        project_id,
        max(day) as newest_day
    from core.code_measures
    where metric = 'line_coverage' and kind = 'file'
    group by project_id
),

coverage as (
    select
        measured.project_id,
        measured.component,
        regexp_extract(measured.component, '[^/]*$') as base,
        arg_max(measured.value, measured.at) as line_coverage,
        arg_max(measured.total, measured.at)::bigint as code_lines,
        max(measured.at) as measured_at
    from core.code_measures as measured
    inner join newest on measured.project_id = newest.project_id
    where
        measured.metric = 'line_coverage'
        and measured.kind = 'file'
        and measured.day > newest.newest_day - 90
    group by measured.project_id, measured.component
),

files as (
    select
        project_id,
        path,
        regexp_extract(path, '[^/]*$') as base,
        sum(commits_90d)::bigint as commits,
        sum(lines_changed_90d)::bigint as lines_changed,
        max(authors) as authors,
        arg_max(main_author, commits) as main_author
    from marts.file_churn
    group by project_id, path
),

matches as (
    select
        measured.project_id,
        measured.component,
        arg_min(
            churned.path, (measured.component <> churned.path, length(churned.path), churned.path)
        ) as repository_path
    from coverage as measured
    inner join files as churned on measured.project_id = churned.project_id and measured.base = churned.base
    where
        measured.component = churned.path
        or ends_with(churned.path, '/' || measured.component)
        or ends_with(measured.component, '/' || churned.path)
    group by measured.project_id, measured.component
),

tested as (
    select
        near.project_id,
        near.path,
        count(*) as tests,
        count(*) filter (where verdict.verdict = 'flaky') as flaky_tests,
        coalesce(sum(verdict.flakes), 0)::bigint as flakes,
        sum(health.runs)::bigint as attempts,
        sum(health.failed)::bigint as failures
    from marts.test_sources as near
    left join predictions.flaky as verdict
        on near.project_id = verdict.project_id and near.test_id = verdict.test_id
    left join marts.test_health as health
        on near.project_id = health.project_id and near.test_id = health.test_id
    where not near.is_own
    group by near.project_id, near.path
)

select
    measured.project_id,
    measured.component,
    paired.repository_path,
    measured.line_coverage,
    measured.code_lines,
    measured.measured_at,
    churned.main_author,
    coalesce(churned.commits, 0) as commits,
    coalesce(churned.lines_changed, 0) as lines_changed,
    coalesce(churned.authors, 0) as authors,
    coalesce(tested.tests, 0) as tests,
    coalesce(tested.flaky_tests, 0) as flaky_tests,
    coalesce(tested.flakes, 0) as flakes,
    coalesce(tested.attempts, 0) as attempts,
    coalesce(tested.failures, 0) as failures,
    (1 - measured.line_coverage)
    * coalesce(churned.commits, 0)
    * (1 + coalesce(tested.flaky_tests, 0)) as risk
from coverage as measured
left join matches as paired
    on measured.project_id = paired.project_id and measured.component = paired.component
left join files as churned
    on paired.project_id = churned.project_id and paired.repository_path = churned.path
left join tested
    on paired.project_id = tested.project_id and paired.repository_path = tested.path
