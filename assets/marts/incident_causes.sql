-- Which deployment probably caused each incident: every candidate of the 7 days before it, and none of
-- them.
--
-- Incidents are taken for events of a point process whose intensity is a steady background (an incident
-- in 30 days that no deployment caused) plus, after each good deployment to production, a share that
-- fades with a time constant of 6 hours: w / 6 h * exp(-lag / 6 h). The weight w is the number of
-- incidents that a deployment is expected to cause, 0.15, times 1 for the service of the incident, 0.4
-- where one of the two names none and 0.08 for another service, times 1 + ln(1 + commits) / 4 for what it
-- carried. The probability of a candidate is its part of the intensity when the incident began
-- (stochastic declustering: Zhuang, Ogata and Vere-Jones 2002, doi:10.1198/016214502760046925); together
-- with the row whose deployment_id is empty, the background, an incident's candidates add up to 1.
-- Weights are priors, the same for every project.
--
-- grain: project_id, incident_id, deployment_id
-- keys: project_id, incident_id, deployment_id
-- inputs: core.incidents, marts.deployments, marts.deployed_commits
-- refresh: by day, spread 8 days
with
day_incidents as (
    select
        entry.project_id,
        entry.incident_id,
        entry.day,
        entry.service,
        entry.started_at
    from core.incidents as entry
    where entry.day in (select changed.day from changed)
),

carried as (
    select
        project_id,
        deployment_id,
        count(*) as commits
    from marts.deployed_commits
    group by project_id, deployment_id
),

candidates as (
    select
        incident.project_id,
        incident.incident_id,
        incident.day,
        one.deployment_id,
        one.service,
        one.commit_sha,
        coalesce(one.finished_at, one.started_at) as deployed_at,
        epoch(incident.started_at - coalesce(one.finished_at, one.started_at)) as lag_s,
        coalesce(carried.commits, 0) as commits,
        case
            when one.service is null or incident.service is null then 0.4
            when lower(one.service) = lower(incident.service) then 1.0
            else 0.08
        end as service_match
    from day_incidents as incident
    inner join marts.deployments as one
        on
            incident.project_id = one.project_id
            and incident.started_at >= coalesce(one.finished_at, one.started_at)
            and incident.started_at < coalesce(one.finished_at, one.started_at) + interval 7 days
    left join carried
        on
            one.project_id = carried.project_id
            and one.deployment_id = carried.deployment_id
    where one.status = 'passed' and one.environment_kind = 'production'
),

scored as (
    select
        project_id,
        incident_id,
        day,
        deployment_id,
        service,
        commit_sha,
        deployed_at,
        lag_s,
        commits,
        service_match,
        0.15 * service_match * (1 + ln(1 + commits) / 4) / 21600 * exp(-lag_s / 21600) as intensity
    from candidates
    union all
    select
        incident.project_id,
        incident.incident_id,
        incident.day,
        '' as deployment_id,
        null as service,
        null as commit_sha,
        null as deployed_at,
        null as lag_s,
        null as commits,
        null as service_match,
        1.0 / 2592000 as intensity
    from day_incidents as incident
)

select
    *,
    intensity / sum(intensity) over (partition by project_id, incident_id) as probability
from scored
