-- The commits that ended some failures before, the newest first.
--
-- grain: signature_id, good_sha
-- keys: signature_id, good_sha
-- parameters: $1 signatures, $2 project
-- inputs: marts.failure_fixes, core.commits
select
    fix.signature_id,
    fix.good_sha,
    any_value(fix.project_id) as project_id,
    any_value(fix.bad_sha) as bad_sha,
    max(fix.fixed_at) as fixed_at,
    count(distinct fix.test_id) as tests,
    any_value(entry.subject) as subject,
    any_value(entry.author_name) as author_name
from marts.failure_fixes as fix
left join core.commits as entry on fix.good_sha = entry.sha and fix.project_id = entry.project_id
where
    fix.signature_id in (select unnest($1))
    and fix.project_id = coalesce(nullif($2, ''), fix.project_id)
group by fix.signature_id, fix.good_sha
order by fixed_at desc
