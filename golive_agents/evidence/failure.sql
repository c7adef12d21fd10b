-- The failure with an id, or the newest one with that signature.
--
-- grain: one row
-- keys: failure_id
-- parameters: $1 id
-- inputs: core.failures
select
    failure_id,
    signature_id,
    type,
    message,
    first_seen_at,
    left(details, 20000) as details,
    left(signature, 2000) as signature
from core.failures
where failure_id = $1 or signature_id = $1
order by failure_id = $1 desc, first_seen_at desc
limit 1
