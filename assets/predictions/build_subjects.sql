-- What may be built next, by each pipeline that builds such things: the heads of branches that moved in the
-- 14 days before $1, and of open change requests. Branches without a repository are those of builds.
--
-- Pipelines that only a clock, a person or another build starts are left out. usual_trigger is what usually
-- starts the pipeline on the main line, or off it.
--
-- grain: subject_kind, subject_id, pipeline_id
-- keys: project_id, subject_kind, subject_id, pipeline_id
-- inputs: core.builds, core.branches, core.repositories, core.change_requests, core.commits
with
recent_builds as (
    select
        build.project_id,
        build.pipeline_id,
        build.trigger,
        build.commit_sha,
        build.queued_at,
        coalesce(build.branch, '') as branch,
        coalesce(build.branch, '') = ''
        or exists (
            select 1
            from core.repositories as home
            where home.project_id = build.project_id and home.default_branch = build.branch
        )
        or (
            build.branch in ('main', 'master', 'trunk', 'develop')
            and not exists (
                select 1
                from core.repositories as home
                where home.project_id = build.project_id and home.default_branch is not null
            )
        ) as is_main
    from core.builds as build
    where
        build.day > $1::date - 90
        and build.queued_at <= $1::timestamptz
        and coalesce(build.trigger, 'push') not in ('schedule', 'manual', 'upstream')
),

starters as (
    select
        project_id,
        pipeline_id,
        is_main,
        mode(trigger) as usual_trigger
    from recent_builds
    group by project_id, pipeline_id, is_main
),

pipelines as (
    select *
    from starters
    union all
    select
        project_id,
        pipeline_id,
        not is_main as is_main,
        usual_trigger
    from starters
    where project_id not in (
        select other.project_id
        from starters as other
        where other.is_main != starters.is_main
    )
),

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

built_heads as (
    select
        project_id,
        project_id || ':' || branch as subject_id,
        branch,
        arg_max(commit_sha, queued_at) as commit_sha,
        bool_or(is_main) as is_main
    from recent_builds
    where project_id not in (select home.project_id from core.repositories as home)
    group by project_id, branch
    having max(queued_at) >= $1::timestamptz - interval 14 day
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
    subject.project_id,
    subject.subject_kind,
    subject.subject_id,
    pipeline.pipeline_id,
    subject.branch,
    subject.is_main,
    subject.commit_sha,
    case
        when subject.subject_kind = 'change_request' then 'pull_request'
        else pipeline.usual_trigger
    end as usual_trigger
from subjects as subject
inner join pipelines as pipeline
    on subject.project_id = pipeline.project_id and subject.is_main = pipeline.is_main
where subject.commit_sha is not null
order by all
