-- Every file that changed in 90 days: how much, by whom, how complex and covered, and what broke with it.
--
-- The 90 days end with the newest commit of the project. churn counts commits, line_churn lines added and
-- deleted. owner is who changed most lines of it, owner_share their part; bus_factor is the smallest
-- number of people who changed half of the lines. builds counts first builds of its commits that could
-- tell, breaks those that failed where the one before had passed: see marts.change_signals. complexity
-- and coverage are as measured last; where nothing measures complexity it is null. heat is churn times
-- what makes a change dangerous: commits * (1 + open findings) * (2 - coverage), an order to look at
-- files in and no probability.
--
-- grain: project_id, repository_id, path
-- keys: project_id, repository_id, path
-- inputs: core.commits, core.commit_files, core.code_measures, core.code_findings, marts.change_signals
-- refresh: window 90 days
with
newest as (
    select
        project_id,
        max(day) as day -- noqa: RF04
    from core.commits
    group by project_id
),

changes as (
    select
        entry.project_id,
        entry.repository_id,
        file.path,
        entry.sha,
        entry.committed_at,
        coalesce(nullif(entry.author_name, ''), entry.author_email) as author,
        coalesce(file.insertions, 0) + coalesce(file.deletions, 0) as line_count
    from core.commits as entry
    inner join newest on entry.project_id = newest.project_id
    inner join core.commit_files as file -- noqa: RF04
        on
            entry.repository_id = file.repository_id
            and entry.sha = file.sha
            and entry.day = file.day
    where entry.day > newest.day - interval 90 days
),

people as (
    select
        project_id,
        repository_id,
        path,
        author,
        sum(line_count) + count(*) as work_done
    from changes
    group by project_id, repository_id, path, author
),

ranked as (
    select
        *,
        sum(work_done) over whole as all_work,
        sum(work_done) over (
            partition by project_id, repository_id, path
            order by work_done desc, author asc
        ) as running_work,
        row_number() over (
            partition by project_id, repository_id, path
            order by work_done desc, author asc
        ) as place
    from people
    window whole as (partition by project_id, repository_id, path)
),

owned as (
    select
        project_id,
        repository_id,
        path,
        count(*) as authors,
        arg_min(author, place) as owner, -- noqa: RF04
        arg_min(work_done / all_work, place) as owner_share,
        min(place) filter (where running_work >= all_work / 2) as bus_factor
    from ranked
    group by project_id, repository_id, path
),

grown as (
    select
        one.project_id,
        one.repository_id,
        one.path,
        count(distinct one.sha) as churn,
        sum(one.line_count) as line_churn,
        max(one.committed_at) as last_changed_at,
        count(distinct told.build_id) as builds,
        count(distinct told.build_id) filter (where told.is_broken) as breaks
    from changes as one
    left join marts.change_signals as told
        on
            one.project_id = told.project_id
            and one.sha = told.commit_sha
    group by one.project_id, one.repository_id, one.path
),

measures as (
    select
        told.project_id,
        told.component as path, -- noqa: RF04
        arg_max(told.value, told.at) filter (where told.metric = 'line_coverage') as coverage,
        arg_max(told.value, told.at) filter (where told.metric = 'complexity') as complexity
    from core.code_measures as told
    where told.metric in ('line_coverage', 'complexity')
    group by told.project_id, told.component
),

findings as (
    select
        project_id,
        path,
        count(*) as findings
    from core.code_findings
    where path is not null and resolved_at is null and status not in ('resolved', 'ignored')
    group by project_id, path
)

select
    one.project_id,
    one.repository_id,
    one.path,
    one.churn,
    one.line_churn,
    one.last_changed_at,
    owned.authors,
    owned.owner,
    owned.owner_share,
    owned.bus_factor,
    measures.complexity,
    measures.coverage,
    one.builds,
    one.breaks,
    coalesce(findings.findings, 0) as findings,
    one.churn * (1 + coalesce(findings.findings, 0)) * (2 - coalesce(measures.coverage, 1)) as heat
from grown as one
inner join owned
    on
        one.project_id = owned.project_id
        and one.repository_id = owned.repository_id
        and one.path = owned.path
left join measures
    on
        one.project_id = measures.project_id
        and one.path = measures.path
left join findings
    on
        one.project_id = findings.project_id
        and one.path = findings.path
