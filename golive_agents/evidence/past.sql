-- Failures of the past to compare with: those that a commit ended first, then the newest.
--
-- Only what was seen in builds of the project, if one is named: the words of others are not for everybody.
-- One failure a signature, that with the lowest id. At most $1 signatures.
--
-- grain: signature_id
-- keys: signature_id
-- parameters: $1 most, $2 project, $3 signature
-- inputs: core.failures, marts.failure_fixes, marts.failure_builds
with
ended as (
    select distinct signature_id
    from marts.failure_fixes
    where project_id = coalesce(nullif($2, ''), project_id)
),

seen as (
    select distinct signature_id
    from marts.failure_builds
    where project_id = coalesce(nullif($2, ''), project_id)
),

firsts as (
    select
        failure.signature_id,
        min(failure.failure_id) as failure_id,
        min(failure.first_seen_at) as first_seen_at
    from core.failures as failure
    inner join seen on failure.signature_id = seen.signature_id
    where failure.signature_id != $3
    group by failure.signature_id
),

chosen as (
    select
        firsts.*,
        ended.signature_id is not null as is_ended
    from firsts
    left join ended on firsts.signature_id = ended.signature_id
    order by ended.signature_id is not null desc, firsts.first_seen_at desc
    limit $1
)

select
    chosen.signature_id,
    chosen.failure_id,
    chosen.first_seen_at,
    chosen.is_ended,
    failure.type,
    left(failure.message, 500) as message,
    left(failure.signature, 600) as signature
from chosen
inner join core.failures as failure
    on chosen.signature_id = failure.signature_id and chosen.failure_id = failure.failure_id
order by chosen.signature_id
