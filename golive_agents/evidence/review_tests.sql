-- The tests that are not healthy among those in some files, or next to them: see marts.test_sources.
--
-- grain: test_id
-- keys: test_id
-- parameters: $1 project, $2 paths
-- inputs: marts.test_sources, core.tests, predictions.flaky
select
    near.test_id,
    test.class_name,
    test.name,
    verdict.verdict,
    verdict.probability,
    arg_max(near.path, (near.is_own, near.path)) as near_path,
    bool_or(near.is_own) as is_own
from marts.test_sources as near
inner join predictions.flaky as verdict
    on near.project_id = verdict.project_id and near.test_id = verdict.test_id
left join core.tests as test on near.test_id = test.test_id
where
    near.project_id = $1
    and near.path in (select unnest($2))
    and verdict.verdict in ('flaky', 'broken')
group by near.test_id, test.class_name, test.name, verdict.verdict, verdict.probability
order by is_own desc, verdict.probability desc nulls last, near.test_id asc
limit 50
