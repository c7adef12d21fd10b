"""A learned model lives in a lake: it is evaluated, fitted, promoted, watched, and rolled back."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
from learned_case import CASE, END, bench_of, simulated

from assets.learning import due, graph, records, rows, steps, verdicts
from assets.learning.champion import Champion
from assets.learning.steps import Bench
from assets.workspace import Workspace
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_core.settings import Settings
from golive_dagster import learning
from models import learned
from models.learned import LearnedModel
from models.store import ESTIMATOR, ModelFileError

MADE = END + timedelta(hours=1)
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a home with a simulated lake, and the same after the first promotion."""
    new, lived = (tmp_path_factory.mktemp(name) / ".golive" for name in ("new", "lived"))
    simulated(Lake(new / "lake"))
    shutil.copytree(new, lived)
    steps.life_of(bench_of(Lake(lived / "lake"), lived), made_at=MADE)
    return new, lived


@pytest.fixture
def bench(home: Path, homes: tuple[Path, Path]) -> Bench:
    """Return the model over a simulated lake in which it wins."""
    shutil.copytree(homes[0], home, dirs_exist_ok=True)
    return bench_of(Lake(home / "lake"), home)


@pytest.fixture
def living(home: Path, homes: tuple[Path, Path]) -> Bench:
    """Return the same after its first promotion."""
    shutil.copytree(homes[1], home, dirs_exist_ok=True)
    return bench_of(Lake(home / "lake"), home)


def with_other(bench: Bench, **change: object) -> Bench:
    return replace(bench, model=replace(bench.model, **change))


def later(bench: Bench, *, builds: int = 120, fails: float = 0.3, hour: int = 9) -> None:
    """Write builds of the days after END, all at one hour of the day."""
    rng = np.random.default_rng(2)
    at = [END + timedelta(days=1 + n // 4, hours=hour, minutes=n % 4) for n in range(builds)]
    failed = rng.random(builds) < fails
    bench.lake.merge("core.builds", pl.DataFrame({
        "project_id": "demo", "build_id": [f"new-{n}" for n in range(builds)],
        "pipeline_id": "new", "branch": "main", "attempt": 1, "number": range(builds),
        "status": np.where(failed, "failed", "passed"), "queued_at": at,
        "finished_at": [one + timedelta(minutes=10) for one in at],
        "day": [one.date() for one in at],
    }))  # fmt: skip


def kinds(bench: Bench) -> list[str]:
    return [one["kind"] for one in reversed(records.history(bench.lake, bench.model.name))]


def told(found: list[verdicts.Verdict]) -> Mapping[str, list[str]]:
    return {one.name: one.broken for one in found}


def test_a_model_that_wins_takes_over_and_every_step_is_recorded(bench: Bench) -> None:
    before = Champion.of(bench.home, CASE, "demo")
    assert (before.by, before.is_learned) == ("past failure rate", False)
    [found] = steps.life_of(bench, made_at=MADE)
    assert found.word == "promote"
    after = Champion.of(bench.home, CASE, "demo")
    assert after.by == found.model_id == "build_case-demo-20260401T010000.000000Z"
    assert kinds(bench) == ["evaluate", "fit", "promote"]
    made = bench.store("demo").manifest(found.model_id)
    assert made.metrics == found.metrics
    assert (made.rows, made.data_hash) == (found.rows, found.data_hash)
    cases = rows.window(bench.lake, CASE, "demo", MADE)
    forecast = after.forecast(cases, cases)
    assert np.corrcoef(forecast, CASE.truth(cases))[0, 1] > 0.3
    assert len(set(before.forecast(cases, cases))) == 1


def test_nothing_is_done_again_without_news(living: Bench) -> None:
    version = living.lake.version()
    assert steps.life_of(living, made_at=MADE + timedelta(days=1)) == []
    assert living.lake.version() == version
    assert [one.reason for one in due.due(living.lake, living.home, living.model)] == [""]


def test_a_heuristic_that_is_as_good_keeps_its_place(bench: Bench) -> None:
    """The rival is the learned model itself, so that there is nothing to win."""

    def twin(past: pl.DataFrame, cases: pl.DataFrame) -> np.ndarray:
        return CASE.predict(CASE.fit(past, 1), cases)

    rival = with_other(bench, heuristic=twin)
    [found] = steps.life_of(rival, made_at=MADE)
    assert found.word == "keep"
    assert "not surely better" in found.reason
    assert kinds(rival) == ["evaluate"]
    assert not rival.store("demo").versions()
    assert not Champion.of(rival.home, rival.model, "demo").is_learned


def test_a_young_project_keeps_the_heuristic_and_is_told_why(lake: Lake, home: Path) -> None:
    simulated(lake, builds=40, days=10, project="young")
    bench = bench_of(lake, home)
    assert steps.life_of(bench, made_at=MADE) == []
    [state] = due.due(lake, home, CASE)
    assert state.lacking.endswith("of 100 cases that it takes")


def test_each_project_is_judged_by_its_own_past(bench: Bench) -> None:
    simulated(bench.lake, builds=40, days=10, project="young")
    steps.life_of(bench, made_at=MADE)
    assert verdicts.champions(bench) == {
        "demo": "build_case-demo-20260401T010000.000000Z", "young": "past failure rate",
    }  # fmt: skip


def test_new_cases_and_new_code_make_it_due(living: Bench, tmp_path: Path) -> None:
    later(living, builds=49)
    assert [one.reason for one in due.due(living.lake, living.home, living.model)] == [""]
    later(living)
    [state] = due.due(living.lake, living.home, living.model)
    assert state.reason == "120 new cases"
    other = tmp_path / "other.py"
    other.write_text("changed")
    changed = with_other(living, files=(str(other),))
    assert due.due(changed.lake, changed.home, changed.model)[0].reason == "its code changed"


def test_a_champion_that_the_heuristic_beats_gives_way(living: Bench) -> None:
    """From now on builds fail by chance alone, which the past rate tells as well as anything."""
    later(living, builds=600, fails=0.5)
    truth = rows.window(living.lake, CASE, "demo", END + timedelta(days=200))

    def oracle(_: pl.DataFrame, cases: pl.DataFrame) -> np.ndarray:
        known = dict(truth.select("build_id", "failed").iter_rows())
        return np.array([0.9 if known[one] else 0.1 for one in cases["build_id"]])

    beaten = with_other(living, heuristic=oracle)
    [found] = steps.life_of(beaten, made_at=MADE + timedelta(days=160))
    assert found.word == "retire"
    assert not Champion.of(living.home, CASE, "demo").is_learned
    assert kinds(beaten)[-2:] == ["evaluate", "rollback"]


def test_drift_is_seen_by_its_check(living: Bench) -> None:
    assert told(verdicts.of_champions(living)) == {"gate": [], "drift": [], "files": []}
    later(living, hour=3)
    [broken] = told(verdicts.of_champions(living))["drift"]
    assert broken.startswith("demo: ")
    assert "hour PSI" in broken


def test_a_few_cases_that_drifted_make_it_due(living: Bench) -> None:
    few = with_other(living, fewest_rows=10)
    later(few, builds=51, hour=3)
    last = records.last_evaluations(few.lake, few.model)["demo"]
    assert last.rows * due.GROWTH < due.FEWEST_NEW
    assert "new cases" in due.due(few.lake, few.home, few.model)[0].reason
    assert due.drifted(few.lake, few.home, few.model, "demo").startswith(
        ("hour moved", "rate moved")
    )


def test_one_command_goes_back_and_the_next_scoring_uses_it(living: Bench) -> None:
    turn = steps.rollback(living, "demo", by="ada", made_at=MADE + timedelta(hours=1), reason="odd")
    assert turn.model_id == ""
    assert Champion.of(living.home, CASE, "demo").by == "past failure rate"
    assert kinds(living)[-1] == "rollback"
    newest = records.history(living.lake, CASE.name)[0]
    assert (newest["parameters"], newest["reason"]) == ({"by": "ada"}, "odd")
    with pytest.raises(UsageError, match="nothing to roll back"):
        steps.rollback(living, "demo", by="ada", made_at=MADE + timedelta(hours=2))


def test_the_gate_respects_a_rollback_for_a_week(living: Bench) -> None:
    back_at = MADE + timedelta(days=31)
    steps.rollback(living, "demo", by="ada", made_at=back_at)
    steps.promote(living, made_at=back_at + timedelta(minutes=1))
    assert not Champion.of(living.home, CASE, "demo").is_learned
    later(living)
    [found] = steps.life_of(living, made_at=back_at + timedelta(days=2))
    assert found.word == "promote"
    assert not Champion.of(living.home, CASE, "demo").is_learned
    steps.promote(living, made_at=back_at + timedelta(days=8))
    assert Champion.of(living.home, CASE, "demo").by == found.model_id


def test_new_code_need_not_wait(living: Bench, tmp_path: Path) -> None:
    steps.rollback(living, "demo", by="ada", made_at=MADE + timedelta(hours=1))
    other = tmp_path / "other.py"
    other.write_text("better")
    changed = with_other(living, files=(str(other),))
    [found] = steps.life_of(changed, made_at=MADE + timedelta(hours=2))
    assert Champion.of(living.home, CASE, "demo").by == found.model_id


def test_a_version_can_be_named_and_must_be_whole(living: Bench) -> None:
    [model_id] = living.store("demo").versions()
    steps.rollback(living, "demo", to="heuristic", by="ada", made_at=MADE + timedelta(hours=1))
    back = steps.rollback(living, "demo", to=model_id, by="ada", made_at=MADE + timedelta(hours=2))
    assert Champion.of(living.home, CASE, "demo").by == back.model_id == model_id
    with pytest.raises(UsageError, match=r"no version 'x'.*heuristic"):
        steps.rollback(living, "demo", to="x", by="ada", made_at=MADE)
    damage(living)
    with pytest.raises(ModelFileError, match="cut off"):
        steps.rollback(living, "demo", to=model_id, by="ada", made_at=MADE)


def damage(bench: Bench) -> None:
    store = bench.store("demo")
    path = store.root / "versions" / store.versions()[-1] / ESTIMATOR
    path.write_bytes(path.read_bytes()[:100])


def test_a_damaged_champion_is_not_used_and_told(
    living: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    damage(living)
    assert Champion.of(living.home, CASE, "demo").by == "past failure rate"
    assert "the heuristic stands in" in caplog.text
    [broken] = told(verdicts.of_champions(living))["files"]
    assert "cut off, edited or removed" in broken


def test_damaged_files_are_made_again_from_the_same_rows(living: Bench) -> None:
    cases = rows.window(living.lake, CASE, "demo", MADE)
    before = Champion.of(living.home, CASE, "demo").forecast(cases, cases)
    damage(living)
    assert "are damaged" in due.due(living.lake, living.home, CASE)[0].damage
    assert steps.life_of(living, made_at=MADE + timedelta(days=1)) == []
    after = Champion.of(living.home, CASE, "demo")
    assert after.is_learned
    assert np.array_equal(after.forecast(cases, cases), before)


def test_lost_files_are_made_again(living: Bench) -> None:
    shutil.rmtree(living.home / "models")
    [found] = steps.life_of(living, made_at=MADE + timedelta(days=1))
    assert Champion.of(living.home, CASE, "demo").by == found.model_id


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("last", ["evaluate", "fit", "crown"])
def test_a_run_that_ends_early_is_made_up_for(
    bench: Bench, last: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.evaluate(bench, made_at=MADE)
    if last != "evaluate":
        steps.fit(bench, made_at=MADE)
    if last == "crown":
        with monkeypatch.context() as patch:
            patch.setattr(records, "write_turns", killed)
            with pytest.raises(Killed):
                steps.promote(bench, made_at=MADE)
        assert kinds(bench)[-1] == "fit"
    steps.life_of(bench, made_at=MADE + timedelta(minutes=5))
    assert Champion.of(bench.home, CASE, "demo").is_learned
    assert kinds(bench)[-1] == "promote"


def killed(*_: object) -> None:
    raise Killed


def test_rows_mended_after_the_evaluation_are_not_fitted_unseen(bench: Bench) -> None:
    steps.evaluate(bench, made_at=MADE)
    builds = bench.lake.query("select * from core.builds order by queued_at limit 1")
    bench.lake.merge("core.builds", builds.with_columns(status=pl.lit("error")))
    flipped = builds["status"].item() in ("failed", "error")
    if flipped:
        bench.lake.merge("core.builds", builds.with_columns(status=pl.lit("passed")))
    assert steps.fit(bench, made_at=MADE) == []
    assert due.due(bench.lake, bench.home, CASE)[0].reason == "its files are missing"
    steps.life_of(bench, made_at=MADE + timedelta(minutes=5))
    assert told(verdicts.of_challengers(bench)) == {"same_data": [], "same_code": []}


def test_two_fits_of_the_same_rows_are_the_same(living: Bench, tmp_path: Path) -> None:
    other = replace(living, home=tmp_path / "other")
    steps.fit(other, made_at=MADE)
    [first, second] = [one.store("demo") for one in (living, other)]
    cases = rows.window(living.lake, CASE, "demo", MADE)
    [one] = first.versions()
    assert np.array_equal(
        *(CASE.predict(store.load(one).estimator, cases) for store in (first, second))
    )
    assert hashlib.sha256(repr(first.manifest(one).reference).encode()).hexdigest() == (
        hashlib.sha256(repr(second.manifest(one).reference).encode()).hexdigest()
    )


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> LearnedModel:
    """Make the small model the only one that is found."""
    found = {CASE.name: CASE}
    for module in (learned, graph, learning):
        monkeypatch.setattr(module, "learned_models", lambda: found)
    return CASE


def test_assets_carry_out_the_steps_with_their_checks(
    bench: Bench, known: LearnedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(Settings(base=bench.home.parent, home=bench.home), bench.lake)
    done = dg.materialize(graph.learning_assets(), resources={"workspace": workspace},
                          run_config=QUIET)  # fmt: skip
    found = {one.check_name: one.passed for one in done.get_asset_check_evaluations()}
    said = records.last_evaluations(bench.lake, CASE)["demo"].metrics
    is_calibrated = said["ece"] <= max(verdicts.ECE, said["ece_chance"])
    assert found.pop("calibrated") == is_calibrated
    assert found == dict.fromkeys(
        ["beats_constant", "same_data", "same_code", "gate", "drift", "files"], True
    )
    [made] = done.asset_materializations_for_node("models__build_case__champion")
    assert made.metadata["turns"].value == 1
    assert Champion.of(bench.home, CASE, "demo").is_learned
    damage(bench)
    monkeypatch.setattr(steps, "fit", lambda *_, **__: [])
    again = dg.materialize(graph.learning_assets(), resources={"workspace": workspace},
                           run_config=QUIET)  # fmt: skip
    [files] = [one for one in again.get_asset_check_evaluations() if one.check_name == "files"]
    assert (files.passed, files.severity) == (False, dg.AssetCheckSeverity.ERROR)


def test_the_schedule_runs_where_something_is_due_and_says_why(
    bench: Bench, known: LearnedModel
) -> None:
    workspace = Workspace(Settings(base=bench.home.parent, home=bench.home), bench.lake)
    [schedule] = learning.learning_schedules(workspace)
    context = dg.build_schedule_context(scheduled_execution_time=datetime(2026, 4, 2, tzinfo=UTC))
    [request] = schedule.evaluate_tick(context).run_requests or []
    assert request.tags["golive/due"] == "build_case of demo: enough cases for a first time"
    steps.life_of(bench, made_at=MADE)
    tick = schedule.evaluate_tick(context)
    assert not tick.run_requests
    assert tick.skip_message == "nothing new enough to learn from"


def test_training_reads_the_window_and_no_more(lake: Lake, home: Path) -> None:
    simulated(lake)
    bench = with_other(bench_of(lake, home), window_days=20)
    steps.life_of(bench, made_at=MADE)
    made = bench.store("demo").manifest(bench.store("demo").versions()[0])
    assert made.rows < rows.counts(lake, CASE, "demo")[0] * 0.6


def test_the_newest_rows_are_taken_whole_days_or_not(lake: Lake, home: Path) -> None:
    simulated(lake)
    bench = with_other(bench_of(lake, home), max_rows=70)
    every = rows.window(lake, CASE, "demo", MADE)
    few = rows.window(lake, bench.model, "demo", MADE)
    assert few.equals(every.tail(70))
