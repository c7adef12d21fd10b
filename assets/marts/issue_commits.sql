-- Which commits belong to which issue: those whose message names the issue's key.
--
-- A tracker's key (SHOP-12) is looked for in every repository of the issue's project, a number (#12) only
-- in the repository of the same instance, since each has a #12 of its own. Other projects' numbers
-- (shop/web#12) and parts of longer words do not count. is_in_subject tells that the key stands in the
-- first line. Issues that are gone from their source have no commits.
--
-- grain: issue_id, repository_id, sha
-- keys: issue_id, repository_id, sha
-- inputs: core.issues, core.commits
-- refresh: full
with
mentions as (
    select
        entry.project_id,
        entry.repository_id,
        entry.sha,
        entry.committed_at,
        entry.author_name,
        coalesce(entry.subject, '') as subject,
        unnest(
            list_distinct(
                list_concat(
                    regexp_extract_all(
                        coalesce(entry.message, entry.subject),
                        '(?:^|[^A-Za-z0-9_-])([A-Z][A-Z0-9_]+-[0-9]+)\b',
                        1
                    ),
                    regexp_extract_all(
                        coalesce(entry.message, entry.subject),
                        '(?:^|[^A-Za-z0-9_/#&])(#[0-9]+)\b',
                        1
                    )
                )
            )
        ) as issue_key
    from core.commits as entry
),

known_issues as (
    select
        project_id,
        issue_id,
        key as issue_key
    from core.issues
    where not coalesce(is_deleted, false)
)

select
    issue.project_id,
    issue.issue_id,
    mention.repository_id,
    mention.sha,
    mention.issue_key,
    mention.committed_at,
    mention.author_name,
    regexp_matches(
        mention.subject, '(^|[^A-Za-z0-9_/#&-])' || mention.issue_key || '\b'
    ) as is_in_subject
from mentions as mention
inner join known_issues as issue
    on
        mention.project_id = issue.project_id
        and mention.issue_key = issue.issue_key
where
    not starts_with(issue.issue_key, '#')
    or starts_with(issue.issue_id, mention.repository_id || ':')
