-- How each look of a test has fared: how often it changed, and how often it changed without a reason.
--
-- A look is a flake of its test where it changed and was the same on one commit, both against one baseline:
-- nothing that anybody committed explains that. Such a pair is among the mixed commits of the flaky
-- posterior already, since a changed look fails its attempt; this mart says which look it was. unexplained
-- counts changed looks whose picture nobody approved, before or after. flake_rate is commits with flakes
-- to commits with at least two attempts of the look, null where there is none.
--
-- grain: project_id, look_id
-- keys: project_id, look_id
-- inputs: core.visual_checks, core.test_results, ops.baselines
-- refresh: full
with
looks as (
    select
        look.project_id,
        look.look_id,
        look.test_id,
        look.name,
        look.browser,
        look.size,
        look.theme,
        look.verdict,
        look.baseline,
        look.actual,
        result.started_at,
        coalesce(result.commit_sha, look.build_id) as commit_sha
    from core.visual_checks as look
    inner join core.test_results as result
        on
            look.build_id = result.build_id and look.test_id = result.test_id
            and look.environment = result.environment and look.attempt = result.attempt
),

compared as (
    select
        project_id,
        look_id,
        commit_sha,
        count(*) as attempts,
        bool_or(verdict = 'changed') and bool_or(verdict = 'same') as is_flake
    from looks
    where verdict not in ('new', 'rejected')
    group by project_id, look_id, commit_sha, baseline
),

commits as (
    select
        project_id,
        look_id,
        commit_sha,
        sum(attempts) as attempts,
        bool_or(is_flake) as is_flake
    from compared
    group by project_id, look_id, commit_sha
),

flakes as (
    select
        project_id,
        look_id,
        count(*) filter (where attempts > 1) as retried_commits,
        count(*) filter (where is_flake) as flaky_commits
    from commits
    group by project_id, look_id
)

select
    looks.project_id,
    looks.look_id,
    looks.test_id,
    looks.name,
    looks.browser,
    looks.size,
    looks.theme,
    count(*) as checks,
    count(*) filter (where looks.verdict = 'changed') as changed,
    count(*) filter (
        where looks.verdict = 'changed' and coalesce(decided.state, '') != 'approved'
    ) as unexplained,
    coalesce(any_value(flakes.flaky_commits), 0) as flaky_commits,
    any_value(flakes.flaky_commits) / nullif(any_value(flakes.retried_commits), 0) as flake_rate,
    arg_max(looks.verdict, looks.started_at) as last_verdict,
    max(looks.started_at) as last_at
from looks
left join flakes on looks.project_id = flakes.project_id and looks.look_id = flakes.look_id
left join ops.baselines as decided
    on
        looks.project_id = decided.project_id and looks.look_id = decided.look_id
        and looks.actual = decided.sha256
group by
    looks.project_id, looks.look_id, looks.test_id, looks.name, looks.browser, looks.size, looks.theme
