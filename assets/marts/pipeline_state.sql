-- Is each pipeline green or broken on each branch now, and since which build and commit.
--
-- Only builds with a verdict count (passed, failed, error): running, queued, cancelled and skipped ones
-- say nothing about the code. Builds are ordered by number, since a re-run of an old number is newer in
-- time but not in code; the last attempt with a verdict decides a number. failing_since_* is the first
-- failing build after the last good number on that branch, null while it is green. Its author and
-- subject come from the repository and are null where the commit is unknown. A pipeline whose builds
-- came to no verdict yet has the status of its newest build. branch is '' where the source names none.
-- is_main_line tells default branches, builds that name no branch, and where no default branch is known
-- the branch with most builds, from the work of single people.
--
-- grain: project_id, pipeline_id, branch
-- keys: project_id, pipeline_id, branch
-- inputs: marts.main_branches, core.builds, core.pipelines, core.commits
-- refresh: full
with
attempts as (
    select
        build.project_id,
        build.pipeline_id,
        build.build_id,
        build.number,
        build.attempt,
        build.status,
        build.commit_sha,
        build.url,
        coalesce(build.branch, '') as branch,
        coalesce(build.started_at, build.queued_at) as began_at,
        build.status in ('passed', 'failed', 'error') as has_verdict
    from core.builds as build
),

newest_builds as (
    select
        project_id,
        pipeline_id,
        branch,
        count(*) as builds,
        arg_max(build_id, (has_verdict, number, attempt)) as build_id
    from attempts
    group by project_id, pipeline_id, branch
),

decided_numbers as (
    select
        project_id,
        pipeline_id,
        branch,
        number,
        arg_max(status, attempt) as status,
        arg_max(build_id, attempt) as build_id
    from attempts
    where has_verdict
    group by project_id, pipeline_id, branch, number
),

good_numbers as (
    select
        project_id,
        pipeline_id,
        branch,
        max(number) as number,
        arg_max(build_id, number) as build_id
    from decided_numbers
    where status = 'passed'
    group by project_id, pipeline_id, branch
),

failing_spells as (
    select
        attempt.project_id,
        attempt.pipeline_id,
        attempt.branch,
        count(distinct attempt.number) as builds,
        arg_min(attempt.build_id, (attempt.number, attempt.attempt)) as build_id
    from attempts as attempt
    left join good_numbers as good
        on
            attempt.project_id = good.project_id
            and attempt.pipeline_id = good.pipeline_id
            and attempt.branch = good.branch
    where
        attempt.status in ('failed', 'error')
        and (good.number is null or attempt.number > good.number)
    group by attempt.project_id, attempt.pipeline_id, attempt.branch
),

first_failures as (
    select
        attempt.project_id,
        attempt.pipeline_id,
        attempt.branch,
        attempt.build_id,
        attempt.commit_sha,
        attempt.began_at,
        spell.builds
    from failing_spells as spell
    inner join attempts as attempt on spell.build_id = attempt.build_id
),

culprits as (
    select
        entry.project_id,
        entry.sha,
        any_value(entry.author_name) as author,
        any_value(entry.subject) as subject
    from core.commits as entry
    where entry.sha in (select failure.commit_sha from first_failures as failure)
    group by entry.project_id, entry.sha
)

select
    newest.project_id,
    newest.pipeline_id,
    newest.branch,
    newest.build_id as last_build_id,
    attempt.number as last_number,
    attempt.status as last_status,
    attempt.began_at as last_at,
    attempt.commit_sha as last_commit_sha,
    attempt.url,
    failure.began_at as failing_since_at,
    failure.build_id as failing_since_build_id,
    failure.commit_sha as failing_since_commit_sha,
    culprit.author as failing_since_author,
    culprit.subject as failing_since_subject,
    good.build_id as last_good_build_id,
    good_attempt.commit_sha as last_good_commit_sha,
    good_attempt.began_at as last_good_at,
    coalesce(pipeline.name, newest.pipeline_id) as pipeline_name,
    coalesce(failure.builds, 0) as failing_builds,
    newest.branch = '' or main_branch.branch is not null as is_main_line
from newest_builds as newest
inner join attempts as attempt on newest.build_id = attempt.build_id
left join first_failures as failure
    on
        newest.project_id = failure.project_id
        and newest.pipeline_id = failure.pipeline_id
        and newest.branch = failure.branch
left join good_numbers as good
    on
        newest.project_id = good.project_id
        and newest.pipeline_id = good.pipeline_id
        and newest.branch = good.branch
left join attempts as good_attempt on good.build_id = good_attempt.build_id
left join culprits as culprit
    on
        failure.project_id = culprit.project_id
        and failure.commit_sha = culprit.sha
left join marts.main_branches as main_branch
    on newest.project_id = main_branch.project_id and newest.branch = main_branch.branch
left join core.pipelines as pipeline on newest.pipeline_id = pipeline.pipeline_id
