"""Every table that GoLive writes: columns, dtypes, keys, grain, units, partition, sort.

The one place for tables, a file a subject: the lake creates them from here, sources and models
shape their frames with `conform`, pages and the assistant read the descriptions. Marts are not
here: the columns of a mart are those of its SELECT in `assets/marts/*.sql`. Reading and writing is
`golive_core.lake`.

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

from golive_core.errors import LakeError
from golive_core.schema.builds import (
    ARTIFACTS,
    BUILDS,
    CHECKS,
    PIPELINES,
    QUEUE_ITEMS,
    RUNNERS,
    STAGES,
)
from golive_core.schema.code import (
    BRANCHES,
    CHANGE_REQUEST_COMMITS,
    CHANGE_REQUESTS,
    COMMIT_FILES,
    COMMITS,
    PROJECTS,
    RELEASES,
    REPOSITORIES,
    REVIEWS,
)
from golive_core.schema.operation import (
    ALERTS,
    COSTS,
    DEPLOYMENTS,
    IMAGE_TAGS,
    IMAGES,
    INCIDENTS,
    LOG_LINES,
    LOG_TEMPLATES,
    METRIC_POINTS,
    ON_CALL,
)
from golive_core.schema.ops import (
    AUDIT_LOG,
    BASELINES,
    CHECK_RESULTS,
    CURSORS,
    DIFF_COVERAGE,
    LLM_CALLS,
    MODEL_RUNS,
    NOTIFICATIONS,
    PROPOSALS,
    QUARANTINE,
    RERUNS,
    SECURITY_ALERTS,
    SECURITY_EVENTS,
    SOURCE_HEALTH,
)
from golive_core.schema.predictions import (
    ANOMALIES,
    BUILD_DURATION,
    BUILD_FAILURE,
    BUILD_FEATURES,
    CHANGE_POINTS,
    DURATION,
    FLAKY,
    FLAKY_CLUSTERS,
    FLAKY_DETAILS,
    NEXT_FAILURE,
    SELECTION_CURVE,
    SELECTION_MISSES,
    TEST_FAILURE,
)
from golive_core.schema.quality import CODE_FINDINGS, CODE_MEASURES, QUALITY_GATES
from golive_core.schema.raw import RAW_COLUMNS, RAW_SPEC, raw_table
from golive_core.schema.table import (
    DTYPES,
    STATUSES,
    TEST_STATUSES,
    Column,
    Partition,
    Table,
    conform,
    table,
)
from golive_core.schema.tests import (
    FAILURES,
    TEST_ARTIFACTS,
    TEST_COVERAGE,
    TEST_RESULTS,
    TEST_STEPS,
    TESTS,
    VISUAL_CHECKS,
)
from golive_core.schema.work import (
    ACCOUNTS,
    DOCUMENTS,
    ISSUE_TRANSITIONS,
    ISSUES,
    SPRINT_ISSUES,
    SPRINTS,
    VERSIONS,
)

__all__ = [
    "ACCOUNTS",
    "ALERTS",
    "ANOMALIES",
    "ARTIFACTS",
    "AUDIT_LOG",
    "BASELINES",
    "BRANCHES",
    "BUILDS",
    "BUILD_DURATION",
    "BUILD_FAILURE",
    "BUILD_FEATURES",
    "CHANGE_POINTS",
    "CHANGE_REQUESTS",
    "CHANGE_REQUEST_COMMITS",
    "CHECKS",
    "CHECK_RESULTS",
    "CODE_FINDINGS",
    "CODE_MEASURES",
    "COMMITS",
    "COMMIT_FILES",
    "COSTS",
    "CURSORS",
    "DEPLOYMENTS",
    "DIFF_COVERAGE",
    "DOCUMENTS",
    "DTYPES",
    "DURATION",
    "FAILURES",
    "FLAKY",
    "FLAKY_CLUSTERS",
    "FLAKY_DETAILS",
    "IMAGES",
    "IMAGE_TAGS",
    "INCIDENTS",
    "ISSUES",
    "ISSUE_TRANSITIONS",
    "LLM_CALLS",
    "LOG_LINES",
    "LOG_TEMPLATES",
    "METRIC_POINTS",
    "MODEL_RUNS",
    "NEXT_FAILURE",
    "NOTIFICATIONS",
    "ON_CALL",
    "PIPELINES",
    "PROJECTS",
    "PROPOSALS",
    "QUALITY_GATES",
    "QUARANTINE",
    "QUEUE_ITEMS",
    "RAW_COLUMNS",
    "RAW_SPEC",
    "RELEASES",
    "REPOSITORIES",
    "RERUNS",
    "REVIEWS",
    "RUNNERS",
    "SECURITY_ALERTS",
    "SECURITY_EVENTS",
    "SELECTION_CURVE",
    "SELECTION_MISSES",
    "SOURCE_HEALTH",
    "SPRINTS",
    "SPRINT_ISSUES",
    "STAGES",
    "STATUSES",
    "TABLES",
    "TESTS",
    "TEST_ARTIFACTS",
    "TEST_COVERAGE",
    "TEST_FAILURE",
    "TEST_RESULTS",
    "TEST_STATUSES",
    "TEST_STEPS",
    "VERSIONS",
    "VISUAL_CHECKS",
    "Column",
    "Partition",
    "Table",
    "conform",
    "find",
    "raw_table",
    "table",
]  # fmt: skip

TABLES: dict[str, Table] = {
    spec.name: spec for spec in list(globals().values()) if isinstance(spec, Table)
}
"""Every fixed table by name; `raw.<source>` tables come from `raw_table`."""


def find(name: str) -> Table:
    """Return the table `name`; raises LakeError for one that nobody declared."""
    if name.startswith("raw."):
        return raw_table(name.removeprefix("raw."))
    if name not in TABLES:
        raise LakeError(f"no table {name}", hint="Tables are declared in golive_core/schema")
    return TABLES[name]
