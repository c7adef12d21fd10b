-- Which commit each deployment put where, and which good deployment was there before it.
--
-- Before it means: of the same project, service, environment and repository, passed, and finished earlier
-- (begun earlier, where no end is known). is_repeated tells that the commit is the one that was there
-- already. Which commits a deployment brought along is in deployed_commits.
--
-- grain: project_id, deployment_id, commit_sha
-- keys: project_id, deployment_id, commit_sha
-- inputs: marts.deployments
-- refresh: full
with
ordered as (
    select
        *,
        coalesce(finished_at, started_at) as deployed_at,
        case when status = 'passed' then deployment_id end as good_id
    from marts.deployments
),

followed as (
    select
        *,
        last_value(good_id ignore nulls) over earlier as previous_id
    from ordered
    window
        earlier as (
            partition by
                project_id,
                coalesce(service, ''),
                coalesce(environment, ''),
                coalesce(repository_id, '')
            order by deployed_at, deployment_id
            rows between unbounded preceding and 1 preceding
        )
)

select
    deployment.project_id,
    deployment.deployment_id,
    deployment.commit_sha,
    deployment.day,
    deployment.repository_id,
    deployment.service,
    deployment.environment,
    deployment.environment_kind,
    deployment.status,
    deployment.started_at,
    deployment.finished_at,
    deployment.build_id,
    deployment.is_inferred,
    previous.deployment_id as previous_deployment_id,
    previous.commit_sha as previous_commit_sha,
    previous.deployed_at as previous_deployed_at,
    epoch(deployment.deployed_at - previous.deployed_at) as since_previous_s,
    coalesce(previous.commit_sha = deployment.commit_sha, false) as is_repeated
from followed as deployment
left join ordered as previous
    on
        deployment.project_id = previous.project_id
        and deployment.previous_id = previous.deployment_id
