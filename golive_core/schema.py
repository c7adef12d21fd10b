"""Every table that GoLive writes: columns, dtypes, keys, grain, units, partition, sort.

The one place for tables: the lake creates them from here, sources and models shape their frames
with `conform`, pages and the assistant read the descriptions. Marts are not here: the columns of a
mart are those of its SELECT in `assets/marts/*.sql`. Reading and writing is `golive_core.lake`.

Words of a column line: name, type, description. Types: text (String), int (Int64), float
(Float64), bool, at (Datetime µs, aware UTC), day (Date, UTC), texts (List of String), bytes.
Ids are text where a person reads them (`build_id`) and int where they are 64-bit content hashes
(`test_id`, `failure_id`, `signature_id`, `template_id`; see `golive_core.ids`).

`partition` is the physical grain of a fact's files. Every fact has a `day`; only those with
thousands of rows a day are also cut by day, since 18 years of commits in daily files would be
4,000 files of five rows (docs/adr/0002-partitions.md). The others are cut by month or year, or
not at all, and pruned by the day range in the file statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import polars as pl

from golive_core.errors import LakeError

Partition = Literal["day", "month", "year", "none"]

DTYPES: dict[str, pl.DataType] = {
    "text": pl.String(),
    "int": pl.Int64(),
    "float": pl.Float64(),
    "bool": pl.Boolean(),
    "at": pl.Datetime("us", "UTC"),
    "day": pl.Date(),
    "texts": pl.List(pl.String()),
    "bytes": pl.Binary(),
}
STATUSES = ("queued", "running", "passed", "failed", "error", "cancelled", "skipped")
"""Words that every source maps its build and stage states onto."""
TEST_STATUSES = ("passed", "failed", "error", "skipped")
"""Words of a test result."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its dtype and what it holds."""

    name: str
    dtype: pl.DataType
    doc: str


@dataclass(frozen=True)
class Table:
    """One table of the lake.

    `key` names the columns that make a row unique; `sort` the order inside a file; `is_fact`
    tells rows that never change (inserted) from entities that do (merged on the key).
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    partition: Partition
    sort: tuple[str, ...]
    is_fact: bool

    @property
    def layer(self) -> str:
        """The layer before the dot: raw, core, marts, predictions or ops."""
        return self.name.partition(".")[0]

    @cached_property
    def schema(self) -> pl.Schema:
        """The polars schema, in column order."""
        return pl.Schema({column.name: column.dtype for column in self.columns})


def table(
    name: str,
    grain: str,
    spec: str,
    *,
    key: str,
    sort: str = "",
    partition: Partition = "none",
    is_fact: bool = False,
) -> Table:
    """Build a Table from a readable spec: one `name type description` a line."""
    rows = (line.split(maxsplit=2) for line in spec.strip().splitlines())
    columns = tuple(Column(parts[0], DTYPES[parts[1]], parts[2]) for parts in rows)
    return Table(
        name, grain, tuple(key.split()), columns, partition, tuple((sort or key).split()), is_fact
    )


def conform(spec: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Return `frame` with exactly the table's columns, order and dtypes; absent ones are null.

    Raises LakeError for a column that the table does not have or a value that does not cast.
    """
    extra = [name for name in frame.columns if name not in spec.schema]
    if extra:
        raise LakeError(
            f"unknown columns {extra}", where=spec.name, hint="Declare them in schema.py"
        )
    if frame.schema == spec.schema:
        return frame
    have = frame.schema
    cells = [
        (pl.col(name) if name in have else pl.lit(None)).cast(dtype).alias(name)
        for name, dtype in spec.schema.items()
    ]
    try:
        return frame.select(cells) if frame.width else pl.DataFrame(schema=spec.schema)
    except pl.exceptions.PolarsError as error:
        raise LakeError(f"a value does not fit its column: {error}", where=spec.name) from error


RAW_SPEC = """
instance     text   the configured source it came from
stream       text   the stream of the source
payload_id   text   SHA-256 of the body, or a natural id where the body stays elsewhere (Git)
sequence     int    grows by one with every pulled batch of the instance: the watermark of conform
project_id   text   the project that the instance feeds
day          day    UTC date of fetched_at
fetched_at   at     when it was received
uri          text   where it came from: URL without secrets, path, or member of an archive
media_type   text   what the body is, for example application/json
size_bytes   int    size of the body
context      text   JSON object: what the pull knew of the payload (build, commit, job, ...)
body         bytes  the body as received; null where `artifact` holds it
artifact     text   SHA-256 of the body in the artifact store; null where `body` holds it
"""


def raw_table(source: str) -> Table:
    """Return the table of the payloads of one source type, `raw.<source>`, all of one shape."""
    return table(
        f"raw.{source}", "one payload as received", RAW_SPEC,
        key="instance stream payload_id", sort="instance stream sequence",
        partition="month", is_fact=True,
    )  # fmt: skip


PROJECTS = table("core.projects", "one project", """
project_id      text  slug, as in golive.toml
name            text  what people call it
description     text  one sentence
owner           text  who answers for it
git_repository  text  clone URL or path of its main repository
is_simulated    bool  true for the labelled demo whose rows come from the simulator
""", key="project_id")  # fmt: skip

REPOSITORIES = table("core.repositories", "one repository of a project", """
repository_id   text  slug of the instance that reads it
project_id      text  its project
source          text  source type
url             text  clone URL without secrets, or path
default_branch  text  the branch that HEAD names; null in an empty repository
is_shallow      bool  true if the clone lacks older history
""", key="repository_id")  # fmt: skip

BRANCHES = table("core.branches", "one branch or tag head as last seen", """
repository_id   text  its repository
branch          text  short name
kind            text  branch or tag
head_sha        text  commit that it points to (tags are peeled)
is_default      bool  true for the default branch
is_deleted      bool  true once it is gone from the remote
updated_at      at    when the head was last seen to move
""", key="repository_id kind branch")  # fmt: skip

COMMITS = table("core.commits", "one commit of a repository", """
repository_id   text   its repository
sha             text   full object id
project_id      text   the repository's project
day             day    UTC date of committed_at
author_name     text   after .mailmap
author_email    text   after .mailmap
authored_at     at     author time
committer_name  text   after .mailmap
committer_email text   after .mailmap
committed_at    at     committer time
subject         text   first line of the message
message         text   whole message
parents         texts  parent shas in order
is_merge        bool   has two parents or more
files_changed   int    rows in commit_files; 0 for merges, as git log --numstat has it
insertions      int    lines added, binary files count 0
deletions       int    lines removed, binary files count 0
""", key="repository_id sha", sort="committed_at repository_id sha",
    partition="year", is_fact=True)  # fmt: skip

COMMIT_FILES = table("core.commit_files", "one path changed by one commit", """
repository_id   text  its repository
sha             text  the commit
path            text  path after the change; bytes that are not UTF-8 are \\xNN escapes
day             day   UTC date of the commit's committed_at
old_path        text  path before a rename or copy, else null
change_type     text  added, modified, deleted, renamed, copied or type_changed
insertions      int   lines added; null for binary
deletions       int   lines removed; null for binary
is_binary       bool  git counts no lines
""", key="repository_id sha path", sort="day repository_id sha path",
    partition="year", is_fact=True)  # fmt: skip

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
first_seen_at   at    start of the first result that had it
""", key="failure_id", sort="signature_id failure_id", is_fact=True)  # fmt: skip

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
template_id     int    its template, or null until mined
parameters      texts  variable parts of the template
message         text   the line without control sequences
attributes      text   JSON object of further fields
""", key="instance service build_id line", sort="project_id service build_id line",
    partition="day", is_fact=True)  # fmt: skip

FLAKY = table("predictions.flaky", "the newest verdict on one test case", """
project_id      text   its project
test_id         int    its test case
verdict         text   flaky, broken, infrastructure or healthy
probability     float  P(flake rate above the threshold of the project), 0 to 1
rate            float  posterior mean of the flake rate per attempt
rate_low        float  5 % quantile of the posterior
rate_high       float  95 % quantile of the posterior
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
status          text   ok, degraded or failed
checked_at      at     when it was last asked (renewed at most every 15 minutes)
succeeded_at    at     last pull that worked
newest_at       at     time of the newest event in core
error           text   last error, or null
hint            text   what to do about it
requests        int    requests or files read in the last pull
rows_new        int    core rows that the last pull with news brought
""", key="instance")  # fmt: skip

MODEL_RUNS = table("ops.model_runs", "one training or scoring run", """
model_id        text   name and time
name            text   model, the file's name in models/
at              at     when
kind            text   fit or score
code_version    text   of the model's file
data_hash       text   hash of the input frame
rows            int    rows it learned from
parameters      text   JSON object: fitted prior, thresholds
metrics         text   JSON object: what was measured
""", key="model_id", sort="at", is_fact=True)  # fmt: skip

TABLES: dict[str, Table] = {
    spec.name: spec for spec in list(globals().values()) if isinstance(spec, Table)
}
"""Every fixed table by name; `raw.<source>` tables come from `raw_table`."""


def find(name: str) -> Table:
    """Return the table `name`; raises LakeError for one that nobody declared."""
    if name.startswith("raw."):
        return raw_table(name.removeprefix("raw."))
    if name not in TABLES:
        raise LakeError(f"no table {name}", hint="Tables are declared in golive_core/schema.py")
    return TABLES[name]
