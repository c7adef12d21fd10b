"""Builds as Jenkins' JSON API tells them, to rows of core.builds, artifacts and matrices' stages.

`TREE` is what is asked for; all else here reads the answer. A build is a JSON object with
`actions`, a bag of what plugins attach: causes, parameters, Git data, test results, queue times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

import polars as pl

from golive_core.redact import redact
from golive_core.schema import ARTIFACTS, STAGES
from golive_core.settings import is_secret_name
from ingest.parse.jenkins_stages import duration_s, instant

Json = dict[str, Any]

TREE = (
    "number,url,result,building,timestamp,duration,builtOn,artifacts[relativePath],"
    "actions[causes[shortDescription,userId,userName,upstreamProject,upstreamBuild],"
    "parameters[name,value],lastBuiltRevision[SHA1,branch[name]],remoteUrls,revision[hash],"
    "totalCount,urlName,waitingDurationMillis,blockedDurationMillis,buildableDurationMillis],"
    "changeSet[items[commitId]],changeSets[items[commitId]],"
    "runs[number,url,result,building,timestamp,duration]"
)
STATUS = {
    "SUCCESS": "passed",
    "FAILURE": "failed",
    "UNSTABLE": "failed",
    "ABORTED": "cancelled",
    "NOT_BUILT": "skipped",
}
QUEUE = ("waitingDurationMillis", "blockedDurationMillis", "buildableDurationMillis")
MASK = "***"

TRIGGERS = (
    (re.compile(r"UserIdCause|UserCause|ReplayCause|RebuildCause"), "manual"),
    (re.compile(r"PullRequest|GhprbCause|MergeRequest"), "pull_request"),
    (re.compile(r"TimerTrigger|ParameterizedTimer"), "schedule"),
    (re.compile(r"UpstreamCause|BuildUpstreamCause"), "upstream"),
    (re.compile(r"RemoteCause"), "api"),
    (re.compile(r"SCMTrigger|Push|WebHook|Webhook|BranchEvent|BranchIndexing|GerritCause"), "push"),
)
"""Names of cause classes, from the narrow to the wide, and the word for each."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a page does not say of itself: whose builds it holds.

    `attempt` is above 1 for a job that was deleted and made anew, whose numbers began again;
    `gone` names builds that vanished from the server before they had ended.
    """

    instance: str
    project_id: str
    job: str
    branch: str | None = None
    is_change: bool = False
    attempt: int = 1
    repository: str = ""
    gone: frozenset[int] = frozenset()

    @property
    def pipeline_id(self) -> str:
        """The key of the job."""
        return f"{self.instance}:{self.job}"

    @property
    def again(self) -> str:
        """What stands behind the number of builds of a job that was made anew."""
        return f"@{self.attempt}" if self.attempt > 1 else ""

    def build_id(self, number: int) -> str:
        """Return the key of the build `number`."""
        return f"{self.pipeline_id}#{number}{self.again}"


def builds_in(value: Json) -> list[Json]:
    """Return the builds of a page, or the one build that the answer is."""
    found = value.get("allBuilds", value.get("builds"))
    return [value] if found is None and "number" in value else list(found or ())


def rows(builds: Sequence[Json], place: Place) -> pl.DataFrame:
    """Return rows of core.builds, one a build, in the order given.

    Cells that differ by build are read in Python, times are reckoned in polars: milliseconds as
    integers cost a tenth of datetime objects.
    """
    columns = zip(*(_cells_of(build, place) for build in builds), strict=True)
    cells = dict(zip(READ, columns, strict=True)) if builds else dict.fromkeys(READ, ())
    frame = pl.DataFrame(cells, schema=READ)
    started = pl.from_epoch("started_ms", time_unit="ms").dt.replace_time_zone("UTC")
    return frame.select(
        pl.format("{}#{}" + place.again, pl.lit(place.pipeline_id), "number").alias("build_id"),
        pl.lit(place.pipeline_id).alias("pipeline_id"),
        pl.lit(place.project_id).alias("project_id"),
        pl.lit("jenkins").alias("source"),
        (started - pl.duration(milliseconds="queue_ms")).dt.date().alias("day"),
        "number",
        pl.lit(place.attempt, pl.Int64).alias("attempt"),
        "commit_sha", "branch", "trigger", "triggered_by", "status", "is_unstable",
        (started - pl.duration(milliseconds="queue_ms")).dt.cast_time_unit("us").alias("queued_at"),
        started.dt.cast_time_unit("us").alias("started_at"),
        (started + pl.duration(milliseconds="took_ms"))
        .dt.cast_time_unit("us").alias("finished_at"),
        (pl.col("took_ms") / 1000).alias("duration_s"),
        pl.when("is_queue_known").then(pl.col("queue_ms") / 1000).alias("queue_s"),
        "runner", "url", "parameters",
        pl.lit(value=False).alias("is_simulated"),
    )  # fmt: skip


READ: dict[str, pl.DataType] = {
    "number": pl.Int64(), "commit_sha": pl.String(), "branch": pl.String(),
    "trigger": pl.String(), "triggered_by": pl.String(), "status": pl.String(),
    "is_unstable": pl.Boolean(), "started_ms": pl.Int64(), "took_ms": pl.Int64(),
    "queue_ms": pl.Int64(), "is_queue_known": pl.Boolean(), "runner": pl.String(),
    "url": pl.String(), "parameters": pl.String(),
}  # fmt: skip


def _cells_of(build: Json, place: Place) -> tuple[object, ...]:
    """Return the cells of `READ`."""
    actions = actions_of(build)
    status = status_of(build, place.gone)
    took_ms = build.get("duration") if status != "running" else None
    queue_ms = queue_of(actions)
    data = git_data(build, actions, place)
    trigger, by = trigger_of(actions, place)
    return (
        build["number"], commit_of(build, actions, data), branch_of(data, place), trigger, by,
        status, build.get("result") == "UNSTABLE" and status != "running", build["timestamp"],
        took_ms if took_ms is not None and took_ms >= 0 else None,
        queue_ms or 0, queue_ms is not None, build.get("builtOn") or None, build.get("url"),
        parameters_of(actions),
    )  # fmt: skip


def actions_of(build: Json) -> list[Json]:
    """Return what plugins attached, without the empty places of those that export nothing."""
    return [action for action in build.get("actions") or () if action]


def status_of(build: Json, gone: frozenset[int] = frozenset()) -> str:
    """Return the word of schema.STATUSES for the build.

    A build without result that does not run was lost with its server: that is an error.
    """
    if build["number"] in gone:
        return "cancelled"
    if build.get("building"):
        return "running"
    return STATUS.get(build.get("result") or "", "error")


def is_open(build: Json) -> bool:
    """Tell whether the build still runs, so that its rows may change."""
    return bool(build.get("building"))


def queue_of(actions: Sequence[Json]) -> int | None:
    """Return the ms of waiting before the start, where the metrics plugin tells them."""
    for action in actions:
        if "buildableDurationMillis" in action:
            return sum(action.get(name) or 0 for name in QUEUE)
    return None


def trigger_of(actions: Sequence[Json], place: Place) -> tuple[str, str | None]:
    """Return why the build ran, in the words of core.builds, and who or what began it."""
    causes = [cause for action in actions for cause in action.get("causes") or ()]
    for cause in causes:
        for pattern, word in TRIGGERS:
            if pattern.search(cause.get("_class", "")):
                is_change = place.is_change and word == "push"
                return "pull_request" if is_change else word, _began(cause)
    return "other", _began(causes[0]) if causes else None


def _began(cause: Json) -> str | None:
    if cause.get("upstreamProject"):
        return f"{cause['upstreamProject']}#{cause.get('upstreamBuild')}"
    return cause.get("userId") or cause.get("userName") or cause.get("shortDescription")


def commits_in(build: Json) -> list[str]:
    """Return the ids of the changes that the build has and its forerunner had not, in order."""
    sets = [build["changeSet"]] if build.get("changeSet") else build.get("changeSets") or ()
    return [
        item["commitId"] for one in sets for item in one.get("items") or () if item.get("commitId")
    ]


def git_data(build: Json, actions: Sequence[Json], place: Place) -> Json | None:
    """Return the Git data that describe what was built.

    A build may have several: of a second checkout, or of a shared pipeline library. That of the
    configured `repository` counts, else that which the branch source or the changes confirm, else
    the first.
    """
    found = [action for action in actions if action.get("lastBuiltRevision")]
    if len(found) < 2:  # noqa: PLR2004 - nothing to choose
        return found[0] if found else None
    known = {action["revision"].get("hash") for action in actions if action.get("revision")}
    known |= set(commits_in(build))

    def rank(data: Json) -> tuple[bool, bool]:
        urls = data.get("remoteUrls") or ()
        is_named = bool(place.repository) and any(place.repository in url for url in urls)
        return not is_named, data["lastBuiltRevision"].get("SHA1") not in known

    return min(found, key=rank)


def commit_of(build: Json, actions: Sequence[Json], data: Json | None) -> str | None:
    """Return the commit that was built: Git data, else branch source, else the newest change."""
    if data:
        return data["lastBuiltRevision"].get("SHA1")
    for action in actions:
        if (action.get("revision") or {}).get("hash"):
            return action["revision"]["hash"]
    changes = commits_in(build)
    return changes[-1] if changes else None


def branch_of(data: Json | None, place: Place) -> str | None:
    """Return the short name of the branch: that of the job, else of the Git data."""
    if place.branch:
        return place.branch
    heads = data["lastBuiltRevision"].get("branch") if data else None
    return short_branch(heads[0].get("name")) if heads else None


def short_branch(name: str | None) -> str | None:
    """Return `main` for `refs/remotes/origin/main`; a detached head has no branch."""
    if not name or name == "detached":
        return None
    for prefix in ("refs/remotes/", "remotes/"):
        if name.startswith(prefix):
            return name.removeprefix(prefix).partition("/")[2] or None
    return name.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("origin/")


def parameters_of(actions: Sequence[Json]) -> str | None:
    """Return the parameters as a JSON object; what looks like a secret is masked."""
    found = {
        one["name"]: _shown(one)
        for action in actions
        for one in action.get("parameters") or ()
        if one.get("name")
    }
    return json.dumps(found, ensure_ascii=False, sort_keys=True) if found else None


def _shown(parameter: Json) -> object:
    """Return the value that may be seen; Jenkins itself hides those of its password type."""
    name, value, kind = parameter["name"], parameter.get("value"), parameter.get("_class", "")
    if "Password" in kind or "Credentials" in kind or is_secret_name(name):
        return MASK
    if not isinstance(value, str):
        return value
    return redact(f"{name}={value}").removeprefix(f"{name}=")


def has_tests(build: Json) -> bool:
    """Tell whether a test report hangs on the build."""
    return any(
        action.get("urlName") == "testReport" and action.get("totalCount")
        for action in actions_of(build)
    )


def is_pipeline(build: Json) -> bool:
    """Tell whether the build has stages to ask for."""
    return build.get("_class", "").endswith("WorkflowRun")


def cells(builds: Sequence[Json], place: Place) -> pl.DataFrame:
    """Return rows of core.stages for the configurations that matrix builds ran."""
    made = [row for build in builds if build.get("runs") for row in _cells(build, place)]
    return pl.DataFrame(made, schema=CELL_TYPES, orient="row")


CELL_TYPES = {
    name: STAGES.schema[name]
    for name in (
        "build_id", "ordinal", "attempt", "day", "project_id", "name", "status", "started_at",
        "duration_s",
    )
}  # fmt: skip


def _cells(build: Json, place: Place) -> Iterator[tuple[object, ...]]:
    """Yield one row a configuration; Jenkins also lists earlier runs of those not run now."""
    number = build["number"]
    runs = [run for run in build.get("runs") or () if run.get("number") == number]
    day = day_of(build)
    for ordinal, run in enumerate(sorted(runs, key=cell_name)):
        status = status_of(run)
        yield (
            place.build_id(number), ordinal, 1, day, place.project_id, cell_name(run), status,
            instant(run["timestamp"]),
            duration_s(run.get("duration")) if status != "running" else None,
        )  # fmt: skip


def cell_name(run: Json) -> str:
    """Return `JDK=17,OS=linux` from the address of a matrix run."""
    parts = str(run.get("url") or "").rstrip("/").split("/")
    return parts[-2] if len(parts) > 1 else "(configuration)"


def artifacts(builds: Sequence[Json], place: Place) -> pl.DataFrame:
    """Return rows of core.artifacts for the files that the builds keep; sizes are not told."""
    made = [
        (
            f"{place.build_id(build['number'])}/{path}", place.build_id(build["number"]),
            place.project_id, day_of(build), path,
            instant(build["timestamp"] + max(build.get("duration") or 0, 0)),
            f"{build['url']}artifact/{quote(path)}" if build.get("url") else None,
        )
        for build in builds
        for path in (one["relativePath"] for one in build.get("artifacts") or ())
    ]  # fmt: skip
    return pl.DataFrame(made, schema=ARTIFACT_TYPES, orient="row")


ARTIFACT_TYPES = {
    name: ARTIFACTS.schema[name]
    for name in ("artifact_id", "build_id", "project_id", "day", "path", "created_at", "url")
}


def day_of(build: Json) -> date:
    """Return the day that core.builds has for this build."""
    return instant(build["timestamp"] - (queue_of(actions_of(build)) or 0)).date()
