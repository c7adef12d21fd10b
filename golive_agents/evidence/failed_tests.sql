-- The test cases that failed in a build, each with its failure and the verdict on the test.
--
-- Those that looked sound come first, then those whose failure did not pass on a retry.
--
-- grain: test_id
-- keys: test_id
-- parameters: $1 project, $2 build, $3 day
-- inputs: marts.test_failures, core.failures, core.tests, predictions.flaky
select
    failed.test_id,
    failed.failures,
    failed.has_passed,
    failed.is_outage,
    failed.failure_id,
    failure.signature_id,
    test.class_name,
    test.name,
    test.file,
    verdict.verdict,
    verdict.probability,
    verdict.rate
from marts.test_failures as failed
left join core.failures as failure on failed.failure_id = failure.failure_id
left join core.tests as test on failed.test_id = test.test_id
left join predictions.flaky as verdict
    on failed.test_id = verdict.test_id and failed.project_id = verdict.project_id
where
    failed.project_id = $1
    and failed.build_id = $2
    and failed.day between $3::date - 1 and $3::date + 2
order by coalesce(verdict.verdict, '') = 'flaky', failed.has_passed, failed.test_id
limit 500
