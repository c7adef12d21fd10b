"""Files of models: whole or not at all, verified at load, refused when they were changed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import OrderedDict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from golive_core.errors import UsageError
from models import learners
from models.store import (
    ESTIMATOR,
    MANIFEST,
    Manifest,
    ModelFileError,
    Store,
    Turn,
    standing,
    stores,
)

AT = datetime(2026, 3, 2, 9, tzinfo=UTC).isoformat()


def manifest(model_id: str = "m-1") -> Manifest:
    return Manifest(
        model_id, "m", "team/shop", "code", "data", AT, AT, 100, 20, {"x": "a number"},
        {"x": {"edges": [0.5], "counts": [50.0, 50.0, 0.0]}}, {"brier": 0.1},
        {"slope": 1.0, "intercept": 0.0},
    )  # fmt: skip


def turn(model_id: str, kind: str = "promote") -> Turn:
    return Turn(kind, model_id, AT, "gate", "because")


@pytest.fixture
def store(home: Path) -> Store:
    return Store(home, "m", "team/shop")


@pytest.fixture
def fitted() -> learners.Classifier:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(300, 3))
    return learners.boosting(max_iter=10).fit(rows, (rows[:, 0] > 0).astype(float))


def crowned(store: Store, *names: str) -> Store:
    for name in names:
        store.save(manifest(name), {"estimator": [1.0, name]})
        store.crown(turn(name))
    return store


def test_what_was_fitted_comes_back_and_says_the_same(
    store: Store, fitted: learners.Classifier
) -> None:
    saved = store.save(manifest(), fitted)
    found = store.load("m-1")
    assert found.manifest == saved
    rows = np.random.default_rng(1).normal(size=(20, 3))
    assert np.array_equal(learners.chance(found.estimator, rows), learners.chance(fitted, rows))
    assert [one.project_id for one in stores(store.root.parents[2], "m")] == ["team/shop"]


@pytest.mark.parametrize("make", [
    lambda: learners.logistic(1.0), lambda: learners.trees(5, leaf=2), learners.boosting,
], ids=["logistic", "trees", "boosting"])  # fmt: skip
def test_every_learner_can_be_saved(store: Store, make: object) -> None:
    rows = np.random.default_rng(0).normal(size=(100, 2))
    model = make().fit(rows, (rows[:, 0] > 0).astype(float))
    store.save(manifest(), model)
    assert np.allclose(
        learners.chance(store.load("m-1").estimator, rows), learners.chance(model, rows)
    )


def test_a_file_with_types_that_nobody_trusts_is_refused(store: Store) -> None:
    store.save(manifest(), {"estimator": OrderedDict(a=1), "run": os.system})
    with pytest.raises(ModelFileError, match=r"not trusted: .*system.*Train again"):
        store.load("m-1")


@pytest.mark.parametrize("harm", ["cut", "edited", "gone"])
def test_a_file_that_is_not_what_was_saved_is_refused_and_the_one_before_stands_in(
    store: Store, harm: str
) -> None:
    crowned(store, "m-1", "m-2")
    path = store.root / "versions" / "m-2" / ESTIMATOR
    if harm == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    elif harm == "edited":
        path.write_bytes(path.read_bytes().replace(b"m-2", b"m-3"))
    else:
        path.unlink()
    with pytest.raises(ModelFileError, match="cut off, edited or removed"):
        store.load("m-2")
    found = store.champion()
    assert found.manifest is not None
    assert found.manifest.model_id == "m-1"
    assert "cut off, edited or removed; m-1 stands in" in found.trouble


@pytest.mark.parametrize("text", ["", "[]", '{"model_id": "m-1"}'])
def test_a_manifest_that_is_none_is_refused_and_the_heuristic_stands_in(
    store: Store, text: str
) -> None:
    crowned(store, "m-1")
    (store.root / "versions" / "m-1" / MANIFEST).write_text(text)
    found = store.champion()
    assert found.manifest is None
    assert found.trouble.endswith("the heuristic stands in")


def test_an_edited_manifest_is_refused(store: Store) -> None:
    crowned(store, "m-1")
    path = store.root / "versions" / "m-1" / MANIFEST
    cells = json.loads(path.read_text())
    path.write_text(json.dumps({**cells, "calibration": {"slope": 9.0, "intercept": 0.0}}))
    with pytest.raises(ModelFileError, match="was edited"):
        store.manifest("m-1")


def test_a_champion_file_that_is_none_leaves_the_heuristic(store: Store) -> None:
    crowned(store, "m-1")
    (store.root / "champion.json").write_text("{")
    assert "the heuristic stands in" in store.champion().trouble


KILLED = """
import os, signal, sys
from pathlib import Path
import skops.io
from models.store import Store
sys.path.insert(0, sys.argv[2])
from test_store import manifest
dump = skops.io.dump
def half(value, path):
    dump(value, path)
    os.truncate(path, 40)
    os.kill(os.getpid(), signal.SIGKILL)
skops.io.dump = half
Store(Path(sys.argv[1]), "m", "team/shop").save(manifest("m-2"), [1.0])
"""


def test_a_process_killed_in_mid_save_leaves_what_was(store: Store, home: Path) -> None:
    crowned(store, "m-1")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(home), str(Path(__file__).parent)], check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert list((store.root / "versions").glob("*.new"))
    assert store.versions() == ["m-1"]
    assert store.champion().manifest == store.manifest("m-1")
    store.save(manifest("m-2"), [1.0])
    assert store.versions() == ["m-1", "m-2"]
    assert not list((store.root / "versions").glob("*.new"))


def test_what_was_rolled_back_is_no_longer_trusted() -> None:
    turns = [turn("a"), turn("b"), turn("c"), turn("b", "rollback")]
    assert standing(turns) == ["a", "b"]
    assert standing([*turns, turn("", "rollback")]) == []
    assert standing([*turns, turn("", "rollback"), turn("d")]) == ["d"]


def test_a_rollback_goes_one_back_and_from_the_first_to_the_heuristic(store: Store) -> None:
    crowned(store, "m-1", "m-2")
    assert store.before() == "m-1"
    store.crown(turn("m-1", "rollback"))
    assert store.before() == ""
    store.crown(turn("", "rollback"))
    with pytest.raises(UsageError, match="nothing to roll back"):
        store.before()


def test_a_version_that_is_not_there_cannot_be_crowned(store: Store) -> None:
    with pytest.raises(ModelFileError, match="cannot be read"):
        store.crown(turn("m-7"))


def test_old_versions_go_and_champions_stay(store: Store) -> None:
    crowned(store, "m-1", "m-2")
    for number in range(3, 9):
        store.save(manifest(f"m-{number}"), [1.0])
    assert store.prune(keep=3) == ["m-3", "m-4", "m-5"]
    assert store.versions() == ["m-1", "m-2", "m-6", "m-7", "m-8"]
