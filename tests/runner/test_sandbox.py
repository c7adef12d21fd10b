"""Generated tests run behind a guard: nothing outside the folder changes, nothing runs for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from golive_runner.sandbox.trial import Trial, TrialError

MODULE = """
import os, socket, subprocess


def double(n: int, by: int = 2) -> int:
    if n < -5:
        raise ValueError("small")
    return n * by


def slow(n: int) -> int:
    while n:
        pass
    return n


def write(path: str) -> int:
    with open(os.path.join({outside!r}, "written"), "w") as file:
        return file.write("x")


def remove() -> None:
    os.remove({kept!r})


def start() -> int:
    return subprocess.call(["touch", {kept!r} + ".started"])


def call() -> None:
    socket.create_connection(("127.0.0.1", 9))


def secret() -> bool:
    return "SHOP_TOKEN" in os.environ


def plain(text: str) -> int:
    with open("note.txt", "w") as file:
        return file.write(text)
"""


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    monkeypatch.setenv("SHOP_TOKEN", "hunter2")
    tree, outside = tmp_path / "tree", tmp_path / "outside"
    tree.mkdir()
    outside.mkdir()
    (outside / "kept").write_text("kept")
    text = MODULE.format(outside=str(outside), kept=str(outside / "kept"))
    (tree / "mod.py").write_text(text)
    return Trial(tree)


def test_calls_are_observed_and_harm_is_refused(trial: Trial, tmp_path: Path) -> None:
    names = ["double", "write", "remove", "start", "call", "secret", "plain"]
    seen = trial.observe("mod", names)
    by = {name: [one for one in seen if one["function"] == name] for name in names}
    assert {"function": "double", "source": "0", "value": "0", "module": "mod"} in by["double"]
    assert {(one["source"], one.get("value")) for one in by["double"]} >= {
        ("1, 1", "1"),
        ("3", "6"),
    }
    assert by["secret"] == [{"function": "secret", "source": "", "value": "False", "module": "mod"}]
    assert by["plain"]
    assert not any(by[name] for name in ("write", "remove", "start", "call"))
    assert [one.name for one in (tmp_path / "outside").iterdir()] == ["kept"]


TESTS = """
from mod import double, slow

def test_right():
    assert double(2) == 4

def test_wrong():
    assert double(2) == 5

def test_endless():
    assert slow(0) == 0
"""


def test_tests_tell_how_they_ended_with_each_mutant(trial: Trial) -> None:
    assert trial.run(TESTS) == {
        "test_right": "passed", "test_wrong": "failed", "test_endless": "passed"
    }  # fmt: skip
    text = (trial.tree / "mod.py").read_text()
    mutants = {
        1: text.replace("n * by", "n + by + 1"), 2: text.replace("while n", "while not n"),
        3: "no python (",
    }  # fmt: skip
    found = dict(trial.mutants(TESTS, "mod.py", mutants))
    assert found[1] == {"test_right": "failed", "test_wrong": "passed", "test_endless": "passed"}
    assert found[2] is not None
    assert found[2]["test_endless"] == "failed"
    assert found[3] is None
    assert (trial.tree / "mod.py").read_text() == text


def test_what_cannot_be_done_says_why(trial: Trial) -> None:
    with pytest.raises(TrialError, match="No module named 'nothing'"):
        trial.observe("nothing", ["f"])
    (trial.tree / "waits.py").write_text("while True: pass\n")
    with pytest.raises(TrialError, match="did not end in time"):
        Trial(trial.tree, timeout_s=1).observe("waits", ["f"])


def test_properties_come_from_hypothesis(trial: Trial) -> None:
    (written,) = trial.skeletons("mod", ["double"])
    assert "@given" in written["written"]
