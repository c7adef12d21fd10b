-- What was known of a commit before its first build, and whether that build broke what was green.
--
-- One row for each first attempt of a build that ended passed or failed, where the build before it of the
-- same pipeline and branch had passed: only there a failure is news. Each signal is about the files of
-- the commit as they stood before it, so none of them knows the answer. lines and files are the size of
-- the change; churn is the largest number of commits that one of its files had in the 30 days before;
-- authors the largest number of people behind those; is_first_touch that its author had not touched one
-- of the files in the 90 days before; findings the number of findings open then in its files, coverage
-- the lowest line coverage measured before. Merges have no files and are left out.
--
-- grain: project_id, build_id
-- keys: project_id, build_id
-- inputs: core.builds, core.commits, core.commit_files, core.code_findings, core.code_measures
-- refresh: by day
with
horizon as (
    select min(changed.day) - interval 120 days as oldest
    from changed
),

ordered as (
    select
        build.project_id,
        build.build_id,
        build.day,
        build.commit_sha,
        build.status,
        lag(build.status) over (
            partition by build.project_id, build.pipeline_id, build.branch
            order by build.started_at, build.build_id
        ) as status_before
    from core.builds as build
    where
        build.day >= (select horizon.oldest from horizon)
        and coalesce(build.attempt, 1) = 1
        and build.status in ('passed', 'failed')
        and build.commit_sha is not null
),

judged as (
    select *
    from ordered
    where
        status_before = 'passed'
        and day in (select changed.day from changed)
),

changes as (
    select
        one.project_id,
        one.build_id,
        one.day,
        one.commit_sha,
        entry.repository_id,
        entry.committed_at,
        entry.author_email,
        entry.files_changed as file_count,
        one.status = 'failed' as is_broken,
        entry.insertions + entry.deletions as line_count
    from judged as one
    inner join core.commits as entry
        on
            one.project_id = entry.project_id
            and one.commit_sha = entry.sha
    where not entry.is_merge
    qualify row_number() over (partition by one.project_id, one.build_id order by entry.repository_id) = 1
),

touched as (
    select
        one.project_id,
        one.build_id,
        one.repository_id,
        one.committed_at,
        one.author_email,
        file.path
    from changes as one
    inner join core.commit_files as file -- noqa: RF04
        on
            one.repository_id = file.repository_id
            and one.commit_sha = file.sha
),

earlier as (
    select
        file.repository_id,
        file.path,
        file.sha,
        entry.committed_at,
        entry.author_email
    from core.commit_files as file -- noqa: RF04
    inner join core.commits as entry
        on
            file.repository_id = entry.repository_id
            and file.sha = entry.sha
    where
        file.day >= (select horizon.oldest from horizon)
        and (file.repository_id, file.path) in (select (touched.repository_id, touched.path) from touched)
),

histories as (
    select
        one.project_id,
        one.build_id,
        one.path,
        count(past.sha) filter (where past.committed_at >= one.committed_at - interval 30 days) as churn,
        count(distinct past.author_email)
        filter (where past.committed_at >= one.committed_at - interval 30 days)
            as authors,
        coalesce(bool_or(past.author_email = one.author_email), false) as is_known
    from touched as one
    left join earlier as past
        on
            one.repository_id = past.repository_id
            and one.path = past.path
            and one.committed_at > past.committed_at
            and past.committed_at >= one.committed_at - interval 90 days
    group by one.project_id, one.build_id, one.path
),

known_files as (
    select
        project_id,
        build_id,
        max(churn) as churn,
        max(authors) as authors,
        not bool_and(is_known) as is_first_touch
    from histories
    group by project_id, build_id
),

open_findings as (
    select
        one.project_id,
        one.build_id,
        count(*) as findings
    from touched as one
    inner join core.code_findings as finding
        on
            one.project_id = finding.project_id
            and one.path = finding.path
            and one.committed_at > finding.created_at
            and (finding.resolved_at is null or one.committed_at <= finding.resolved_at)
    group by one.project_id, one.build_id
),

measured as (
    select
        one.project_id,
        one.build_id,
        one.path,
        arg_max(measure.value, (measure.at, -measure.value)) as coverage
    from touched as one
    inner join core.code_measures as measure
        on
            one.project_id = measure.project_id
            and one.path = measure.component
            and measure.metric = 'line_coverage'
            and one.committed_at > measure.at
    group by one.project_id, one.build_id, one.path
),

covered as (
    select
        project_id,
        build_id,
        min(coverage) as coverage
    from measured
    group by project_id, build_id
),

analysed as (
    select
        project_id,
        min(created_at) as since_at
    from core.code_findings
    group by project_id
)

select
    one.project_id,
    one.build_id,
    one.day,
    one.commit_sha,
    one.is_broken,
    one.line_count,
    one.file_count,
    known.churn,
    known.authors,
    known.is_first_touch,
    covered.coverage,
    case when analysed.since_at < one.committed_at then coalesce(found.findings, 0) end as findings
from changes as one
inner join known_files as known
    on
        one.project_id = known.project_id
        and one.build_id = known.build_id
left join open_findings as found
    on
        one.project_id = found.project_id
        and one.build_id = found.build_id
left join covered
    on
        one.project_id = covered.project_id
        and one.build_id = covered.build_id
left join analysed on one.project_id = analysed.project_id
