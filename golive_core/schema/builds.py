"""Pipelines, their builds and what belongs to a build, and the machines that run them."""

from __future__ import annotations

from golive_core.schema.table import table

PIPELINES = table("core.pipelines", "one job or workflow definition", """
pipeline_id     text  instance and full name of the job
project_id      text  its project
source          text  source type
name            text  full name with folders
url             text  where people look at it
is_deleted      bool  true once it is gone from the server
""", key="pipeline_id")  # fmt: skip

BUILDS = table("core.builds", "one build: a run of a pipeline", """
build_id        text   pipeline_id # number, and @attempt from the second on
pipeline_id     text   its pipeline
project_id      text   its project
source          text   source type
day             day    UTC date of queued_at, which never changes
number          int    number in its pipeline
attempt         int    1, more for a re-run of the same number
commit_sha      text   what it built, if known
branch          text   short name, without refs/ and origin/
trigger         text   push, schedule, manual, upstream, pull_request, api or other
triggered_by    text   user or upstream build
status          text   one of STATUSES
is_unstable     bool   finished with failed tests only (Jenkins UNSTABLE); status is then failed
queued_at       at     when it was scheduled
started_at      at     when it began to run
finished_at     at     when it ended; null while it runs
duration_s      float  running time, seconds
queue_s         float  waiting time, seconds
runner          text   agent or machine
url             text   where people look at it
cost_usd        float  cost, US dollars, where a rate is known
parameters      text   JSON object of its parameters, secrets masked
note            text   what the CI adds to the status in its own words (Buildbot: its warnings)
is_simulated    bool   made by golive simulate
""", key="build_id", sort="project_id pipeline_id queued_at", partition="month")  # fmt: skip

STAGES = table("core.stages", "one attempt of one stage of a build", """
build_id        text   its build
ordinal         int    position from 0
attempt         int    1, more for a restarted stage
day             day    the build's day
project_id      text   its project
name            text   as the pipeline names it
status          text   one of STATUSES
started_at      at     start
duration_s      float  running time, seconds
""", key="build_id ordinal attempt", sort="project_id build_id ordinal",
    partition="month")  # fmt: skip

CHECKS = table("core.checks", "one check that an app or CI reports on a commit", """
check_id        text   instance and the source's id
project_id      text   its project
repository_id   text   its repository
source          text   source type
commit_sha      text   commit that it judges
name            text   name of the check or of the status context
app             text   who reports it
status          text   one of STATUSES
started_at      at     start, if known
finished_at     at     end, null while it runs
description     text   one line of what it says
url             text   where people look at it
""", key="check_id", sort="project_id repository_id commit_sha name")  # fmt: skip

ARTIFACTS = table("core.artifacts", "one file that a build keeps", """
artifact_id     text   build and path
build_id        text   its build
project_id      text   its project
day             day    the build's day
path            text   path or name in the build
size_bytes      int    size, if the source tells
sha256          text   SHA-256 of the content, if it was fetched
created_at      at     when it was kept
expires_at      at     when the source removes it
url             text   where it can be had
""", key="artifact_id", sort="project_id build_id path", partition="month")  # fmt: skip

RUNNERS = table("core.runners", "one machine that runs builds, as last seen", """
runner_id       text   instance and name
project_id      text   project that its instance feeds
source          text   source type
name            text   as the CI names it
labels          texts  labels by which jobs choose it
is_online       bool   takes builds
executors       int    builds that it can run at once
busy            int    builds that it ran when it was seen
offline_reason  text   why it takes none, if the CI says
seen_at         at     when it was looked at and found changed
is_deleted      bool   true once the CI knows it no more
""", key="runner_id")  # fmt: skip

QUEUE_ITEMS = table("core.queue_items", "one build waiting in a CI's queue", """
queue_item_id   text   instance and the CI's id
project_id      text   its project
source          text   source type
pipeline_id     text   pipeline that waits
waiting_reason  text   why it waits
is_blocked      bool   waits for another build
is_stuck        bool   waits longer than the CI finds normal
queued_at       at     when it was queued
seen_at         at     when it was last seen waiting
left_at         at     when it was first found gone; null while it waits
""", key="queue_item_id", sort="project_id queued_at")  # fmt: skip
