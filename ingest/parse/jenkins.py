"""Payloads of a Jenkins to rows of core: which parser takes which, and what is rejected.

Pure: the same payloads give the same rows. The parsers are in `jenkins_*.py` beside this file;
what the pull knew of a payload stands in its context.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

import polars as pl

from golive_core.errors import SourceDataError
from ingest.parse import jenkins_builds, jenkins_jobs, jenkins_log, jenkins_stages, jenkins_tests
from ingest.parse.jenkins_builds import Place
from ingest.parse.jenkins_tests import Columns
from ingest.parse.tests import frames
from ingest.source import Parsed, Reject

RESULTS = 50_000
"""Test results that are held before they are handed on."""
SHOWN = 4096
"""Characters of a rejected payload that are kept."""
WRONG = (
    SourceDataError, AttributeError, IndexError, KeyError, TypeError, ValueError, OverflowError,
    pl.exceptions.PolarsError,
)  # fmt: skip
"""What parsers raise on JSON of another shape than Jenkins' own."""


@dataclass(frozen=True, slots=True)
class Site:
    """The instance that payloads came from; `base` is its URL."""

    instance: str
    project_id: str
    base: str
    repository: str
    is_wanted: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Payload:
    """One raw row."""

    site: Site
    id: str
    uri: str
    body: bytes
    context: dict[str, Any]

    def json(self) -> object:
        """Return the body decoded; raises SourceDataError."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise SourceDataError(f"not JSON ({error})", where=self.uri) from error

    def object(self) -> dict[str, Any]:
        """Return the body as a JSON object; raises SourceDataError."""
        value = self.json()
        if not isinstance(value, dict):
            raise SourceDataError("not a JSON object", where=self.uri)
        return cast("dict[str, Any]", value)

    def place(self) -> Place:
        """Return whose builds these are."""
        site, context = self.site, self.context
        return Place(
            site.instance, site.project_id, context["job"], context.get("branch"),
            context.get("is_change", False), context.get("attempt", 1), site.repository,
            frozenset(context.get("gone", ())),
        )  # fmt: skip

    def reject(self, error: Exception) -> Reject:
        """Return why the payload is kept out."""
        what = error.what if isinstance(error, SourceDataError) else repr(error)
        content = self.body[:SHOWN].decode("utf-8", "replace")
        return Reject(self.uri, f"not what Jenkins should say: {what}", content=content)


def parse(kind: str, payloads: pl.DataFrame, site: Site) -> Iterator[Parsed]:
    """Yield core rows of payloads of one kind, which are raw rows; what is wrong is rejected."""
    made = (_payload(row, site) for row in payloads.iter_rows(named=True))
    if kind == "tests":
        yield from _tests(made, site.project_id)
        return
    for payload in made:
        try:
            yield Parsed(PARSERS[kind](payload))
        except WRONG as error:
            yield Parsed({}, [payload.reject(error)])


def _payload(row: Mapping[str, Any], site: Site) -> Payload:
    return Payload(
        site, row["payload_id"], row["uri"], row["body"] or b"", json.loads(row["context"])
    )


def _jobs(payload: Payload) -> dict[str, pl.DataFrame]:
    site, context = payload.site, payload.context
    found = [job.name for job in jenkins_jobs.jobs(payload.object(), context["folder"])]
    rows = jenkins_jobs.pipelines(
        list(filter(site.is_wanted, found)), context.get("deleted", []), instance=site.instance,
        project_id=site.project_id, base=site.base,
    )  # fmt: skip
    return {"core.pipelines": rows}


def _builds(payload: Payload) -> dict[str, pl.DataFrame]:
    """Take the builds between the bounds: what overlaps was stored with another page."""
    place, context = payload.place(), payload.context
    above, below = context.get("above", 0), context.get("below")
    builds = [
        build
        for build in jenkins_builds.builds_in(payload.object())
        if build["number"] > above and (below is None or build["number"] < below)
    ]
    tables = {"core.builds": jenkins_builds.rows(builds, place)}
    cells = jenkins_builds.cells(builds, place)
    return tables | {"core.stages": cells} if cells.height else tables


def _stages(payload: Payload) -> dict[str, pl.DataFrame]:
    runs = jenkins_stages.numbered(payload.json())
    found = [
        jenkins_stages.rows(
            runs[int(number)], build_id=build_id, day=date.fromisoformat(day),
            project_id=payload.site.project_id,
        )
        for number, (build_id, day) in payload.context["builds"].items()
        if int(number) in runs
    ]  # fmt: skip
    return {"core.stages": pl.concat(found)} if found else {}


def _log(payload: Payload) -> dict[str, pl.DataFrame]:
    site, context = payload.site, payload.context
    rows = jenkins_log.rows(
        payload.body, instance=site.instance, project_id=site.project_id, service=context["job"],
        build_id=context["build_id"], at=jenkins_stages.instant(context["at"]),
        line=context["line"],
    )  # fmt: skip
    return {"core.log_lines": rows}


PARSERS: dict[str, Callable[[Payload], dict[str, pl.DataFrame]]] = {
    "jobs": _jobs,
    "builds": _builds,
    "stages": _stages,
    "log": _log,
}


def _tests(payloads: Iterable[Payload], project_id: str) -> Iterator[Parsed]:
    """Yield results of many reports together, which costs less than one by one."""
    reports: list[tuple[Payload, Columns]] = []
    for payload in payloads:
        report = Columns()
        try:
            report.add(payload.object(), _build(payload))
        except WRONG as error:
            yield Parsed({}, [payload.reject(error)])
            continue
        reports.append((payload, report))
        if sum(len(one) for _, one in reports) >= RESULTS:
            yield from _results(reports, project_id)
            reports = []
    yield from _results(reports, project_id)


def _results(reports: Sequence[tuple[Payload, Columns]], project_id: str) -> Iterator[Parsed]:
    """Yield rows of the reports; one whose values have the wrong type is found and rejected."""
    together = Columns()
    for _, report in reports:
        together.extend(report)
    try:
        if len(together):
            yield Parsed(frames(together.cells, project_id))
    except WRONG as error:
        if len(reports) == 1:
            yield Parsed({}, [reports[0][0].reject(error)])
            return
        for one in reports:
            yield from _results([one], project_id)


def _build(payload: Payload) -> jenkins_tests.Build:
    context = payload.context
    return jenkins_tests.Build(
        context["build_id"], jenkins_stages.instant(context["at"]),
        context["commit"], context["branch"], payload.id,
    )  # fmt: skip
