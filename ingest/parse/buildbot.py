"""Buildbot's REST API v2 to rows: builders, builds, steps, logs, workers, build requests.

A page of builds comes with the build requests and build sets that they belong to, since a build
alone knows neither when it was asked for nor why. Times are whole seconds since 1970.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, cast

import polars as pl

from golive_core.errors import ReportError, SourceDataError
from golive_core.redact import redact
from golive_core.schema import LOG_LINES
from golive_core.settings import Instance, is_secret_name
from ingest.parse import tests
from ingest.parse.chosen import is_chosen
from ingest.parse.console import CONTROL, LONGEST, level, lines
from ingest.parse.junit import Cases, Report, read_report
from ingest.parse.junit_rows import columns
from ingest.parse.rows import epoch, frame, seconds
from ingest.payload import Parser, Payload, Tables

Json = dict[str, Any]

SUCCESS, WARNINGS, FAILURE, SKIPPED, EXCEPTION, RETRY, CANCELLED = range(7)
STATUS = {
    SUCCESS: "passed",
    WARNINGS: "passed",
    FAILURE: "failed",
    SKIPPED: "skipped",
    EXCEPTION: "error",
    RETRY: "error",
    CANCELLED: "cancelled",
}
"""A build that ended with RETRY lost its worker; Buildbot runs its request again as another one."""
FAILED = frozenset({FAILURE, EXCEPTION, RETRY, CANCELLED})
"""Results of steps that a build may have failed for."""
TRIGGERS = (
    (re.compile(r"^The (Nightly\w*|Periodic) scheduler"), "schedule"),
    (re.compile(r"^The Triggerable scheduler|^downstream$|^The Dependent scheduler"), "upstream"),
    (re.compile(r"^A build was forced by|^Rebuild|^rebuild|^'try' job"), "manual"),
    (re.compile(r"^The \w+ scheduler named"), "push"),
)
"""Reasons of build sets, from the narrow to the wide, and the word for each."""
CHANGE = re.compile(r"^refs/(pull|merge-requests|changes)/")
OWN = frozenset({
    "basedir", "branch", "builddir", "builderid", "buildername", "buildnumber", "codebase",
    "got_revision", "owner", "owners", "project", "reason", "repository", "revision", "scheduler",
    "workername",
})  # fmt: skip
"""Properties that Buildbot itself sets; the others are parameters."""
STREAMS = {"o": '{"stream":"stdout"}', "e": '{"stream":"stderr"}', "h": '{"stream":"header"}'}
"""First letters of the lines of a log of type s, and what they are in core.log_lines."""
MASK = "***"


def _base(payload: Payload) -> str:
    return str(payload.instance.options["url"]).rstrip("/")


def _own(payload: Payload) -> Json:
    return {"project_id": payload.instance.project_id, "source": payload.instance.type}


def builders(payload: Payload) -> Tables:
    """Return builders as pipelines; one that no master has any more is deleted."""
    rows = [
        _own(payload) | {
            "pipeline_id": f"{payload.instance.name}:{one['name']}", "name": one["name"],
            "url": f"{_base(payload)}/#/builders/{one['builderid']}",
            "is_deleted": not one.get("masterids"),
        }
        for one in payload.objects("builders")
        if is_chosen(payload.instance, one["name"])
    ]  # fmt: skip
    return {"core.pipelines": frame("core.pipelines", rows)}


def builder_of(build: Json) -> str:
    """Return the name of a build's builder, which is a property of it."""
    return str(prop(build, "buildername") or f"builder {build['builderid']}")


def build_id(instance: Instance, build: Json) -> str:
    """Return the id of a build."""
    return f"{instance.name}:{builder_of(build)}#{build['number']}"


def prop(build: Json, name: str) -> object:
    """Return the value of a property; the API gives each with its source."""
    given: dict[str, list[object]] = build.get("properties") or {}
    return given[name][0] if given.get(name) else None


def builds(payload: Payload) -> Tables:
    """Return the builds of a page with what their requests and build sets say."""
    told = payload.object()
    requests = {one["buildrequestid"]: one for one in told["buildrequests"]}
    sets = {one["bsid"]: one for one in told["buildsets"]}
    rows: list[Json] = []
    for one in told["builds"]:
        if is_chosen(payload.instance, builder_of(one)):
            request: Json = requests.get(one["buildrequestid"], {})
            rows.append(_build(payload, one, request, sets.get(request.get("buildsetid"), {})))
    return {"core.builds": frame("core.builds", rows)}


def status_of(one: Json) -> str:
    """Return the word of schema.STATUSES for a build or step."""
    if not one.get("complete"):
        return "running"
    return STATUS.get(cast("int", one.get("results")), "error")


def _build(payload: Payload, one: Json, request: Json, buildset: Json) -> Json:
    builder, name = builder_of(one), payload.instance.name
    queued = epoch(request.get("submitted_at") or one["started_at"])
    started, ended = epoch(one["started_at"]), epoch(one.get("complete_at"))
    stamp = stamp_of(buildset, str(payload.instance.options.get("repository") or ""))
    trigger, by = trigger_of(one, buildset, stamp)
    return _own(payload) | {
        "build_id": build_id(payload.instance, one), "pipeline_id": f"{name}:{builder}",
        "number": one["number"], "attempt": 1, "commit_sha": commit_of(one, stamp),
        "branch": branch_of(one, stamp), "trigger": trigger, "triggered_by": by,
        "status": status_of(one), "is_unstable": False, "queued_at": queued,
        "started_at": started, "finished_at": ended, "duration_s": took(started, ended),
        "queue_s": took(queued, started) if request else None,
        "runner": prop(one, "workername"), "parameters": parameters_of(one),
        "url": f"{_base(payload)}/#/builders/{one['builderid']}/builds/{one['number']}",
        "note": note_of(one), "is_simulated": False,
    }  # fmt: skip


def took(start: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds between; a negative time (a clock set back) is unknown."""
    found = seconds(start, end)
    return None if found is None or found < 0 else found


def note_of(one: Json) -> str | None:
    """Return what Buildbot says of an ended build that did not just succeed."""
    if not one.get("complete") or one.get("results") == SUCCESS:
        return None
    said = one.get("state_string") or ""
    is_told = one.get("results") != WARNINGS or "warning" in said
    return said or None if is_told else f"warnings: {said}"


def stamp_of(buildset: Json, repository: str) -> Json:
    """Return the source stamp that tells what was built: that of `repository`, else the first."""
    stamps: list[Json] = buildset.get("sourcestamps") or []
    found = sorted(stamps, key=lambda one: one["codebase"])
    named = [one for one in found if repository and repository in (one.get("repository") or "")]
    return (named or found or [{}])[0]


def commit_of(one: Json, stamp: Json) -> str | None:
    """Return the revision that was checked out, else the one that was asked for."""
    got = prop(one, "got_revision")
    if isinstance(got, dict):
        by_codebase = cast("dict[str, str]", got)
        got = by_codebase.get(stamp.get("codebase") or "") or next(iter(by_codebase.values()), "")
    found = got or stamp.get("revision") or prop(one, "revision")
    return found if isinstance(found, str) and found else None


def branch_of(one: Json, stamp: Json) -> str | None:
    """Return the short name of the branch."""
    found = stamp.get("branch") or prop(one, "branch")
    if not isinstance(found, str) or not found:
        return None
    return found.removeprefix("refs/heads/").removeprefix("refs/tags/").removeprefix("refs/")


def trigger_of(one: Json, buildset: Json, stamp: Json) -> tuple[str, str | None]:
    """Return why the build ran, in the words of core.builds, and who or what began it."""
    reason = str(buildset.get("reason") or "")
    owners = cast("list[str]", prop(one, "owners") or [])
    by = next(iter(owners), None) or cast("str | None", prop(one, "scheduler"))
    if buildset.get("parent_buildid") is not None:
        return "upstream", by
    if buildset.get("rebuilt_buildid") is not None:
        return "manual", by
    word = next((word for pattern, word in TRIGGERS if pattern.search(reason)), "other")
    is_change = word == "push" and CHANGE.search(str(stamp.get("branch") or "")) is not None
    return "pull_request" if is_change else word, by


def parameters_of(one: Json) -> str | None:
    """Return the properties that are not Buildbot's own as JSON; secrets are masked."""
    given: dict[str, list[object]] = one.get("properties") or {}
    found = {name: _shown(name, value[0]) for name, value in given.items() if name not in OWN}
    return json.dumps(found, ensure_ascii=False, sort_keys=True) if found else None


def _shown(name: str, value: object) -> object:
    if is_secret_name(name):
        return MASK
    return redact(f"{name}={value}").removeprefix(f"{name}=") if isinstance(value, str) else value


def steps(payload: Payload) -> Tables:
    """Return the steps of a build as its stages."""
    context = payload.context
    rows: list[Json] = []
    for one in payload.objects("steps"):
        started, ended = epoch(one.get("started_at")), epoch(one.get("complete_at"))
        rows.append({
            "build_id": context["build"], "ordinal": one["number"], "attempt": 1,
            "day": day_of(context["queued"]), "project_id": payload.instance.project_id,
            "name": one["name"], "status": _step_status(one), "started_at": started,
            "duration_s": took(started, ended),
        })  # fmt: skip
    return {"core.stages": frame("core.stages", rows)}


def _step_status(one: Json) -> str:
    """Return the word for a step of an ended build: one without an end was lost with its master."""
    if one.get("started_at") is None:
        return "skipped"
    return status_of(one) if one.get("complete") else "error"


def day_of(at: float) -> object:
    """Return the UTC date of seconds since 1970."""
    return cast("datetime", epoch(at)).date()


def log(payload: Payload) -> Tables:
    """Return the lines of a chunk of a log; they have the time when their step began."""
    context, spec = payload.context, LOG_LINES.schema
    texts = [(one["firstline"], one["content"]) for one in payload.objects("logchunks")]
    first, content = texts[0]
    rows = lines(content.encode())
    message, mark = pl.col("message"), pl.lit(None, pl.String)
    if context["type"] == "s":
        mark, message = message.str.slice(0, 1), message.str.slice(1)
    rows = rows.select(
        mark.replace_strict(STREAMS, default=None, return_dtype=pl.String).alias("attributes"),
        message.str.replace_all(CONTROL, "").str.slice(0, LONGEST).alias("message"),
    )
    made: Json = {
        "source": payload.instance.type, "instance": payload.instance.name,
        "service": context["service"], "project_id": payload.instance.project_id,
        "build_id": context["build"],
    }  # fmt: skip
    is_header = pl.col("attributes").eq_missing(pl.lit(STREAMS["h"]))
    found = rows.select(
        *(pl.lit(value).alias(name) for name, value in made.items()),
        pl.int_range(first + 1, first + 1 + pl.len(), dtype=pl.Int64).alias("line"),
        pl.lit(epoch(context["at"]), spec["at"]).alias("at"),
        pl.when(~is_header).then(level()).alias("level"), "message", "attributes",
    ).with_columns(pl.col("at").dt.date().alias("day"))  # fmt: skip
    return {"core.log_lines": found}


def report(payload: Payload) -> Tables:
    """Return the results of a JUnit report that a step kept as a log."""
    context, cases = payload.context, Cases()
    text = unmarked("".join(one["content"] for one in payload.objects("logchunks")))
    told = Report(
        payload.uri, payload.id, context["build"], run_at=context["at"] * 1_000_000,
        newest_at=context["ended"] * 1_000_000, commit_sha=context["commit"],
        branch=context["branch"],
    )  # fmt: skip
    try:
        for _ in read_report(lambda: io.BytesIO(text.encode()), told, cases, size=0):
            pass
    except ReportError as error:
        raise SourceDataError(error.what, where=payload.uri) from error
    if not len(cases):
        return {}
    return tests.frames({one.name: one for one in columns(cases)}, payload.instance.project_id)


def unmarked(text: str) -> str:
    """Return the lines without the letter of their stream, if they have one."""
    if text.lstrip().startswith("<"):
        return text
    return "".join(line[1:] for line in text.splitlines(keepends=True) if line[:1] == "o")


def workers(payload: Payload) -> Tables:
    """Return workers as runners; one that no builder is configured on is deleted."""
    rows: list[Json] = [
        _own(payload) | {
            "runner_id": f"{payload.instance.name}:{one['name']}", "name": one["name"],
            "labels": [], "is_online": bool(one.get("connected_to")) and not one.get("paused"),
            "offline_reason": _why_not(one), "seen_at": payload.context["at"],
            "is_deleted": not one.get("configured_on"),
        }
        for one in payload.objects("workers")
    ]  # fmt: skip
    return {"core.runners": frame("core.runners", rows)}


def _why_not(one: Json) -> str | None:
    if one.get("paused"):
        return one.get("pause_reason") or "paused"
    if not one.get("connected_to"):
        return "not connected"
    return "it stops after its builds" if one.get("graceful") else None


def waiting(told: Json, at: str) -> dict[str, Json]:
    """Return what is to be remembered of the requests that no master has taken, by id.

    `told` holds `buildrequests` and `builders`, `at` is when they were seen to wait.
    """
    names = {one["builderid"]: one["name"] for one in told["builders"]}
    return {
        str(one["buildrequestid"]): {
            "builder": names.get(one["builderid"], f"builder {one['builderid']}"),
            "queued_at": one["submitted_at"], "seen_at": at,
        }
        for one in told["buildrequests"]
    }  # fmt: skip


def queue(payload: Payload) -> Tables:
    """Return the build requests that wait."""
    found = waiting(payload.object(), payload.context["at"])
    return {"core.queue_items": frame("core.queue_items", _items(payload, found))}


def gone(payload: Payload) -> Tables:
    """Return the build requests that wait no more: taken, cancelled or merged into others."""
    rows = _items(payload, payload.object())
    at = payload.context["at"]
    return {"core.queue_items": frame("core.queue_items", ({**one, "left_at": at} for one in rows))}


def _items(payload: Payload, found: Mapping[str, Json]) -> Iterator[Json]:
    for key, one in found.items():
        if is_chosen(payload.instance, one["builder"]):
            yield _own(payload) | {
                "queue_item_id": f"{payload.instance.name}:{key}",
                "pipeline_id": f"{payload.instance.name}:{one['builder']}",
                "waiting_reason": "no worker has taken it", "is_blocked": False,
                "is_stuck": False, "queued_at": epoch(one["queued_at"]),
                "seen_at": one["seen_at"],
            }  # fmt: skip


PARSERS: dict[str, Parser] = {
    "builders": builders,
    "builds": builds,
    "steps": steps,
    "log": log,
    "report": report,
    "runners": workers,
    "queue": queue,
    "queue.gone": gone,
}
