-- Which failures the logs tell of, by stack trace: how often each, where and since when.
--
-- One row for each signature that a service logged on a day: the normalised type, message and stack,
-- which line numbers, addresses and paths do not change. It is the signature of failing tests too: see
-- marts.failure_signatures. The example is the first line of the day; is_new means that neither a test
-- nor a log told of the signature before that day.
--
-- grain: project_id, service, signature_id, day
-- keys: project_id, service, signature_id, day
-- inputs: core.log_lines, core.log_templates, core.failures
-- refresh: by day
with
known_since as (
    select
        signature_id,
        min(first_seen_at) as first_seen_at
    from core.failures
    group by signature_id
),

traces as (
    select
        entry.project_id,
        entry.service,
        entry.day,
        entry.at as said_at,
        entry.build_id,
        entry.failure_id,
        failure.signature_id,
        failure.type,
        failure.message
    from core.log_lines as entry
    inner join core.failures as failure on entry.failure_id = failure.failure_id
    inner join core.log_templates as given on entry.template_id = given.template_id
    where entry.day in (select changed.day from changed)
),

daily_traces as (
    select
        project_id,
        service,
        signature_id,
        day,
        count(*) as log_lines,
        count(distinct build_id) as builds,
        min(said_at) as first_at,
        max(said_at) as last_at,
        arg_min(type, said_at) as failure_type,
        arg_min(message, said_at) as example,
        arg_min(failure_id, said_at) as example_failure_id
    from traces
    group by project_id, service, signature_id, day
)

select
    daily.*,
    known.first_seen_at,
    known.first_seen_at >= daily.day as is_new
from daily_traces as daily
inner join known_since as known on daily.signature_id = known.signature_id
