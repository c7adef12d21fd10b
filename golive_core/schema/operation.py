"""What runs and how it runs: deployments, incidents, alerts, metrics, images, costs, logs."""

from __future__ import annotations

from golive_core.schema.table import table

DEPLOYMENTS = table("core.deployments", "one deployment of a commit to an environment", """
deployment_id   text   instance and the source's id
project_id      text   its project
source          text   source type
day             day    UTC date of queued_at, which never changes
repository_id   text   repository of the commit, if known
service         text   what was deployed
environment     text   as the source names it
environment_kind text  production, staging, testing, development or null, by the name
status          text   one of STATUSES
commit_sha      text   commit that was deployed
branch          text   branch or tag that was asked for
build_id        text   build that did it, if known
queued_at       at     when it was asked for
started_at      at     start
finished_at     at     end, null while it runs
duration_s      float  running time, seconds
creator         text   who asked for it
url             text   where people look at it
""", key="deployment_id", sort="project_id environment queued_at", partition="month")  # fmt: skip

INCIDENTS = table("core.incidents", "one degraded service, from alert to recovery", """
incident_id     text   instance and the source's id
project_id      text   its project
source          text   source type
day             day    UTC date of started_at, which never changes
number          text   number or key that people use
title           text   what it is called
service         text   the service concerned
severity        text   critical, high, medium, low or null
status          text   open, acknowledged or resolved
started_at      at     when it began
acknowledged_at at     when somebody took it
resolved_at     at     when it was over
assignees       texts  who works on it
url             text   where people look at it
""", key="incident_id", sort="project_id started_at incident_id", partition="month")  # fmt: skip

ALERTS = table("core.alerts", "one alert from firing to resolved", """
alert_id        text   fingerprint and start
project_id      text   its project
source          text   source type
instance        text   configured source
day             day    UTC date of started_at, which never changes
name            text   name of the alert
service         text   the service concerned, from its labels
severity        text   as its labels say
status          text   pending, firing, suppressed or resolved
labels          text   JSON object of its labels
summary         text   what its annotations say
started_at      at     when it began to fire
updated_at      at     when it last changed
resolved_at     at     when it was over, null while it fires
incident_id     text   incident that it belongs to, or null
url             text   where people look at it
""", key="alert_id", sort="project_id started_at alert_id", partition="month")  # fmt: skip

METRIC_POINTS = table("core.metric_points", "one value of one series", """
instance        text   configured source
series          text   name{label="value",...}, labels sorted
at              at     time of the value
day             day    UTC date of at
project_id      text   its project
source          text   source type
metric          text   name of the metric or of the configured query
labels          text   JSON object of the labels
value           float  the value; null where it is not a number
""", key="instance series at", sort="project_id series at", partition="day",
    is_fact=True)  # fmt: skip

ON_CALL = table("core.on_call", "one turn of one person on a schedule", """
turn_id         text  schedule, person and start
project_id      text  its project
source          text  source type
schedule        text  name of the schedule
person          text  who is on call
started_at      at    start of the turn
ended_at        at    end of the turn
""", key="turn_id", sort="project_id schedule started_at")  # fmt: skip

IMAGES = table("core.images", "one container image by digest", """
image_id        text   instance, name and digest
project_id      text   its project
source          text   source type
name            text   repository in the registry
digest          text   digest of the manifest
tags            texts  tags that point to it, sorted
media_type      text   media type of the manifest
platforms       texts  os/architecture, more than one for an index
size_bytes      int    configuration and layers, each blob once; of an index those of its images
layers          int    number of distinct layers
labels          text   JSON object of its labels and annotations
commit_sha      text   org.opencontainers.image.revision, if it is labelled
attestations    int    attestations and signatures that refer to it
created_at      at     when it was built
seen_at         at     when a tag was first seen to point to it; null if one did before we looked
is_deleted      bool   true once no tag points to it
""", key="image_id", sort="project_id name created_at")  # fmt: skip

IMAGE_TAGS = table("core.image_tags", "one tag of a repository of images", """
image_tag_id    text   instance, name and tag
project_id      text   its project
source          text   source type
name            text   repository in the registry
tag             text   the tag
digest          text   digest that it points to, or pointed to last
image_id        text   the image of that digest
is_deleted      bool   true once the tag is gone
""", key="image_tag_id", sort="project_id name tag")  # fmt: skip

COSTS = table("core.costs", "one cost record, as it was billed last", """
cost_id         text   hash of what identifies the record
project_id      text   its project
source          text   source type
day             day    UTC date of started_at
provider        text   who bills it
account         text   account or subscription
service         text   service that was used
resource        text   resource, if the record names one
region          text   region
kind            text   usage, purchase, tax, credit or adjustment
is_correction   bool   corrects what an earlier, closed bill said of the same period
started_at      at     start of the charge period
ended_at        at     end of the charge period
cost_usd        float  cost, US dollars; null where it was billed in another currency
cost            float  cost in `currency`, purchases spread over what they are for (amortised)
billed_cost     float  what the invoice says of it, in `currency`
currency        text   ISO 4217 code
quantity        float  amount used
unit            text   unit of the amount
tags            text   JSON object of its tags
is_deleted      bool   true once a later bill no longer has it; it costs 0 then
""", key="cost_id", sort="project_id day service", partition="month")  # fmt: skip

LOG_LINES = table("core.log_lines", "one line of a log", """
source          text   source type
instance        text   configured source
service         text   job, service or file
project_id      text   its project
build_id        text   its build, or null
test_id         int    its test case, or null
line            int    number in its stream, from 1
day             day    UTC date of at
at              at     time of the line, else of its build
level           text   error, warning, info, debug or null
template_id     int    template that it was given, null until mined; see core.log_templates
parameters      texts  what is variable in it, in the order of the line
failure_id      int    failure that its stack trace tells of, or null; see core.failures
message         text   the line without control sequences
attributes      text   JSON object of further fields
""", key="instance service build_id line", sort="project_id service build_id line",
    partition="day", is_fact=True, later="template_id")  # fmt: skip

LOG_TEMPLATES = table("core.log_templates", "one template of log lines", """
template_id     int   64-bit hash of the template as it was first found; it never changes
template        text  the first line of an entry with its variable parts as <*>
number          int   order in which templates were found, from 1
lines           int   lines that had it
merged_into     int   older template that has taken it in, or null while it stands for itself
first_seen_at   at    time of the earliest line that had it
last_seen_at    at    time of the latest line that had it
example         text  a line that had it, at most 1,000 characters
""", key="template_id", sort="number")  # fmt: skip
