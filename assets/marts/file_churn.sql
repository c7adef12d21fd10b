-- How often was each file changed, and by whom: commits, lines and people of the last 365 days.
--
-- The window is the 365 days up to the newest commit of the project; *_90d are those of the last 90.
-- Merges and commits that touch more than 200 files (reformatting, moves) say nothing of a file and are
-- left out. main_author made most of the commits, main_author_share is their part. A file that was renamed
-- begins anew; one whose last change deleted it is left out.
--
-- grain: project_id, repository_id, path
-- keys: project_id, repository_id, path
-- inputs: core.commits, core.commit_files
-- refresh: window 365 days
with
newest as (
    select
        project_id,
        max(day) as newest_day
    from core.commits
    group by project_id
),

changes as (
    select
        entry.project_id,
        entry.repository_id,
        entry.committed_at,
        entry.day,
        newest.newest_day,
        touched.path,
        touched.change_type,
        coalesce(nullif(entry.author_name, ''), entry.author_email) as author,
        coalesce(touched.insertions, 0) + coalesce(touched.deletions, 0) as lines_changed
    from core.commits as entry
    inner join newest on entry.project_id = newest.project_id
    inner join core.commit_files as touched
        on entry.repository_id = touched.repository_id and entry.sha = touched.sha and entry.day = touched.day
    where
        entry.day > newest.newest_day - 365
        and not entry.is_merge
        and entry.files_changed <= 200
),

by_author as (
    select
        project_id,
        repository_id,
        path,
        author,
        count(*) as commits,
        count(*) filter (where day > newest_day - 90) as commits_90d,
        sum(lines_changed)::bigint as lines_changed,
        (sum(lines_changed) filter (where day > newest_day - 90))::bigint as lines_changed_90d,
        max(committed_at) as last_at,
        arg_max(change_type, committed_at) as last_change
    from changes
    group by project_id, repository_id, path, author
)

select
    project_id,
    repository_id,
    path,
    count(*) as authors,
    sum(commits)::bigint as commits,
    sum(commits_90d)::bigint as commits_90d,
    sum(lines_changed)::bigint as lines_changed,
    coalesce(sum(lines_changed_90d), 0)::bigint as lines_changed_90d,
    max(last_at) as last_at,
    arg_max(author, (commits, last_at)) as main_author,
    max(commits) / sum(commits) as main_author_share
from by_author
group by project_id, repository_id, path
having arg_max(last_change, last_at) <> 'deleted'
