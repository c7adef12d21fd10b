-- Which commits each good deployment was the first to carry to its environment, and how long that took.
--
-- A deployment carries the commit it names and all its ancestors; what an earlier good deployment of the
-- same project, service, environment and repository carried is not new. The first deployment of a service
-- to an environment is left out: what was there before nobody knows. Commits are found in any repository of
-- the project, since a sha means one commit wherever it is. lead_s is the DORA change lead time of
-- the commit, from committing to the end of the deployment.
--
-- The graph of commits is walked from all deployments at once, a commit keeping the earliest that reached
-- it. The walk ends at commits that are 30 days older than the oldest of the commits that were deployed
-- before: a branch that lay longer than that before it was merged is taken for carried. A change shows in
-- deployments of the 30 days after it.
--
-- grain: project_id, service, environment, sha
-- keys: project_id, service, environment, sha
-- inputs: marts.deployments, core.commits
-- refresh: by day, spread 30 days
with recursive -- noqa: PRS
good as (
    select
        project_id,
        coalesce(service, '') as service,
        coalesce(environment, '') as environment,
        coalesce(repository_id, '') as repository_id,
        environment_kind,
        deployment_id,
        commit_sha,
        day,
        coalesce(finished_at, started_at) as deployed_at
    from marts.deployments
    where status = 'passed'
),

places as (
    select
        project_id,
        service,
        environment,
        repository_id,
        row_number() over (order by project_id, service, environment, repository_id) as place
    from good
    where day in (select changed.day from changed)
    group by project_id, service, environment, repository_id
),

numbered as (
    select
        place.place,
        good.*,
        row_number() over (partition by place.place order by good.deployed_at, good.deployment_id) as nth
    from good
    inner join places as place using (project_id, service, environment, repository_id)
),

spans as (
    select
        place,
        min(nth) - 1 as before_nth,
        max(nth) as last_nth
    from numbered
    where day in (select changed.day from changed)
    group by place
),

heads as materialized (
    select
        one.place,
        one.project_id,
        one.nth,
        one.commit_sha,
        entry.committed_at
    from numbered as one
    inner join spans as span on one.place = span.place
    left join core.commits as entry
        on
            one.project_id = entry.project_id
            and one.commit_sha = entry.sha
    where one.nth between span.before_nth and span.last_nth
),

horizons as materialized (
    select
        place,
        project_id,
        min(committed_at) - interval 30 days as oldest_at
    from heads
    group by place, project_id
),

links as materialized (
    select distinct
        place.place,
        entry.sha,
        unnest(entry.parents) as parent
    from core.commits as entry
    inner join horizons as place on entry.project_id = place.project_id
    where entry.committed_at >= place.oldest_at
),

carried (place, sha, nth) using key (place, sha) as (
    select
        place,
        commit_sha as sha,
        min(nth) as nth
    from heads
    group by place, commit_sha
    union
    select
        child.place,
        link.parent as sha,
        min(child.nth) as nth
    from carried as child
    inner join links as link
        on
            child.place = link.place
            and child.sha = link.sha
    left join recurring.carried as known
        on
            child.place = known.place
            and link.parent = known.sha
    where known.nth is null or child.nth < known.nth
    group by child.place, link.parent
),

brought as (
    select
        one.place,
        one.project_id,
        one.service,
        one.environment,
        one.environment_kind,
        one.deployment_id,
        one.day,
        one.deployed_at,
        one.commit_sha,
        carried.sha
    from carried
    inner join numbered as one
        on
            carried.place = one.place
            and carried.nth = one.nth
    where
        one.nth > 1
        and one.day in (select changed.day from changed)
)

select
    one.project_id,
    nullif(one.service, '') as service,
    nullif(one.environment, '') as environment,
    one.environment_kind,
    one.deployment_id,
    entry.repository_id,
    one.sha,
    one.day,
    entry.committed_at,
    one.deployed_at,
    epoch(one.deployed_at - entry.committed_at) as lead_s,
    one.sha = one.commit_sha as is_head,
    entry.is_merge
from brought as one
inner join core.commits as entry
    on
        one.project_id = entry.project_id
        and one.sha = entry.sha
inner join horizons as horizon on one.place = horizon.place
where entry.committed_at >= horizon.oldest_at
qualify
    row_number() over (
        partition by one.project_id, one.service, one.environment, one.sha
        order by one.deployed_at, one.deployment_id, entry.repository_id
    ) = 1
