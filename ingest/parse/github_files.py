"""What runs of GitHub Actions leave behind: artifacts, test reports in them, logs of jobs."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from golive_core.errors import ReportError, SourceDataError
from golive_core.schema import LOG_LINES
from ingest.archives import members
from ingest.parse import tests
from ingest.parse.console import CONTROL, LONGEST, level, lines
from ingest.parse.github import SOURCE, Json
from ingest.parse.github_runs import day_of
from ingest.parse.junit import Cases, Report, read_report
from ingest.parse.junit_rows import columns
from ingest.parse.rows import frame, instant
from ingest.payload import Parser, Payload, Tables

TIME = r"^\x{FEFF}?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d*Z ?"
"""Each line begins with a time of seven decimals, always UTC; the file with a byte order mark."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def artifacts(payload: Payload) -> Tables:
    """Return the artifacts of a run, each with the attempt that ran when it was kept.

    `builds` of the context are `[start, build_id, day]` of the attempts, in any order.
    """
    rows = [
        {
            "artifact_id": f"{build}/{one['name']}", "build_id": build,
            "project_id": payload.instance.project_id, "day": day_of(day), "path": one["name"],
            "size_bytes": one.get("size_in_bytes"), "sha256": _digest(one.get("digest")),
            "created_at": one.get("created_at"), "expires_at": one.get("expires_at"),
            "url": one.get("archive_download_url"),
        }
        for one in payload.objects("artifacts")
        for _, build, day in [attempt_of(one, payload.context["builds"])]
    ]  # fmt: skip
    return {"core.artifacts": frame("core.artifacts", rows)}


def attempt_of(artifact: Mapping[str, str], builds: Sequence[list[str]]) -> list[str]:
    """Return the newest of `builds` that had begun when the artifact was made."""
    ordered = sorted(builds)
    begun = [one for one in ordered if one[0] <= (artifact.get("created_at") or "9")]
    return begun[-1] if begun else ordered[0]


def _digest(digest: str | None) -> str | None:
    return digest.removeprefix("sha256:") if digest else None


def reports(payload: Payload) -> Tables:
    """Return the test results in a zip of JUnit reports; what is no report is left out.

    Raises SourceDataError if there is a file of the right kind, but none can be read.
    """
    cases, refused = Cases(), list[str]()
    for path, body in _members(payload):
        report = _report(payload, path)
        try:
            for _ in read_report(lambda body=body: io.BytesIO(body), report, cases, size=0):
                pass
        except ReportError as error:
            refused.append(f"{path}: {error.what}")
    if not len(cases):
        if refused:
            raise SourceDataError(f"no test report in it ({refused[0]})", where=payload.uri)
        return {}
    return tests.frames({one.name: one for one in columns(cases)}, payload.instance.project_id)


def _members(payload: Payload) -> Iterator[tuple[str, bytes]]:
    size = len(payload.body)
    try:
        for one in members(io.BytesIO(payload.body), path=f"{payload.uri}.zip", size=size):
            if one.stream is not None:
                yield one.name, one.stream.read()
    except ReportError as error:
        raise SourceDataError(error.what, where=payload.uri) from error


def _report(payload: Payload, path: str) -> Report:
    context = payload.context
    return Report(
        path, payload.id, context["build"],
        run_at=_microseconds(context["started"]), newest_at=_microseconds(context["made"]),
        commit_sha=context.get("commit"), branch=context.get("branch"),
        environment=context.get("environment") or "",
    )  # fmt: skip


def _microseconds(text: str) -> int:
    at = instant(text) or EPOCH
    return int((at - EPOCH).total_seconds()) * 1_000_000


def log(payload: Payload) -> Tables:
    """Return the lines of a job's log; `service`, `build` and `started` are of the context."""
    context, spec = payload.context, LOG_LINES.schema
    time = pl.col("message").str.extract(TIME)
    at = time.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=False)
    first = pl.lit(instant(context["started"]), spec["at"])
    rows = lines(payload.body).with_columns(
        at.dt.replace_time_zone("UTC").forward_fill().fill_null(first).alias("at"),
        pl.col("message").str.replace(TIME, "").str.replace_all(CONTROL, "").str.slice(0, LONGEST),
    )
    made: Json = {
        "source": SOURCE, "instance": payload.instance.name, "service": context["service"],
        "project_id": payload.instance.project_id, "build_id": context["build"],
    }  # fmt: skip
    found = rows.select(
        *(pl.lit(value).alias(name) for name, value in made.items()),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"),
        pl.col("at").dt.date().alias("day"), "at", level().alias("level"), "message",
    )  # fmt: skip
    return {"core.log_lines": found}


PARSERS: dict[str, Parser] = {"artifacts": artifacts, "reports": reports, "log": log}
