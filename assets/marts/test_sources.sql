-- Which source files does a test stand next to: its own file, and files that bear its name.
--
-- Paths are those that commits changed within a year (marts.file_churn). A report that names no file is
-- placed by its class. is_own tells the test's own file; another file is next to a test if both have the
-- same bare name once test_, _test, Test, IT, Spec and the like are taken off. Names of fewer than four
-- letters and those that more than 20 files share point at nothing.
--
-- grain: project_id, test_id, path
-- keys: project_id, test_id, path
-- inputs: core.tests, marts.file_churn
-- refresh: full
with
placed_tests as (
    select
        project_id,
        test_id,
        coalesce(nullif(file, ''), replace(replace(class_name, '::', '/'), '.', '/')) as place
    from core.tests
),

named_tests as (
    select
        project_id,
        test_id,
        place,
        regexp_replace(regexp_extract(place, '[^/]*$'), '\.\w+$', '') as base,
        lower(
            regexp_replace(
                regexp_replace(
                    regexp_replace(regexp_extract(place, '[^/]*$'), '\.\w+$', ''), '^Test([A-Z])', '\1'
                ),
                '^test_|_tests?$|_spec$|\.(test|spec)$|(Tests?|IT|Spec)$',
                '',
                'g'
            )
        ) as stem
    from placed_tests
    where place is not null
),

named_files as (
    select distinct
        project_id,
        path,
        regexp_replace(regexp_extract(path, '[^/]*$'), '\.\w+$', '') as base,
        lower(
            regexp_replace(
                regexp_replace(
                    regexp_replace(regexp_extract(path, '[^/]*$'), '\.\w+$', ''), '^Test([A-Z])', '\1'
                ),
                '^test_|_tests?$|_spec$|\.(test|spec)$|(Tests?|IT|Spec)$',
                '',
                'g'
            )
        ) as stem
    from marts.file_churn
),

told_files as (
    select
        *,
        count(*) over (partition by project_id, stem) as namesakes
    from named_files
)

select distinct
    test.project_id,
    test.test_id,
    changed.path,
    test.base = changed.base and (
        test.place = changed.path
        or ends_with(changed.path, '/' || test.place)
        or ends_with(test.place, '/' || changed.path)
        or ends_with(regexp_replace(changed.path, '\.\w+$', ''), test.place)
    ) as is_own
from named_tests as test
inner join told_files as changed on test.project_id = changed.project_id and test.stem = changed.stem
where length(changed.stem) >= 4 and changed.namesakes <= 20
