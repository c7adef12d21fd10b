"""Failures, builds and logs are explained by what the lake has, and every claim finds its rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from assets import refresh
from assets.protocols import explain
from golive_agents.advising import next_step
from golive_agents.error_resolver import Resolver
from golive_agents.explanation import (
    Cite,
    Explanation,
    FailedTest,
    Fix,
    Past,
    Suspect,
    Suspects,
)
from golive_core import schema
from golive_core.errors import UsageError
from golive_core.lake import Lake

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
GOOD_LOG = ("start", "warning: cache is cold", "ERROR: telemetry is off, ignored", "done")
BAD_LOG = (
    "start", "warning: cache is cold", "ERROR: telemetry is off, ignored",
    "src/shop.c:12: undefined reference to `total'", "make: *** [all] Error 1",
)  # fmt: skip


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Return a lake with a pipeline that passed, and then did not compile."""
    lake = Lake(tmp_path_factory.mktemp("logged") / "lake")
    texts = list(dict.fromkeys((*GOOD_LOG, *BAD_LOG)))
    shas = ["a" * 40, "b" * 40]
    builds = [_build(1, "passed", shas[0]), _build(2, "error", shas[1])]
    commits = [
        {"repository_id": "shop", "sha": sha, "project_id": "shop", "day": NOW.date(),
         "committed_at": NOW, "subject": f"Change {at}", "author_name": "Ada", "is_merge": False,
         "parents": shas[at - 1 : at]}
        for at, sha in enumerate(shas)
    ]  # fmt: skip
    lines = [
        {"source": "jenkins", "instance": "ci", "service": "ci/build", "project_id": "shop",
         "build_id": build["build_id"], "line": number, "day": NOW.date(),
         "at": build["queued_at"], "level": "error" if "ERROR" in text else None,
         "template_id": texts.index(text) + 1, "message": text}
        for build, log in zip(builds, (GOOD_LOG, BAD_LOG), strict=True)
        for number, text in enumerate(log, start=1)
    ]  # fmt: skip
    templates = [
        {"template_id": at + 1, "template": text, "number": at + 1, "lines": 1, "example": text}
        for at, text in enumerate(texts)
    ]
    with lake.transaction("test") as txn:
        tables = {"core.builds": builds, "core.commits": commits, "core.log_lines": lines}
        for name, rows in (tables | {"core.log_templates": templates}).items():
            spec = schema.find(name)
            put = txn.append if spec.is_fact else txn.merge
            put(name, schema.conform(spec, pl.DataFrame(rows)))
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    return lake


def _build(number: int, status: str, sha: str) -> dict[str, object]:
    at = NOW + timedelta(hours=number)
    return {
        "build_id": f"ci/build#{number}", "pipeline_id": "ci/build", "project_id": "shop",
        "source": "jenkins", "day": NOW.date(), "number": number, "attempt": 1, "commit_sha": sha,
        "branch": "main", "status": status, "queued_at": at, "started_at": at, "finished_at": at,
    }  # fmt: skip


def test_a_build_is_explained_by_the_lines_that_no_good_build_logged(logged: Lake) -> None:
    found = Resolver(logged).explain("ci/build#2")
    first = found.lines[0]
    assert first.text == "src/shop.c:12: undefined reference to `total'"
    assert (first.number, first.source) == (4, "log of ci/build#2 (ci/build)")
    assert "no good build has it" in first.reasons
    assert found.lines[0].score > max(line.score for line in found.lines[1:])
    assert "telemetry" not in found.lines[1].text
    assert found.suspects is not None
    assert found.suspects.commits[0].sha == "b" * 40
    assert found.suspects.basis == "results of the pipeline as a whole"
    assert found.next_step is not None
    assert found.next_step.command == "git show bbbbbbbbbb"


def test_the_culprit_is_among_the_first_three_of_planted_regressions() -> None:
    rows = explain.history(5, builds=120, tests=150)
    assert rows.height >= 6
    assert rows["place"].is_between(1, 3).mean() >= 0.9


def test_every_claim_on_a_simulated_failure_finds_its_rows(asked_lake: Lake) -> None:
    signature = asked_lake.query("select min(signature_id) from marts.failure_fixes").item()
    found = Resolver(asked_lake, project="demo").explain(str(signature))
    assert found.signature_id == signature
    assert found.past[0].likeness == 1
    assert found.past[0].fixes
    cites = [*found.cites, *(one.cite for one in found.past), *found.past[0].fixes[:1]]
    cites += [one.cite for one in found.suspects.commits] if found.suspects else []
    for cite in (one.cite if isinstance(one, Fix) else one for one in cites):
        wanted = " and ".join(
            f"cast({name} as varchar) = '{value}'"
            for name, _, value in (part.partition("=") for part in cite.key.split())
        )
        assert asked_lake.query(f"select 1 from {cite.table} where {wanted}").height, str(cite)
    assert found.lines[0].source.startswith("failure ")
    assert found.next_step is not None
    assert found.document()["past"][0]["cite"]["table"] == "core.failures"


def test_a_build_of_flaky_tests_blames_no_commit(asked_lake: Lake) -> None:
    sql = """
    select max(failed.build_id) from marts.test_failures as failed
    inner join predictions.flaky as verdict on failed.test_id = verdict.test_id
    inner join core.builds as build on failed.build_id = build.build_id
    where verdict.verdict = 'flaky' and verdict.probability > 0.95 and failed.has_passed
        and build.status = 'passed' and not failed.is_outage
    """
    found = Resolver(asked_lake).explain(asked_lake.query(sql).item())
    assert "A retry of the same build passed." in found.notes
    assert found.next_step is not None
    assert found.next_step.text.startswith("Run the build again")
    assert found.suspects is None or found.suspects.elsewhere > 0.5


def test_a_file_is_explained_alone_and_beside_a_good_one(tmp_path: Path, lake: Lake) -> None:
    bad, good = tmp_path / "bad.log", tmp_path / "good.log"
    bad.write_bytes("\n".join(BAD_LOG).encode() + b"\n\x1b[31mERROR\x1b[0m: \xff odd\n")
    good.write_text("\n".join(GOOD_LOG))
    found = Resolver(lake).explain(str(bad))
    assert {"ERROR: telemetry is off, ignored", BAD_LOG[3]} <= {one.text for one in found.lines}
    beside = Resolver(lake).file(bad, good)
    assert "undefined reference" in beside.lines[0].text
    assert beside.next_step is not None
    assert beside.next_step.text.startswith("Open src/shop.c at line 12")
    assert beside.signature_id is None


@pytest.mark.parametrize("subject", ["no-such-file.log", "123456", "ci/build#99"])
def test_what_is_unknown_is_said_with_what_to_do(subject: str, lake: Lake) -> None:
    with pytest.raises(UsageError) as error:
        Resolver(lake).explain(subject)
    assert error.value.hint


BARE = Explanation("failure", "1", "boom")
CITE = Cite("core.commits", "sha=c")
SURE = Suspect("c" * 40, 0.8, "Change it", "Ada", NOW, 2, 0, CITE)
RANGE = Suspects((SURE,), "g" * 40, "c" * 40, 3, 0.1, "results of the failing test")
FIX = Fix("f" * 40, "c" * 40, NOW, "Mend it", "Bob", 2, Cite("marts.failure_fixes", "x=1"))
PAST = Past(7, "Error", "boom", 1.0, NOW, (FIX,), Cite("core.failures", "signature_id=7"))


@pytest.mark.parametrize(
    ("found", "is_outage", "text", "command"),
    [
        (BARE, True, "Look at the runner", ""),
        (replace(BARE, tests=(FailedTest(1, "t", "flaky", 0.95),)), False, "Run the build again",
         "golive flaky"),
        (replace(BARE, suspects=RANGE), True, "Read cccccccccc by Ada", "git show"),
        (replace(BARE, suspects=RANGE), False, "Read cccccccccc by Ada", "git show cccccccccc"),
        (replace(BARE, suspects=RANGE, past=(PAST,)), False, "Read cccccccccc", ""),
        (replace(BARE, past=(PAST,)), False, "See how ffffffffff ended it", "git log "),
        (replace(BARE, suspects=replace(RANGE, commits=(replace(SURE, probability=0.3),))), False,
         "Search the 3 commits", "golive bisect gggggggggg cccccccccc -- COMMAND"),
        (replace(BARE, suspects=replace(RANGE, elsewhere=0.9)), False, "Read its log", ""),
        (BARE, False, "Read its log", ""),
    ],
)  # fmt: skip
def test_the_next_step_is_what_the_evidence_speaks_for(
    found: Explanation, is_outage: bool, text: str, command: str
) -> None:
    step = next_step(found, is_outage=is_outage)
    assert step.text.startswith(text)
    assert step.command.startswith(command)
    assert step.basis
