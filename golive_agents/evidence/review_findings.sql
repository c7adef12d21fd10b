-- The open findings of analysers in some files, as of one of some commits or of none that is told.
--
-- grain: finding_id
-- keys: finding_id
-- parameters: $1 project, $2 paths, $3 shas
-- inputs: core.code_findings
select
    finding_id,
    tool,
    rule_id,
    kind,
    severity,
    message,
    path,
    line,
    end_line,
    commit_sha
from core.code_findings
where
    project_id = $1
    and path in (select unnest($2))
    and line is not null
    and status in ('open', 'confirmed', 'reopened')
    and (commit_sha is null or commit_sha in (select unnest($3)))
order by path, line, finding_id
limit 500
