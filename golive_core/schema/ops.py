"""What GoLive keeps of its own work."""

from __future__ import annotations

from golive_core.schema.table import table

CURSORS = table("ops.cursors", "one step of one stream's cursor; the newest sequence counts", """
instance        text  configured source
stream          text  its stream
role            text  pull (where the last pull ended) or conform (what of raw is in core)
sequence        int   sequence of the last raw batch that it covers
cursor          text  JSON object, the source's own
updated_at      at    when it was stored
""", key="instance stream role", is_fact=False)  # fmt: skip

CHECK_RESULTS = table("ops.check_results", "one expectation evaluated on one batch", """
check_id        text   run, table and expectation
run_id          text   run that evaluated it
at              at     when
day             day    UTC date of at
table_name      text   table that it is about
expectation     text   name of the expectation
column_name     text   column, or null
severity        text   error (blocks) or warning
passed          bool   verdict
observed        text   what was seen, JSON
rows_checked    int    rows in the batch
rows_failed     int    rows that break it
""", key="check_id", sort="at table_name", partition="month", is_fact=True)  # fmt: skip

QUARANTINE = table("ops.quarantine", "one row or file kept out, with the reason", """
quarantine_id   text  hash of table, reason and content
table_name      text  table that it was meant for; raw.<source> for a whole payload
instance        text  configured source
stream          text  its stream
uri             text  file, URL or member it came from
line            int   line in the file, or null
reason          text  the rule that it breaks, or why it cannot be parsed
content         text  the row as JSON, or the first 4 KiB of what could not be parsed
at              at    when
day             day   UTC date of at
""", key="quarantine_id", sort="at table_name", partition="month", is_fact=True)  # fmt: skip

SOURCE_HEALTH = table("ops.source_health", "the last known state of one instance", """
instance        text   configured source
source          text   source type
project_id      text   project that it feeds
status          text   ok, degraded, paused (it asked for rest, or a quota is used up) or failed
checked_at      at     when it was last asked (renewed at most every 15 minutes)
succeeded_at    at     last pull that worked
newest_at       at     time of the newest event in core
error           text   last error, or null
hint            text   what to do about it
requests        int    requests or files read in the last pull
rows_new        int    core rows that the last pull with news brought
quota_limit     int    requests that the server allows in a window, null where it tells of none
quota_remaining int    what was left of them at checked_at
quota_resets_at at     end of that window
pause_ends_at   at     not asked before, as known at checked_at; null where it may be asked
""", key="instance")  # fmt: skip

MODEL_RUNS = table("ops.model_runs", "one step in the life of a model", """
model_id        text   model, project if it is of one, and time; of a turn the one that scores since
name            text   model, the file's name in models/
project_id      text   project that it is about, null for all at once
at              at     when
kind            text   fit, evaluate, promote, rollback or score
code_version    text   of the model's files, null for a turn
data_hash       text   hash of the rows that it read, null for a turn
rows            int    rows it learned from, null for a turn
parameters      text   JSON object: fitted prior, thresholds, calibration, who asked
metrics         text   JSON object: what was measured
reason          text   why, in a sentence; null for a score
""", key="model_id kind at", sort="at", is_fact=True)  # fmt: skip

AUDIT_LOG = table("ops.audit_log", "one step of one action on the outside world, hash-chained", """
number          int   place in the chain, from 1
at              at    when
day             day   UTC date of at
actor           text  who asked for it
action          text  what was done: github.create_pull_request ...
target          text  what it was done to
idempotency_key text  the same key is never performed twice
phase           text  asked, dry_run, done or failed
detail          text  JSON object: what was asked or answered, secrets masked
previous_hash   text  hash of the entry before, empty for the first
hash            text  SHA-256 over this entry and previous_hash
""", key="number", partition="year", is_fact=True)  # fmt: skip

NOTIFICATIONS = table("ops.notifications", "one message in the outbox", """
notification_id text   hash of channel, recipient and dedupe key
channel         text   configured channel
recipient       text   owner or address that it is for
severity        text   critical, warning or info
title           text   first line
body            text   what it says
reason_sql      text   query that shows why it was sent
status          text   waiting, sent, failed or dropped
attempts        int    times that sending was tried
created_at      at     when it was put in
due_at          at     not to be sent before
sent_at         at     when it was sent
error           text   last error, or null
""", key="notification_id", sort="created_at notification_id")  # fmt: skip

SECURITY_EVENTS = table("ops.security_events", "like events at the gateway within one second", """
event_id        text   hash of what it says and when
at              at     the first of them
until_at        at     the last of them
day             day    UTC date of at
kind            text   authentication, authorisation, data_access, limit or change
name            text   what was tried: sign_in, token, webhook, read, write, rate ...
outcome         text   ok or refused
actor           text   user or token, empty for nobody known
address         text   network address that it came from
resource        text   path of the gateway, its variable parts left out
events          int    how many they were
size_bytes      int    bytes that were handed out
""", key="event_id", sort="at actor", partition="month", is_fact=True)  # fmt: skip

SECURITY_ALERTS = table("ops.security_alerts", "one finding about security events", """
alert_id        text   hash of rule, subject and hour
rule            text   failed_sign_ins, api_abuse, unusual_access or exfiltration
severity        text   critical, warning or info
at              at     the first event that it is about
until_at        at     the newest one
subject         text   address or actor that it is about
events          int    how many events
size_bytes      int    bytes that were handed out
usual           float  what is usual of the subject in such a time: events or bytes; null if unknown
reason          text   a sentence that can be checked
made_at         at     when it was found
""", key="alert_id", sort="at rule")  # fmt: skip

LLM_CALLS = table("ops.llm_calls", "one question to a language model, asked or refused", """
call_id         text   random
at              at     when it was to be asked
day             day    UTC date of at
agent           text   agent that asked: error_resolver ...
subject         text   what about: the id of a build or failure, a file
prompt          text   name and version of the prompt, and hash of its text
model           text   name of the model
host            text   host of the endpoint
request_hash    text   hash of model, messages and shape: the same question has the same
status          text   answered, cached, refused (not sent), failed or rejected (unfit answer)
reason          text   why it was refused or rejected, or how it failed; null if answered
sent            text   the messages exactly as sent, JSON; null if nothing was sent
answer          text   the answer as it came, masks in place; null without one
masks           text   JSON object: texts masked before sending, by kind
tokens_in       int    tokens sent; estimated where the endpoint does not tell
tokens_out      int    tokens received; the same
cost_usd        float  price by the configured rates, US dollars; 0 for a cached answer
first_token_s   float  time to the first token, seconds; null without a stream
duration_s      float  time to the last token, seconds
retries         int    times that it was asked again after a failure
""", key="call_id", sort="at call_id", partition="month", is_fact=True)  # fmt: skip

BASELINES = table("ops.baselines", "one picture that a person approved or rejected for a look", """
project_id      text  its project
look_id         text  the look; see core.visual_checks
sha256          text  SHA-256 of the picture in the artifact store
state           text  approved or rejected; the newest approved one is the baseline of its look
suite           text  suite of the test
test            text  name of the test
name            text  what the look is called in the test
browser         text  browser that rendered it
size            text  size of the window
theme           text  light or dark
build_id        text  build that the picture came from
decided_by      text  who decided
decided_at      at    when
note            text  what they said, or null
""", key="project_id look_id sha256", sort="project_id look_id decided_at")  # fmt: skip

RERUNS = table("ops.reruns", "one test that `golive test stress` or `verify` ran repeatedly", """
rerun_id        text   hash of project, test, kind and judged_at
project_id      text   its project
test_id         int    its test case, as in core.tests where it is known there
kind            text   stress (is it flaky, before it is merged) or verify (does its fix hold)
test            text   node id of pytest
change          text   commits that were asked about: main...HEAD; null where tests were named
commit_sha      text   commit that was checked out, if there was a repository
fix_sha         text   commit that mended it (verify)
judged_at       at     when the verdict was reached
day             day    UTC date of judged_at
verdict         text   stable (a fix that holds), flaky, broken, unsure or skipped
failed          int    failures among the runs
runs            int    runs that were no skips
probability     float  of being flaky (stress), that the fix holds (verify)
rate            float  failures per run, with its 90 % interval:
rate_low        float  5 %
rate_high       float  95 %
messages        texts  what failures said, the first line of each, each once
before_failed   int    failures that the lake knew before the fix (verify)
before_runs     int    attempts that the lake knew before the fix (verify)
known_failed    int    failures that the lake knew since the fix (verify)
known_runs      int    attempts that the lake knew since the fix (verify)
""", key="rerun_id", sort="project_id judged_at", partition="month", is_fact=True)  # fmt: skip

DIFF_COVERAGE = table("ops.diff_coverage", "one changed file as `golive test coverage` told it", """
project_id      text  its project
change          text  commits that were asked about: main...HEAD
head_sha        text  the newest of them; what is not committed counts as the commit below it
path            text  the file
asked_at        at    when it was asked last
day             day   UTC date of asked_at
lines_changed   int   changed statements in functions
lines_missed    int   those of them that no test runs
missed          text  their line numbers: 3-7,9
tests           int   tests that run any of the file
is_measured     bool  this version of the file was measured; else missed says nothing
""", key="project_id head_sha path", sort="project_id asked_at path")  # fmt: skip

PROPOSALS = table("ops.proposals", "one action that an agent proposes, and what became of it", """
proposal_id     text  hash of action, instance and parameters: the same is proposed once
project_id      text  project that it is about
agent           text  agent that proposes it
subject         text  what it is about: the id of a build or failure
title           text  what would be done, in a line
reason          text  why, in a sentence
evidence        text  JSON list: rows and lines that it rests on
action          text  verb of golive_actions, for example github.set_comment
instance        text  source or target that it is done to
parameters      text  JSON object: exactly what the verb would be given
status          text  open, approved, rejected, done or failed
proposed_at     at    when it was proposed first
decided_at      at    when a person decided, null while it is open
decided_by      text  who decided, null while it is open
note            text  what they said, or null
result          text  JSON: what the action gave, or the error; null before
""", key="proposal_id", sort="proposed_at proposal_id")  # fmt: skip
