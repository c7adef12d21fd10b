-- Which files does each test run: the newest measurement of each test, one row for each file.
--
-- Measured by coverage.py with one context a test. What a test ran in an older measurement and not in its
-- newest is gone. tests_of_file counts the tests that run lines of the file, share_of_tests their share of
-- the project's measured tests: a file that nearly all run says little of any of them. lines are the
-- numbers of the lines that the test ran, as ranges.
--
-- grain: project_id, path, test_id
-- keys: project_id, path, test_id
-- inputs: core.test_coverage
-- refresh: full
with
newest as (
    select
        project_id,
        test_id,
        path,
        lines,
        lines_covered,
        commit_sha,
        measured_at
    from core.test_coverage
    qualify measured_at = max(measured_at) over (partition by project_id, test_id)
),

measured as (
    select
        project_id,
        count(distinct test_id) as tests
    from newest
    group by project_id
)

select
    newest.project_id,
    newest.path,
    newest.test_id,
    newest.lines,
    newest.lines_covered,
    newest.commit_sha,
    newest.measured_at,
    count(*) over (partition by newest.project_id, newest.path) as tests_of_file,
    count(*) over (partition by newest.project_id, newest.path) / measured.tests as share_of_tests
from newest
inner join measured on newest.project_id = measured.project_id
order by newest.project_id, newest.path, newest.test_id
