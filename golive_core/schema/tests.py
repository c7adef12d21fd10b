"""Test cases, their results and the failures behind them."""

from __future__ import annotations

from golive_core.schema.table import table

TESTS = table("core.tests", "one test case", """
test_id         int   stable 64-bit hash of project, suite, class, name and parameters
project_id      text  its project
suite           text  suite name
class_name      text  class or module
name            text  name without parameters
parameters      text  what stands in brackets behind the name, else null
file            text  source file, if the report names it
first_seen_at   at    start of its first known result
last_seen_at    at    start of its newest known result
""", key="test_id", sort="project_id test_id")  # fmt: skip

TEST_RESULTS = table("core.test_results", "one attempt of one test case in one build", """
project_id      text   its project
build_id        text   its build
test_id         int    its test case
attempt         int    1, 2, ...: retries are never collapsed
day             day    UTC date of started_at
status          text   one of TEST_STATUSES
duration_s      float  seconds; null if unknown
started_at      at     as reported, else start of the suite, the build or the file's time
commit_sha      text   the build's commit, if known
branch          text   the build's branch, if known
environment     text   matrix cell or machine, empty if there is one only
failure_id      int    content of the failure; null if passed
report_id       text   payload_id of the report it came from
skip_reason     text   why it was skipped, if the report says so
""", key="build_id test_id environment attempt", sort="project_id test_id started_at",
    partition="day", is_fact=True)  # fmt: skip

FAILURES = table("core.failures", "one distinct failure content", """
failure_id      int   64-bit hash of type, message and details
signature_id    int   64-bit hash of the normalised type, message and stack
type            text  exception or failure type
message         text  message, at most 64 KiB
details         text  stack and output, at most 64 KiB
signature       text  the normalised text behind signature_id
first_seen_at   at    start of the first result, or time of the first log line, that had it
""", key="failure_id", sort="signature_id failure_id", is_fact=True)  # fmt: skip

TEST_STEPS = table("core.test_steps", "one step of one attempt of a test, as a runner tells it", """
project_id      text   its project
build_id        text   its build
test_id         int    its test case
environment     text   as in core.test_results
attempt         int    as in core.test_results
ordinal         int    position from 0
day             day    UTC date of the attempt's start
name            text   the step as a person reads it
action          text   its word in the document: open, click, see, get ...
status          text   one of TEST_STATUSES; skipped behind a failed one
started_at      at     start
duration_s      float  seconds
message         text   why it failed
url             text   where the page was afterwards, or what was requested
""", key="build_id test_id environment attempt ordinal",
    sort="project_id test_id started_at ordinal", partition="month", is_fact=True)  # fmt: skip

VISUAL_CHECKS = table("core.visual_checks", "one look of one attempt of a test at a page", """
project_id      text   its project
build_id        text   its build
test_id         int    its test case
environment     text   as in core.test_results
attempt         int    as in core.test_results
ordinal         int    the step that it belongs to
day             day    UTC date of the attempt's start
look_id         text   hash of suite, test, name, browser, size and theme; see ops.baselines
name            text   what the look is called in the test
browser         text   browser that rendered it
size            text   size of the window, for example 1280x720
theme           text   light or dark
verdict         text   new (nothing approved yet), same, changed, rejected (as one that was)
changed_share   float  part of the compared area that changed, 0 to 1
baseline        text   SHA-256 of the approved picture in the artifact store, null for a new look
actual          text   SHA-256 of the picture of the attempt
difference      text   SHA-256 of the picture that shows the difference, null where there is none
regions         text   JSON: boxes that changed ([left, top, width, height], pixels), largest first
kinds           texts  what each region is: layout, text, colour or dynamic
told            texts  what is known beside it: added, removed, moved by ...
""", key="build_id test_id environment attempt ordinal",
    sort="project_id look_id build_id", partition="month", is_fact=True)  # fmt: skip

TEST_COVERAGE = table("core.test_coverage", "one file that one test ran, at one measurement", """
project_id      text   its project
test_id         int    its test case
path            text   file, relative to the repository where that could be told
measured_at     at     when the report was written
day             day    UTC date of measured_at
lines           text   numbers of the lines that the test ran: 3-7,9
lines_covered   int    how many these are
commit_sha      text   commit that was measured, if known
""", key="test_id path measured_at", sort="project_id path test_id", partition="month",
    is_fact=True)  # fmt: skip

TEST_ARTIFACTS = table("core.test_artifacts", "one file that an attempt of a test left", """
project_id      text   its project
build_id        text   its build
test_id         int    its test case
environment     text   as in core.test_results
attempt         int    as in core.test_results
ordinal         int    the step that it belongs to; -1 for the attempt as a whole
nth             int    position among the files of the step, from 0
day             day    UTC date of the attempt's start
kind            text   trace, video, screenshot, har, console, accessibility, vitals, download ...
name            text   file name
media           text   media type
sha256          text   SHA-256 of the content in the artifact store
size_bytes      int    size
""", key="build_id test_id environment attempt ordinal nth",
    sort="project_id test_id build_id", partition="month", is_fact=True)  # fmt: skip
