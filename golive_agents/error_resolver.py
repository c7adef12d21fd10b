"""Why did it fail: a failure, a build or a log explained from the lake, without any model.

`Resolver.explain` takes an id and gives an `Explanation`: the telling lines (by contrast with the
last good builds of the pipeline, else by their levels and shape), the signature, the commits that
may have broken it, failures of the past that read alike and what ended them, the category of the
cause, and a next step. Each part names the rows or lines it rests on. Only what one failure needs
is read, by day and key, so that it takes as long on a large lake as on a small one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from golive_agents import telling
from golive_agents.advising import next_step
from golive_agents.blaming import Seen, blame
from golive_agents.evidence import Evidence
from golive_agents.explanation import (
    Cause,
    Cite,
    Explanation,
    FailedTest,
    Kind,
    ShownLine,
    Suspects,
)
from golive_agents.remembering import remember
from golive_agents.tickets import about
from golive_core.errors import UsageError
from golive_core.lake import Lake

SHOWN = 5
"""Lines of each source that are shown."""
Row = Mapping[str, Any]


class Resolver:
    """Explains what is in a lake; `project` "" means any. `as_of` (aware) looks at the past."""

    def __init__(self, lake: Lake, *, project: str = "", as_of: datetime | None = None) -> None:
        self._evidence = Evidence(lake, as_of)
        self._project = project

    def explain(self, subject: str) -> Explanation:
        """Return what is known of a file, a build or a failure, in this order of meaning.

        Raises UsageError where it is none of them, LakeError where the lake cannot be read.
        """
        path = Path(subject)
        return self.file(path) if path.is_file() else self.known(subject)

    def known(self, subject: str) -> Explanation:
        """Return what is known of a build or a failure; no file is looked at.

        Raises UsageError where it is neither, LakeError where the lake cannot be read.
        """
        if self._build(subject) is not None:
            return self.build(subject)
        if subject.lstrip("-").isdigit():
            return self.failure(int(subject))
        raise UsageError(
            f"{subject!r} is no file, no build and no failure that is known",
            hint="Ids stand on the pages Failures and Builds; golive ingest reads newer builds",
        )

    def file(self, path: Path, good: Path | None = None) -> Explanation:
        """Explain a log by itself, or by contrast with the log of a good run."""
        lines = telling.read(path)
        shown = telling.of_text(lines, str(path), good=telling.read(good) if good else None)
        failure = telling.as_failure(shown)
        found = Explanation(
            "file", str(path), shown[0].text if shown else "The log is empty",
            project_id=self._project, lines=shown, cause=_cause(failure),
            past=remember(self._evidence, self._project, failure, is_known=False),
            tickets=about(self._evidence, self._project, failure),
        )  # fmt: skip
        return replace(found, next_step=next_step(found))

    def failure(self, number: int, build_id: str = "") -> Explanation:
        """Explain a failure by its id or its signature's, where it was seen last or in a build.

        Raises UsageError for an unknown one.
        """
        rows = self._evidence.rows("failure", id=number)
        if rows.is_empty():
            raise UsageError(f"no failure {number}", hint="Its id stands on the page Failures")
        failure = rows.row(0, named=True)
        seen = self._evidence.rows("seen", signature=failure["signature_id"],
                                   project=self._project)  # fmt: skip
        last = build_id or (seen["build_id"][0] if seen.height else "")
        build = self._build(last) if last else None
        tests = self._tests(build)
        own = [row for row in tests if row["signature_id"] == failure["signature_id"]]
        return self._explained("failure", str(number), failure, build, own or tests)

    def build(self, build_id: str) -> Explanation:
        """Explain a build by its main failure and its log; raises UsageError for an unknown one."""
        build = self._build(build_id)
        if build is None:
            raise UsageError(f"no build {build_id}", hint="Its id stands on the page Builds")
        tests = self._tests(build)
        main = _main(tests)
        if main is None:
            return self._explained("build", build_id, None, build, [])
        rows = self._evidence.rows("failure", id=main["failure_id"])
        failure = rows.row(0, named=True) if rows.height else None
        own = [row for row in tests if row["signature_id"] == main["signature_id"]]
        return self._explained("build", build_id, failure, build, own)

    def suspects(self, build_id: str, wanted: Callable[[Row], bool]) -> Suspects | None:
        """Return the commits that may have broken the wanted ones of the tests that failed.

        `wanted` is asked of each row of failed_tests.sql.
        """
        build = self._build(build_id)
        tests = [row for row in self._tests(build) if wanted(row)]
        return self._blamed(build, tests) if tests else None

    # ---------------------------------------------------------------- parts

    def _explained(
        self, kind: Kind, number: str, failure: Row | None, build: Row | None, tests: Sequence[Row]
    ) -> Explanation:
        project = build["project_id"] if build else self._project
        lines = self._lines(failure, build)
        said = failure or telling.as_failure(lines)
        found = Explanation(
            kind, number, _title(failure, build, lines), project_id=project,
            build_id=_text(build, "build_id"), commit_sha=_text(build, "commit_sha"),
            branch=_text(build, "branch"), lines=lines,
            signature_id=said["signature_id"], signature=said["signature"] or "",
            tests=tuple(_test(row) for row in tests), suspects=self._blamed(build, tests),
            past=remember(self._evidence, project, said, is_known=failure is not None),
            tickets=about(self._evidence, project, said),
            cause=_cause(said), cites=_cites(failure, build), notes=_notes(build, tests),
        )  # fmt: skip
        is_outage = any(row["is_outage"] for row in tests)
        return replace(found, next_step=next_step(found, is_outage=is_outage))

    def _build(self, build_id: str) -> Row | None:
        rows = self._evidence.rows("build", build=build_id)
        return rows.row(0, named=True) if rows.height else None

    def _tests(self, build: Row | None) -> list[dict[str, Any]]:
        if build is None:
            return []
        rows = self._evidence.rows("failed_tests", project=build["project_id"],
                                   build=build["build_id"], day=build["day"])  # fmt: skip
        return rows.to_dicts()

    def _lines(self, failure: Row | None, build: Row | None) -> tuple[ShownLine, ...]:
        own = telling.of_failure(failure, SHOWN) if failure else ()
        return (*own, *self._logged(build)) if build else own

    def _logged(self, build: Row) -> tuple[ShownLine, ...]:
        rows = self._evidence.rows(
            "lines", project=build["project_id"], day=build["day"], build=build["build_id"],
            pipeline=build["pipeline_id"], until=build["queued_at"],
        )  # fmt: skip
        return telling.of_log(rows, build["build_id"], SHOWN) if rows.height else ()

    def _blamed(self, build: Row | None, tests: Sequence[Row]) -> Suspects | None:
        if build is None or not build["commit_sha"]:
            return None
        if build["status"] == "passed" and not tests:
            return None
        seen = Seen(build["project_id"], build["pipeline_id"], build["day"], build["queued_at"],
                    build["commit_sha"])  # fmt: skip
        return blame(self._evidence, seen, tests)


def _text(row: Row | None, name: str) -> str:
    return (row[name] or "") if row else ""


def _main(tests: Sequence[Row]) -> Row | None:
    """Return the failure that most of the tests have that look sound; the first of equal ones."""
    known = [row for row in tests if row["failure_id"] is not None]
    sound = [row for row in known if row["verdict"] != "flaky" and not row["has_passed"]]
    chosen = sound or known
    counts: dict[int, int] = {}
    for row in chosen:
        counts[row["signature_id"]] = counts.get(row["signature_id"], 0) + 1
    return max(chosen, key=lambda row: counts[row["signature_id"]], default=None)


def _title(failure: Row | None, build: Row | None, lines: Sequence[ShownLine]) -> str:
    if failure:
        first = (failure["message"] or "").strip().partition("\n")[0][:200]
        return f"{failure['type'] or 'failure'}: {first}" if first else str(failure["type"])
    if lines:
        return lines[0].text
    return f"{build['pipeline']} {build['number']} {build['status']}" if build else "nothing known"


def _test(row: Row) -> FailedTest:
    title = "::".join(part for part in (row["class_name"], row["name"]) if part)
    return FailedTest(row["test_id"], title, row["verdict"], row["probability"], row["file"])


def _cause(failure: Row) -> Cause | None:
    from models.causes import UNKNOWN, classify

    said = {name: failure.get(name) for name in ("type", "message", "details")}
    schema = {"type": pl.String, "message": pl.String, "details": pl.String}
    row = classify(pl.DataFrame([said], schema=schema), with_examples=False).row(0, named=True)
    if row["cause"] == UNKNOWN:
        return None
    return Cause(row["cause"], row["cause_confidence"], row["cause_evidence"])


def _cites(failure: Row | None, build: Row | None) -> tuple[Cite, ...]:
    found: list[Cite] = []
    if failure:
        found.append(Cite("core.failures", f"failure_id={failure['failure_id']}"))
    if build:
        found.append(Cite("core.builds", f"build_id={build['build_id']}"))
        found.append(Cite("marts.test_failures", f"build_id={build['build_id']}"))
    return tuple(found)


def _notes(build: Row | None, tests: Sequence[Row]) -> tuple[str, ...]:
    notes: list[str] = []
    if build is None:
        notes.append("It was not seen in any build that is known.")
    elif build["good_build_id"] is None:
        notes.append("No build of this pipeline passed in the 30 days before: nothing to contrast.")
    if any(row["has_passed"] for row in tests):
        notes.append("A retry of the same build passed.")
    return tuple(notes)
