"""Documents of checks in a process of their own, as `golive test run` runs them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from shop_server import TOKEN, raw

from golive_core.artifacts import ArtifactStore
from golive_runner import isolated
from golive_runner.job import Job
from golive_runner.watch import Limits


def job(tmp_path: Path, **documents: str) -> Job:
    files: list[str] = []
    for name, text in documents.items():
        path = tmp_path / f"{name}.yaml"
        path.write_text(text)
        files.append(str(path))
    return Job(tuple(files), str(tmp_path / "home"), str(tmp_path))


def children() -> set[str]:
    """Return the processes that are ours and still there."""
    return {
        entry.name for entry in Path("/proc").glob("[0-9]*")
        if (entry / "stat").exists() and f" {os.getpid()} " in (entry / "stat").read_text()
    }  # fmt: skip


def test_the_words_of_a_job_go_over_the_document(base, tmp_path, monkeypatch):
    monkeypatch.setenv("SHOP_TOKEN", TOKEN)
    text = f"checks: Shop\nbase: {base}\nretries: 2\nsteps: [{{get: /none}}]\n"
    wanted = job(tmp_path, shop=text, wrong="checks: Shop\nsteps: [{gett: /}]\n")
    once = isolated.run(Job(wanted.files, wanted.home, wanted.root, retries=0, keep="none"))
    thrice = isolated.run(wanted)
    assert [one.status for one in thrice.attempts] == ["failed"] * 3
    assert [(one.suite, one.name, len(one.steps[0].evidence)) for one in once.attempts] == [
        ("shop.yaml", "Shop", 0)
    ]
    assert "Did you mean get?" in once.wrong[wanted.files[1]]
    assert all(one.sha256 in ArtifactStore(tmp_path / "home")
               for one in thrice.attempts[0].steps[0].evidence)  # fmt: skip


@pytest.mark.slow
def test_a_check_that_never_ends_is_ended_and_the_next_runs(base, tmp_path):
    """A pattern that takes for ever to find nothing: no limit within the process can end it."""
    before = children()
    endless = (
        "deadline_s: 0.5\nsteps: [{get: '/cookie?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', "
        "expect: {text: {matches: '(a+)+$'}}}]\n"
    )
    wanted = job(
        tmp_path,
        endless=f"checks: Endless\nbase: {base}\n{endless}",
        good=f"checks: Good\nbase: {base}\nsteps: [{{get: /cookie}}]\n",
    )
    finished = isolated.run(wanted, limits=Limits(grace_s=0.5))
    assert finished.wrong == {}
    assert [(one.name, one.status) for one in finished.attempts] == [
        ("Endless", "error"),
        ("Good", "passed"),
    ]
    assert "it ran past its limit" in finished.attempts[0].message
    assert children() == before


def test_a_run_that_is_stopped_leaves_nothing(tmp_path):
    from threading import Event, Timer

    stop, before = Event(), children()
    with raw(lambda connection: connection.recv(1)) as base:
        wanted = job(tmp_path, hangs=f"checks: Hangs\nbase: {base}\nsteps: [{{get: /}}]\n")
        timer = Timer(2.0, stop.set)
        timer.start()
        finished = isolated.run(wanted, stop=stop)
        timer.join()
    assert [(one.status, "stopped" in one.message) for one in finished.attempts] in (
        [("error", True)],
        [],
    )
    assert children() == before
