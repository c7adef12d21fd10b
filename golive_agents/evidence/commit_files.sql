-- The paths that some commits changed.
--
-- grain: sha, path
-- keys: sha, path
-- parameters: $1 day, $2 shas
-- inputs: core.commit_files
select
    sha,
    path
from core.commit_files
where day between $1::date - 75 and $1::date + 1 and sha in (select unnest($2))
