-- Whom to ask about a test: the person who changed its file most in a year.
--
-- owner_name is the main author of the test's own file; where nobody changed that within a year or the report
-- names none, of the files that bear its name, those with most commits first. based_on is the path that
-- was looked at, owner_share that person's part of its commits. Tests without such a file have no row.
--
-- grain: project_id, test_id
-- keys: project_id, test_id
-- inputs: marts.test_sources, marts.file_churn
-- refresh: full
select
    near.project_id,
    near.test_id,
    arg_max(churn.main_author, (near.is_own, churn.commits, churn.path)) as owner_name,
    arg_max(churn.main_author_share, (near.is_own, churn.commits, churn.path)) as owner_share,
    arg_max(churn.commits, (near.is_own, churn.commits, churn.path)) as commits,
    arg_max(churn.path, (near.is_own, churn.commits, churn.path)) as based_on
from marts.test_sources as near
inner join marts.file_churn as churn
    on near.project_id = churn.project_id and near.path = churn.path
group by near.project_id, near.test_id
