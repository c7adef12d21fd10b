-- How long each merged change request took, phase by phase: coding, pickup, review, deployment.
--
-- coding_s   from the first commit (author time) to opening
-- pickup_s   from opening to the first review by somebody else than the author
-- review_s   from the first review to merging
-- deploy_s   from merging to the end of the first production deployment that carried it
-- cycle_s    from the first commit, or opening if that was earlier, to the end of the last phase
--
-- A phase whose end comes before its start, or that was never begun, is null: a review after the merge is
-- no review phase. A change request is carried by what carries its merge commit, or its head commit where
-- no merge commit is known; production is environment_kind. Until it is deployed, the cycle ends at the
-- merge. The lead time of single commits, as DORA has it, is in deployed_commits.
--
-- grain: project_id, change_request_id
-- keys: project_id, change_request_id
-- inputs: core.change_requests, core.change_request_commits, core.reviews, marts.deployed_commits
-- refresh: full
with
first_commits as (
    select
        change_request_id,
        min(authored_at) as first_commit_at,
        min_by(sha, (authored_at, sha)) as first_commit_sha
    from core.change_request_commits
    where authored_at is not null
    group by change_request_id
),

first_reviews as (
    select
        review.change_request_id,
        min(review.submitted_at) as first_review_at,
        min_by(review.review_id, (review.submitted_at, review.review_id)) as first_review_id
    from core.reviews as review
    inner join core.change_requests as request on review.change_request_id = request.change_request_id
    where review.submitted_at is not null and review.reviewer is distinct from request.author
    group by review.change_request_id
),

first_deployments as (
    select
        project_id,
        sha,
        min(deployed_at) as deployed_at,
        min_by(deployment_id, (deployed_at, deployment_id)) as deployment_id
    from marts.deployed_commits
    where environment_kind = 'production'
    group by project_id, sha
),

requests as (
    select
        request.project_id,
        request.change_request_id,
        request.repository_id,
        request.number,
        request.day,
        entry.first_commit_sha,
        entry.first_commit_at,
        request.opened_at,
        review.first_review_id,
        review.first_review_at,
        request.merged_at,
        deployment.deployment_id,
        deployment.deployed_at
    from core.change_requests as request
    left join first_commits as entry on request.change_request_id = entry.change_request_id
    left join first_reviews as review on request.change_request_id = review.change_request_id
    left join first_deployments as deployment
        on
            request.project_id = deployment.project_id
            and coalesce(request.merge_sha, request.head_sha) = deployment.sha
    where request.merged_at is not null
)

select
    *,
    case when first_commit_at <= opened_at then epoch(opened_at - first_commit_at) end as coding_s,
    case when opened_at <= first_review_at then epoch(first_review_at - opened_at) end as pickup_s,
    case when first_review_at <= merged_at then epoch(merged_at - first_review_at) end as review_s,
    case when merged_at <= deployed_at then epoch(deployed_at - merged_at) end as deploy_s,
    epoch(greatest(merged_at, deployed_at) - least(first_commit_at, opened_at)) as cycle_s
from requests
