-- How much changed in each repository on each day: commits, people, files, lines.
--
-- The day is that of the committer's time in UTC. Merges are commits with two parents or more; they
-- count no files and lines, as git log --numstat has it. Authors are people after .mailmap.
--
-- grain: project_id, repository_id, day
-- keys: project_id, repository_id, day
-- inputs: core.commits
-- refresh: by day
with
daily_commits as (
    select
        entry.project_id,
        entry.repository_id,
        entry.day,
        count(*) as commits,
        count(*) filter (where entry.is_merge) as merge_commits,
        count(distinct coalesce(nullif(entry.author_email, ''), entry.author_name)) as authors,
        coalesce(sum(entry.files_changed), 0)::bigint as files_changed,
        coalesce(sum(entry.insertions), 0)::bigint as insertions,
        coalesce(sum(entry.deletions), 0)::bigint as deletions
    from core.commits as entry
    where entry.day in (select changed.day from changed)
    group by entry.project_id, entry.repository_id, entry.day
)

select
    project_id,
    repository_id,
    day,
    commits,
    merge_commits,
    authors,
    files_changed,
    insertions,
    deletions
from daily_commits
