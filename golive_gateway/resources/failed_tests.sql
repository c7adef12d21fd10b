-- The tests that failed in one build, with what they said and whether they are known to be flaky.
--
-- grain: test_id, environment, attempt
-- keys: test_id, environment, attempt
-- inputs: core.test_results, core.builds, core.tests, core.failures, predictions.flaky
-- order: class_name, name, test_id, attempt
-- required: build text the build_id
select
    attempt.project_id,
    attempt.test_id,
    test.class_name,
    test.name,
    test.parameters,
    attempt.environment,
    attempt.attempt,
    attempt.status,
    attempt.duration_s,
    failure.type,
    failure.message,
    verdict.verdict,
    verdict.probability as flaky_probability
from core.test_results as attempt
left join core.tests as test on attempt.test_id = test.test_id
left join core.failures as failure on attempt.failure_id = failure.failure_id
left join predictions.flaky as verdict
    on attempt.project_id = verdict.project_id and attempt.test_id = verdict.test_id
where
    attempt.build_id = $build and attempt.status in ('failed', 'error')
    and ($project::varchar is null or attempt.project_id = $project)
