-- Looks whose newest picture is not approved: changed, new, or rejected (state says so, else it is null).
--
-- grain: project_id, look_id
-- keys: project_id, look_id
-- inputs: core.visual_checks, core.test_results, core.tests, ops.baselines
with
newest as (
    select
        look.*,
        result.started_at,
        result.commit_sha,
        result.branch
    from core.visual_checks as look
    inner join core.test_results as result
        on
            look.build_id = result.build_id and look.test_id = result.test_id
            and look.environment = result.environment and look.attempt = result.attempt
    qualify row_number() over (
        partition by look.project_id, look.look_id
        order by result.started_at desc, look.build_id desc, look.attempt desc, look.ordinal desc
    ) = 1
)

select
    newest.project_id,
    newest.look_id,
    newest.name,
    newest.browser,
    newest.size,
    newest.theme,
    test.suite,
    test.name as test,
    newest.test_id,
    newest.build_id,
    newest.verdict,
    newest.changed_share,
    newest.baseline,
    newest.actual,
    newest.difference,
    newest.regions,
    newest.kinds,
    newest.told,
    newest.started_at,
    newest.commit_sha,
    newest.branch,
    coalesce(decided.state, if(newest.verdict = 'rejected', 'rejected', null)) as state -- noqa: RF04
from newest
inner join core.tests as test on newest.test_id = test.test_id
left join ops.baselines as decided
    on
        newest.project_id = decided.project_id and newest.look_id = decided.look_id
        and newest.actual = decided.sha256
where
    newest.verdict != 'same' and newest.actual is not null
    and (decided.look_id is null or decided.state = 'rejected')
