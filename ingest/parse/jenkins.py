"""Payloads of a Jenkins to rows of core: which parser takes which, and what is rejected.

Pure: the same payloads give the same rows. The parsers are in `jenkins_*.py` beside this file;
what the pull knew of a payload stands in its context.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date

import polars as pl

from ingest.parse import (
    jenkins_builds,
    jenkins_jobs,
    jenkins_log,
    jenkins_stages,
    jenkins_state,
    jenkins_tests,
)
from ingest.parse.chosen import is_chosen
from ingest.parse.jenkins_builds import Place
from ingest.parse.jenkins_tests import Columns
from ingest.parse.tests import frames
from ingest.payload import WRONG, Parser, Payload, Tables
from ingest.source import Parsed

RESULTS = 50_000
"""Test results that are held before they are handed on."""


def _place(payload: Payload) -> Place:
    """Return whose builds these are."""
    instance, context = payload.instance, payload.context
    return Place(
        instance.name, instance.project_id, context["job"], context.get("branch"),
        context.get("is_change", False), context.get("attempt", 1),
        str(instance.options.get("repository", "")), frozenset(context.get("gone", ())),
    )  # fmt: skip


def _jobs(payload: Payload) -> Tables:
    instance, context = payload.instance, payload.context
    found = [job.name for job in jenkins_jobs.jobs(payload.object(), context["folder"])]
    rows = jenkins_jobs.pipelines(
        [name for name in found if is_chosen(instance, name)], context.get("deleted", []),
        instance=instance.name, project_id=instance.project_id,
        base=str(instance.options["url"]).rstrip("/"),
    )  # fmt: skip
    return {"core.pipelines": rows}


def _builds(payload: Payload) -> Tables:
    """Take the builds between the bounds: what overlaps was stored with another page."""
    place, context = _place(payload), payload.context
    above, below = context.get("above", 0), context.get("below")
    builds = [
        build
        for build in jenkins_builds.builds_in(payload.object())
        if build["number"] > above and (below is None or build["number"] < below)
    ]
    tables = {"core.builds": jenkins_builds.rows(builds, place)}
    others = {
        "core.stages": jenkins_builds.cells(builds, place),
        "core.artifacts": jenkins_builds.artifacts(builds, place),
    }
    return tables | {table: rows for table, rows in others.items() if rows.height}


def _stages(payload: Payload) -> Tables:
    runs = jenkins_stages.numbered(payload.json())
    found = [
        jenkins_stages.rows(
            runs[int(number)], build_id=build_id, day=date.fromisoformat(day),
            project_id=payload.instance.project_id,
        )
        for number, (build_id, day) in payload.context["builds"].items()
        if int(number) in runs
    ]  # fmt: skip
    return {"core.stages": pl.concat(found)} if found else {}


def _log(payload: Payload) -> Tables:
    instance, context = payload.instance, payload.context
    rows = jenkins_log.rows(
        payload.body, instance=instance.name, project_id=instance.project_id,
        service=context["job"], build_id=context["build_id"],
        at=jenkins_stages.instant(context["at"]), line=context["line"],
    )  # fmt: skip
    return {"core.log_lines": rows}


PARSERS: dict[str, Parser] = {
    "jobs": _jobs,
    "builds": _builds,
    "stages": _stages,
    "log": _log,
    **jenkins_state.PARSERS,
}


def reports(payloads: Iterable[Payload], project_id: str) -> Iterator[Parsed]:
    """Yield results of many reports together, which costs less than one by one."""
    held: list[tuple[Payload, Columns]] = []
    for payload in payloads:
        report = Columns()
        try:
            report.add(payload.object(), _build(payload))
        except WRONG as error:
            yield Parsed({}, [payload.reject(error)])
            continue
        held.append((payload, report))
        if sum(len(one) for _, one in held) >= RESULTS:
            yield from _results(held, project_id)
            held = []
    yield from _results(held, project_id)


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
