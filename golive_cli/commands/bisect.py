"""`golive bisect`: which commit broke it, also where the verdict is not always right."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_runner.bisect import Bisection, Run
    from models.culprit import Search

TOP = 5
WORDS = {
    "commit": "This commit broke it", "group": "One of these broke it; none between can be tested",
    "before": "It failed at the good commit already", "none": "No commit of the range broke it",
    "unsure": "Not sure yet: give it more --runs, with --resume",
}  # fmt: skip


def command(  # noqa: PLR0913, PLR0917 - its options
    good: Annotated[str, typer.Argument(help="A commit at which it passed.")],
    bad: Annotated[str, typer.Argument(help="A commit at which it fails.")],
    run: Annotated[list[str], typer.Argument(metavar="-- COMMAND...", help="Exit code 0 passed, "
        "125 cannot be tested, 1 to 127 failed; a signal or a time-out is not counted.")],
    test: Annotated[str, typer.Option(help="Id or class::name of the test: results in the lake "
        "count as runs.")] = "",
    runs: Annotated[int, typer.Option(help="At most so many runs.", min=1)] = 100,
    confidence: Annotated[float, typer.Option(help="How sure it has to be.", min=0.5,
        max=0.9999)] = 0.95,
    timeout: Annotated[float, typer.Option(help="Seconds of a run; 0 for no limit.",
        min=0)] = 600.0,
    jobs: Annotated[int, typer.Option(help="Runs at a time.", min=1, max=4)] = 1,
    first_parent: Annotated[bool, typer.Option(help="The main line only.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on where it was interrupted.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Find the commit that broke a command, by runs in work trees of their own."""
    from golive_core.lock import alone, is_held

    made = _prepared(good, bad, run, first_parent=first_parent, confidence=confidence)
    made.timeout_s, made.jobs, made.budget = timeout or None, jobs, runs
    if is_held(made.folder, "lock"):
        raise UsageError("this search is under way already", where=str(made.folder))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with alone(made.folder, "lock"):
        known = _from_lake(made.search, test) if test else 0
        if resume:
            say(f"{made.resume()} runs taken over.")
        else:
            made.forget()
        made.go(lambda one: _told(made, one))
    found = _result(made, known)
    _shown(found, as_json)
    if found["answer"] not in ("commit", "group"):
        raise typer.Exit(1)


def _prepared(
    good: str, bad: str, run: list[str], *, first_parent: bool, confidence: float
) -> Bisection:
    """Return the search over the range in the repository around the current folder."""
    from golive_cli.folder import prepared
    from golive_core.ids import content_id
    from golive_core.settings import home
    from golive_runner.bisect import Bisection
    from golive_runner.worktree import Repository
    from models.commit_range import between
    from models.culprit import Search

    repository = Repository(Path.cwd())
    first, last = repository.commit(good), repository.commit(bad)
    if not repository.is_ancestor(first, last):
        raise UsageError(
            "the good commit is not in the past of the bad one", where=f"{good} {bad}",
            hint="Name their merge base as the good one: git merge-base GOOD BAD",
        )  # fmt: skip
    parents = repository.parents(first, last, first_parent=first_parent)
    search = Search(between(first, last, parents), confidence=confidence)
    key = f"{content_id(str(repository.path), first, last, *run, str(first_parent)) % 2**63:x}"
    folder = prepared(home()) / "bisect" / key
    return Bisection(search, repository, run, folder)


def _from_lake(search: Search, test: str) -> int:
    """Give the results in the lake to the search; return how many attempts it took."""
    from golive_core.lake import Lake
    from golive_core.settings import home
    from models.culprit import known_rate
    from models.culprit_history import take_in

    lake = Lake(home() / "lake")
    if not lake.exists("core.test_results") or not lake.exists("core.tests"):
        raise UsageError("no test result is known yet", hint="Run golive ingest first")
    sql = """
    select test_id from core.tests
    where cast(test_id as varchar) = ? or name = ? or class_name || '::' || name = ?
    """
    found = lake.query(sql, [test, test, test])["test_id"].to_list()
    if len(found) != 1:
        what = f"{len(found)} tests are" if found else "no test is"
        raise UsageError(f"{what} called {test!r}", hint="Give its test_id: golive flaky --json")
    results = lake.query(
        "select commit_sha, status from core.test_results where test_id = ?", [found[0]]
    )
    if lake.exists("predictions.flaky"):
        rated = "select rate from predictions.flaky where test_id = ? and verdict = 'flaky'"
        for rate in lake.query(rated, [found[0]])["rate"]:
            search.false_fail = known_rate(rate)
    return take_in(search, results)


def _told(made: Bisection, run: Run) -> None:
    from models.culprit_history import suspects

    rows = suspects(made.search).head(3).iter_rows(named=True)
    likely = ", ".join(f"{row['sha'][:10]} {row['probability']:.0%}" for row in rows)
    why = f" ({run.reason})" if run.reason else ""
    say(f"{len(made.runs):>3}  {run.sha[:10]} {run.verdict}{why}; likeliest: {likely}")


def _result(made: Bisection, known: int) -> dict[str, Any]:
    """Return the answer as --json has it."""
    from dataclasses import asdict

    from models.culprit_history import suspects

    answer, places = made.search.answer(), made.search.commits.places
    false_fail, false_pass = made.search.rates()
    top = suspects(made.search).head(TOP).to_dicts()
    for row in top:
        row["author"], row["authored_at"], row["subject"] = made.repository.about(row["sha"])
    return {
        "answer": answer.kind, "probability": answer.probability,
        "culprits": [places[at] for at in answer.places] if answer.kind != "unsure" else [],
        "commits": len(made.search.commits.shas), "runs_used": len(made.runs),
        "results_from_lake": known, "false_fail_rate": false_fail, "false_pass_rate": false_pass,
        "top": top, "runs": [asdict(run) for run in made.runs], "folder": str(made.folder),
    }  # fmt: skip


def _shown(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit(found)
        return
    say(f"{WORDS[found['answer']]} ({found['probability']:.1%}, {found['runs_used']} runs).")
    columns = ["probability", "sha", "author", "authored_at", "subject", "failed", "passed"]
    cells = [[f"{row['probability']:.1%}", *(row[name] for name in columns[1:])]
             for row in found["top"]]  # fmt: skip
    show(columns, cells)
