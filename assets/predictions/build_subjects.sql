-- What may be built next: the heads of branches that moved in the 14 days before $1, and of open change
-- requests. Branches of projects without a repository are those of builds.
--
-- grain: subject_kind, subject_id
-- keys: project_id, subject_kind, subject_id
-- inputs: core.builds, core.branches, core.repositories, core.change_requests, core.commits
with
branch_heads as (
    select
        home.project_id,
        home.repository_id || ':' || head.branch as subject_id,
        head.branch,
        head.head_sha as commit_sha,
        coalesce(head.is_default, head.branch = home.default_branch) as is_main
    from core.branches as head
    inner join core.repositories as home on head.repository_id = home.repository_id
    left join core.commits as entry
        on head.repository_id = entry.repository_id and head.head_sha = entry.sha
    where
        head.kind = 'branch'
        and not coalesce(head.is_deleted, false)
        and coalesce(entry.committed_at, head.updated_at) <= $1::timestamptz
        and coalesce(entry.committed_at, head.updated_at) >= $1::timestamptz - interval 14 day
),

recent_builds as (
    select
        project_id,
        commit_sha,
        queued_at,
        coalesce(branch, '') as branch
    from core.builds
    where
        day > $1::date - 15
        and queued_at <= $1::timestamptz
        and queued_at >= $1::timestamptz - interval 14 day
        and commit_sha is not null
),

built_heads as (
    select
        project_id,
        project_id || ':' || branch as subject_id,
        branch,
        arg_max(commit_sha, queued_at) as commit_sha,
        branch in ('', 'main', 'master', 'trunk', 'develop') as is_main
    from recent_builds
    where project_id not in (select home.project_id from core.repositories as home)
    group by project_id, branch
),

subjects as (
    select
        *,
        'branch' as subject_kind
    from branch_heads
    union all
    select
        *,
        'branch' as subject_kind
    from built_heads
    union all
    select
        project_id,
        change_request_id as subject_id,
        source_branch as branch,
        head_sha as commit_sha,
        false as is_main,
        'change_request' as subject_kind
    from core.change_requests
    where status = 'open' and opened_at <= $1::timestamptz
)

select
    project_id,
    subject_kind,
    subject_id,
    branch,
    is_main,
    commit_sha
from subjects
where commit_sha is not null
order by all
