-- What is known of some files of a project: changes of a year, builds that broke, complexity, coverage.
--
-- builds and breaks are of 90 days: marts.code_files. coverage falls back on a measure whose path fits.
--
-- grain: path
-- keys: path
-- parameters: $1 project, $2 paths
-- inputs: marts.file_churn, marts.code_files, marts.coverage_map
with
asked as (
    select unnest($2) as path -- noqa: RF04
),

churned as (
    select
        path,
        sum(commits)::bigint as commits,
        sum(commits_90d)::bigint as commits_90d,
        max(authors) as authors,
        arg_max(main_author, commits) as owner, -- noqa: RF04
        arg_max(main_author_share, commits) as owner_share
    from marts.file_churn
    where project_id = $1 and path in (select asked.path from asked)
    group by path
),

built as (
    select
        path,
        sum(builds)::bigint as builds,
        sum(breaks)::bigint as breaks,
        max(complexity) as complexity,
        max(coverage) as coverage,
        sum(findings)::bigint as findings
    from marts.code_files
    where project_id = $1 and path in (select asked.path from asked)
    group by path
),

measured as (
    select
        repository_path as path, -- noqa: RF04
        max(line_coverage) as coverage
    from marts.coverage_map
    where project_id = $1 and repository_path in (select asked.path from asked)
    group by repository_path
)

select
    asked.path,
    churned.commits,
    churned.commits_90d,
    churned.authors,
    churned.owner,
    churned.owner_share,
    built.builds,
    built.breaks,
    built.complexity,
    built.findings,
    coalesce(built.coverage, measured.coverage) as coverage
from asked
left join churned on asked.path = churned.path
left join built on asked.path = built.path
left join measured on asked.path = measured.path
