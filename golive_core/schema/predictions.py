"""What the models say; each row tells what it knew and when."""

from __future__ import annotations

from golive_core.schema.table import table

FLAKY = table("predictions.flaky", "the newest verdict on one test case", """
project_id      text   its project
test_id         int    its test case
verdict         text   flaky, broken, infrastructure or healthy
probability     float  P(flake rate above the threshold of the project), 0 to 1
rate            float  posterior mean of the present flake rate per attempt
rate_low        float  5 % quantile of the posterior
rate_high       float  95 % quantile of the posterior
prior           float  P(flaky) before its own runs: project, suite, durations, tests beside it
shown_by_now    float  P(a flaky test of the project would have flaked in so many attempts)
broken_since_sha text  first commit of the present unbroken run of failures, if broken
broken_since_at at     its time
attempts        int    attempts that count as evidence (outages left out)
failures        int    failed attempts among them
flakes          int    failures that the same commit or a retry contradicts
outage_failures int    failed attempts put down to infrastructure
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id test_id", sort="project_id test_id")  # fmt: skip

FLAKY_DETAILS = table("predictions.flaky_details", "one test case that is not healthy", """
project_id      text   its project
test_id         int    its test case
cause           text   what its failures speak of: one of models.causes.CAUSES, or unknown
cause_confidence float P(cause), 0 to 1; of unknown, that no cause is told
cause_evidence  text   the words of a failure that say so
cluster_id      int    tests that fail together with it (predictions.flaky_clusters); null if none
cost_minutes_week float minutes of reruns that it is expected to cause in a week
cost_wait_minutes_week float minutes of them for which somebody waits
cost_usd_week   float  their price at the rates of golive.toml, US dollars
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id test_id", sort="project_id test_id")  # fmt: skip

FLAKY_CLUSTERS = table("predictions.flaky_clusters", "tests that fail together beyond chance", """
project_id      text   their project
cluster_id      int    64-bit hash of project and smallest test id
tests           int    how many
together        int    builds in which the most frequent pair failed together
lift            float  median over pairs: common failures, as a multiple of what chance makes
jaccard         float  median over pairs: common failing builds of all failing builds, 0 to 1
by_chance       float  largest over pairs: probability by chance, Bonferroni
cause           text   the cause that most of their failures speak of, or unknown
cause_confidence float P(cause), 0 to 1
shared          texts  sentences: how often together, likely cause, what they have in common
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id cluster_id", sort="project_id cluster_id")  # fmt: skip

NEXT_FAILURE = table("predictions.next_failure", "the newest forecast for one test case", """
project_id      text   its project
test_id         int    its test case
probability     float  P(its next attempt fails), 0 to 1
low             float  5 % quantile
high            float  95 % quantile
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id test_id", sort="project_id test_id")  # fmt: skip

BUILD_FEATURES = table("predictions.build_features", "what was known of a build when asked for", """
build_id         text   the build
project_id       text   its project
pipeline_id      text   its pipeline
day              day    UTC date of as_of
as_of            at     when it was asked for; nothing later is known here
branch           text   its branch, empty where the source names none
is_main          bool   of the main line
commit_sha       text   what it builds
attempt          int    more than 1 for a re-run
trigger          text   what asked for it, as in core.builds
author           text   of the commit
authors          texts  of the commits since the build before, sorted
commits          int    commits since the build before on this branch; null where unknown
is_merge         bool   of the commit
is_fix           bool   a subject says fix, revert or repair
paths            texts  changed files, sorted, at most 200
insertions       int    lines added
deletions        int    lines removed
project_rate     float  share of the project's builds of 90 days that failed, smoothed
project_rate_5   float  the same of its last 5 builds
project_builds   float  how many were known
pipeline_rate    float  the same of the pipeline
pipeline_rate_10 float  of its last 10 builds
pipeline_builds  float  how many were known
branch_builds    float  known builds of pipeline and branch
branch_failing_builds float how many of them, up to the newest, failed in a row
branch_last      float  1 if the newest failed, 0 if it passed, else the pipeline's rate
branch_rate_5    float  share of the last 5 that failed, smoothed
branch_rate_20   float  of the last 20
branch_pass_age_s float seconds since the last one that passed, 90 days if none
main_builds      float  known builds of the pipeline on the main line
main_failing_builds float how many of them, up to the newest, failed in a row
main_last        float  as branch_last
main_rate_5      float  as branch_rate_5
main_rate_20     float  as branch_rate_20
main_pass_age_s  float  as branch_pass_age_s
commit_failed_builds float known builds of this commit in this pipeline that failed
commit_passed_builds float and that passed
author_rate      float  share of the author's builds that failed, smoothed
author_builds    float  how many were known
waiting_count    float  builds of the project that were queued or running
flakes_count     float  failures of the last 14 days that a pass contradicts
flake_rate       float  their share of the judged attempts
stage_reached    float  share of the stages that the branch's last failing builds passed
hour_sine        float  sine of the time of day, UTC
hour_cosine      float  its cosine
weekend          float  1 on Saturday and Sunday
files_count      float  changed files
lines_count      float  lines added and removed
folders_count    float  folders with changed files
commits_count    float  commits
authors_count    float  their authors
of_merge         float  the commit is a merge
mending          float  a subject says so
on_main_line     float  of the main line
retry            float  a second or later attempt
by_schedule      float  asked for by a clock or another build
by_hand          float  asked for by a person
of_change_request float asked for by a change request
of_same_commit   float  the commit was built before
dependencies_share float share of the changed files that declare dependencies
build_share      float  that configure the build
tests_share      float  that are tests
docs_share       float  that are documentation
files_rate       float  mean failure rate of the files' last 20 builds, smoothed
files_rate_top   float  the highest of them
files_builds     float  mean number of known builds that changed a file
churn_builds     float  mean number of changes to a file in 30 days
new_share        float  share of the files that nobody changed in 90 days
owned_share      float  share of the changes to these files by this author
owners_count     float  mean number of people who changed a file
ownership_entropy float mean entropy of their shares, bits
mends_share      float  of the files that broke the branch, the share that this change touches
""", key="build_id", sort="project_id pipeline_id as_of build_id", partition="month")  # fmt: skip

BUILD_FAILURE = table("predictions.build_failure", "the newest forecast for one build to come", """
project_id      text   its project
subject_kind    text   build (queued or running), branch (its head) or change_request
subject_id      text   build_id; repository and branch; change_request_id
pipeline_id     text   pipeline that builds it, or would
branch          text   its branch, empty where the source names none
commit_sha      text   what is built
build_id        text   the build, null where none was asked for yet
probability     float  P(the build fails), 0 to 1
low             float  5 % quantile of the failure rate of such builds
high            float  95 % quantile
told_by         text   name of the rule, or the learned version
is_learned      bool   a learned model speaks: it won on the project's own past
lift            float  share of the rule's loss that it saves there; null for the rule
is_built        bool   this pipeline has built the commit before: the forecast is of a re-run
reasons         texts  sentences a developer can check, the most telling first
cases           texts  the nearest past builds and what happened
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id subject_kind subject_id pipeline_id")  # fmt: skip

CHANGE_POINTS = table("predictions.change_points", "the newest lasting change of one duration", """
project_id      text   its project
subject_kind    text   test; build (of a pipeline) or stage (of one); only passed builds count
subject_id      text   test_id; pipeline or pipeline / stage, with " (branches)" off main
test_id         int    its test case; null for builds and stages
pipeline_id     text   its pipeline; null for tests
day             day    first day (UTC) at the new level
before_s        float  median of the days before, seconds
after_s         float  median of the days since, seconds
ratio           float  after_s / before_s
p_value         float  chance of such a change in days that are all alike
days_before     int    days with a duration before, back to the change before that
days_after      int    days with a duration since
runs_a_week     float  attempts a week since
cost_s_week     float  what the change costs a week, seconds; negative where it got faster
since_sha       text   commit of the first result at the new level, null if it names none
since_at        at     when that began
last_good_sha   text   commit of the last result before it
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id subject_kind subject_id",
    sort="project_id subject_kind subject_id")  # fmt: skip

BUILD_DURATION = table("predictions.build_duration", "how long one build takes, told before it", """
build_id        text   the build
project_id      text   its project
pipeline_id     text   its pipeline
day             day    UTC date of as_of
runs            int    earlier builds of its line that were known
median_s        float  as likely shorter as longer, seconds
low_50_s        float  25 % quantile
high_50_s       float  75 % quantile
low_90_s        float  5 % quantile
high_90_s       float  95 % quantile
expected_end_at at     while it runs: when it is expected to end
told_by         text   the plain rule that speaks, or learned
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     when it was asked for; nothing later is known here
made_at         at     when it was made
""", key="build_id", sort="project_id pipeline_id as_of build_id", partition="month")  # fmt: skip

DURATION = table("predictions.duration", "how long the next run of a subject takes", """
project_id      text   its project
subject_kind    text   main or branch (next build of a pipeline on that line); test
subject_id      text   pipeline_id or test_id
pipeline_id     text   its pipeline; null for a test
runs            int    earlier runs that were known
median_s        float  as likely shorter as longer, seconds
low_50_s        float  25 % quantile
high_50_s       float  75 % quantile
low_90_s        float  5 % quantile
high_90_s       float  95 % quantile
told_by         text   the plain rule that speaks, or learned
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id subject_kind subject_id",
    sort="project_id subject_kind subject_id")  # fmt: skip

ANOMALIES = table("predictions.anomalies", "one unusual hour of a metric or day of log lines", """
project_id      text   its project
subject_kind    text   metric or log
instance        text   configured source of the metric; empty for logs
subject         text   series of the metric; "log <service> <template_id>" or "log <service> errors"
began_at        at     begin of the hour or day
ended_at        at     its end
day             day    UTC date of began_at
service         text   service concerned, where the series or the log names one
template_id     int    template of the lines; null for metrics and for all errors of a service
template        text   its text
observed        float  mean of the hour, or lines of the day
expected        float  what is usual there
low             float  5 % quantile of what is usual
high            float  95 % quantile
p_value         float  chance of something as unusual where nothing is wrong
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id subject_kind instance subject began_at",
    sort="project_id subject began_at",
    partition="month")  # fmt: skip

TEST_FAILURE = table("predictions.test_failure", "one test of the next build, ranked", """
project_id      text   its project
test_id         int    its test case
rank            int    1 runs first
probability     float  P(it fails in the next build), 0 to 1
duration_s      float  expected time, seconds
reasons         texts  sentences a developer can check
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id test_id", sort="project_id rank")  # fmt: skip

SELECTION_CURVE = table("predictions.selection_curve", "what a share of the test time caught", """
project_id      text   the project on whose past builds it is measured
share           float  share of the expected time of each build's tests, 0 to 1
failures        float  share of the failures caught
builds          float  share of the failing builds with one of their failures caught
builds_count    int    past builds, each ranked from the builds before it
failing_count   int    how many of them failed
ranked_by       text   whose order leads: a heuristic, or learned
is_humble       bool   the past is too short to leave any test out
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id share", sort="project_id share")  # fmt: skip

SELECTION_MISSES = table("predictions.selection_misses", "a past failure that a cut would miss", """
project_id      text   its project
build_id        text   the build that failed
test_id         int    the test that failed in it
builds_ago      int    1 is the newest build
probability     float  P(fails) as told before that build ran
share           float  least share of the time (in steps of .05) that would have caught it
model_id        text   model run that made it
as_of           at     it knows only what had happened before
made_at         at     when it was made
""", key="project_id build_id test_id", sort="project_id builds_ago")  # fmt: skip
