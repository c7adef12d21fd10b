-- How often a first build of a commit of a project breaks what was green, and how many tests were judged.
--
-- grain: one row
-- keys: builds
-- parameters: $1 project
-- inputs: marts.change_signals, predictions.flaky
select
    count(*) as builds,
    avg(is_broken::int) as broke_share,
    (
        select count(*) from predictions.flaky as verdict
        where verdict.project_id = $1
    ) as judged
from marts.change_signals
where project_id = $1
