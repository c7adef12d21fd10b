-- The five DORA metrics of each project in a period; definitions: dora.dev, rules: [delivery].
--
-- change_lead_time_s is the median over commits from commit to production, recovery_s the median from a
-- failed deployment to its recovery. A metric without a deployment behind it is null; n_* say on how many.
--
-- grain: project_id
-- keys: project_id
-- inputs: marts.production_deployments, marts.deployed_commits
-- order: project_id
-- parameter: service text only this service
-- period: day
with
judged as (
    select
        *,
        regexp_matches(lower(concat_ws(' ', branch, subject)), $hotfix) as is_hotfix,
        coalesce(incident_lag_s <= 3600 * $hours, false) as has_incident,
        regexp_matches(lower(concat_ws(' ', next_branch, next_subject)), $hotfix)
        and coalesce(epoch(next_finished_at - finished_at) <= 3600 * $hours, false)
            as is_fixed_forward
    from marts.production_deployments
    where
        ($project::varchar is null or project_id = $project) and day between $first and $last
        and ($service::varchar is null or service = $service) and status = 'passed'
),

good as (
    select
        project_id,
        has_incident or is_rolled_back or is_fixed_forward as is_failure,
        is_rollback or is_hotfix as is_rework,
        case when has_incident or is_rolled_back or is_fixed_forward then epoch(
            least(case when has_incident then incident_resolved_at end, next_finished_at)
            - finished_at
        ) end as recovery_s
    from judged
),

leads as (
    select
        project_id,
        median(lead_s) as change_lead_time_s,
        count(*) as n_commits
    from marts.deployed_commits
    where
        ($project::varchar is null or project_id = $project) and day between $first and $last
        and ($service::varchar is null or coalesce(service, '') = $service)
        and environment_kind = 'production' and not is_merge
    group by project_id
)

select
    good.project_id,
    any_value(leads.change_lead_time_s) as change_lead_time_s,
    count(*) / (date_diff('day', $first::date, $last::date) + 1) as deployments_per_day,
    median(recovery_s) as recovery_s,
    avg(is_failure::integer) as change_fail_rate,
    avg(is_rework::integer) as rework_rate,
    count(*) as n_deployments,
    count(*) filter (where is_failure) as n_failures,
    any_value(leads.n_commits) as n_commits
from good
left join leads on good.project_id = leads.project_id
group by good.project_id
