-- What was known of each build when it was asked for, and what came of it: failed is null without a
-- verdict, known_at is when it ended. The rows that models/build_failure.py learns from.
--
-- grain: build_id
-- keys: project_id, build_id
-- inputs: predictions.build_features, core.builds
select
    feature.*, -- noqa: AM04
    case
        when build.status in ('failed', 'error') then true
        when build.status = 'passed' then false
    end as failed,
    case
        when build.status in ('failed', 'error', 'passed')
            then greatest(build.finished_at, feature.as_of + interval 1 microsecond)
    end as known_at
from predictions.build_features as feature
inner join core.builds as build on feature.build_id = build.build_id
