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
texts as (
    select
        project_id,
        repository_id,
        sha,
        unnest([subject, message]) as wording,
        unnest([true, false]) as is_subject
    from core.commits
),

found_keys as (
    select
        project_id,
        repository_id,
        sha,
        is_subject,
        unnest(
            list_concat(
                regexp_extract_all(wording, '(?:^|[^A-Za-z0-9_-])([A-Z][A-Z0-9_]+-[0-9]+)\b', 1),
                regexp_extract_all(wording, '(?:^|[^A-Za-z0-9_/#&])(#[0-9]+)\b', 1)
            )
        ) as issue_key
    from texts
    where regexp_matches(wording, '[A-Z0-9_]-[0-9]|#[0-9]')
),

mentions as (
    select
        project_id,
        repository_id,
        sha,
        issue_key,
        bool_or(is_subject) as is_in_subject
    from found_keys
    group by project_id, repository_id, sha, issue_key
)

select
    issue.project_id,
    issue.issue_id,
    mention.repository_id,
    mention.sha,
    mention.issue_key,
    entry.committed_at,
    entry.author_name,
    mention.is_in_subject
from core.issues as issue
inner join mentions as mention
    on
        issue.project_id = mention.project_id
        and issue.key = mention.issue_key
inner join core.commits as entry
    on
        mention.repository_id = entry.repository_id
        and mention.sha = entry.sha
where
    not coalesce(issue.is_deleted, false)
    and (
        not starts_with(issue.key, '#')
        or starts_with(issue.issue_id, mention.repository_id || ':')
    )
