-- What became of each deployment to production: what it carried, what followed, how it was recovered.
--
-- The facts that DORA's metrics are counted from; which of them mean a failure or rework is a rule of the
-- reader (an incident within so many hours, a hotfix by its words), so that changing the rule changes no row.
--
-- finished_at is the end, or the begin where no end is known. next_* is the next good deployment of the same
-- service. is_rollback tells that the commit had been deployed before and another was there in between; what
-- stood in between was rolled back. An incident belongs to the newest good deployment before it, of the same
-- service, or of any service of the project where the incident names none that is deployed; many incidents
-- of one deployment count once. incident_lag_s is from the deployment to its first incident,
-- incident_resolved_at the end of that one. commits are those it was the first to carry.
--
-- grain: project_id, deployment_id
-- keys: project_id, deployment_id
-- inputs: marts.deployments, marts.deployed_commits, core.commits, core.incidents
-- refresh: full
with
production as (
    select
        entry.project_id,
        entry.deployment_id,
        entry.status,
        entry.commit_sha,
        entry.branch,
        entry.build_id,
        entry.started_at,
        entry.is_inferred,
        coalesce(entry.service, '') as service,
        coalesce(entry.finished_at, entry.started_at) as finished_at
    from marts.deployments as entry
    where
        entry.environment_kind = 'production'
        and entry.status in ('passed', 'failed', 'error')
        and coalesce(entry.finished_at, entry.started_at) is not null
),

good as (
    select
        *,
        lag(commit_sha) over following as previous_commit_sha,
        min(finished_at) over (
            partition by project_id, service, commit_sha
        ) as first_deployed_at
    from production
    where status = 'passed'
    window following as (partition by project_id, service order by finished_at, deployment_id)
),

judged as (
    select
        *,
        coalesce(commit_sha != previous_commit_sha, false) and first_deployed_at < finished_at as is_rollback
    from good
),

ordered as (
    select
        *,
        lead(deployment_id) over following as next_deployment_id,
        lead(finished_at) over following as next_finished_at,
        lead(branch) over following as next_branch,
        lead(commit_sha) over following as next_commit_sha,
        lead(is_rollback) over following as next_is_rollback
    from judged
    window following as (partition by project_id, service order by finished_at, deployment_id)
),

services as (
    select distinct
        project_id,
        service
    from good
),

incidents as (
    select
        incident.project_id,
        incident.incident_id,
        incident.started_at,
        incident.resolved_at,
        known.service
    from core.incidents as incident
    left join services as known
        on
            incident.project_id = known.project_id
            and lower(incident.service) = lower(known.service)
),

blamed as (
    select
        incident.incident_id,
        incident.started_at,
        incident.resolved_at,
        entry.project_id,
        entry.deployment_id,
        epoch(incident.started_at - entry.finished_at) as lag_s
    from incidents as incident
    inner join good as entry
        on
            incident.project_id = entry.project_id
            and incident.started_at >= entry.finished_at
            and (incident.service is null or incident.service = entry.service)
    qualify
        row_number() over (
            partition by incident.project_id, incident.incident_id
            order by entry.finished_at desc, entry.deployment_id asc
        ) = 1
),

first_incidents as (
    select
        project_id,
        deployment_id,
        count(*) as incidents,
        arg_min(incident_id, started_at) as incident_id,
        min(lag_s) as incident_lag_s,
        arg_min(resolved_at, started_at) as incident_resolved_at
    from blamed
    group by project_id, deployment_id
),

carried as (
    select
        project_id,
        deployment_id,
        count(*) as commits,
        median(lead_s) as median_lead_s
    from marts.deployed_commits
    where environment_kind = 'production'
    group by project_id, deployment_id
),

subjects as (
    select
        project_id,
        sha,
        any_value(subject) as headline,
        any_value(author_name) as author_name
    from core.commits
    where sha in (select production.commit_sha from production)
    group by project_id, sha
)

select
    entry.project_id,
    entry.deployment_id,
    entry.service,
    entry.status,
    entry.commit_sha,
    entry.branch,
    head.headline as subject,
    head.author_name,
    entry.build_id,
    entry.started_at,
    entry.finished_at,
    entry.is_inferred,
    ordered.next_deployment_id,
    ordered.next_finished_at,
    ordered.next_branch,
    next_head.headline as next_subject,
    trouble.incident_id,
    trouble.incident_lag_s,
    trouble.incident_resolved_at,
    carried.median_lead_s,
    cast(entry.finished_at at time zone 'UTC' as date) as day, -- noqa: RF04
    coalesce(ordered.is_rollback, false) as is_rollback,
    coalesce(ordered.next_is_rollback, false) as is_rolled_back,
    coalesce(trouble.incidents, 0) as incidents,
    coalesce(carried.commits, 0) as commits
from production as entry
left join ordered
    on
        entry.project_id = ordered.project_id
        and entry.deployment_id = ordered.deployment_id
left join first_incidents as trouble
    on
        entry.project_id = trouble.project_id
        and entry.deployment_id = trouble.deployment_id
left join carried
    on
        entry.project_id = carried.project_id
        and entry.deployment_id = carried.deployment_id
left join subjects as head
    on
        entry.project_id = head.project_id
        and entry.commit_sha = head.sha
left join subjects as next_head
    on
        ordered.project_id = next_head.project_id
        and ordered.next_commit_sha = next_head.sha
