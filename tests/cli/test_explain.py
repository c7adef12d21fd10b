"""`golive explain` on a log file and on what is unknown, as a process."""

from __future__ import annotations

import json
from pathlib import Path

from tests.agents.model_server import Plan, serving
from tests.agents.worded import answer
from tests.cli.conftest import Run


def test_a_log_is_explained_for_people_and_machines(golive: Run, tmp_path: Path) -> None:
    (tmp_path / "build.log").write_text("start\nmain.c:3: error: no semicolon\n1 error\n")
    said = golive("explain", "build.log")
    assert said.code == 0
    assert "main.c:3: error: no semicolon" in said.out
    assert "Open main.c at line 3" in said.out
    found = golive("explain", "build.log", "--json").json
    assert found["lines"][0]["number"] == 2
    assert found["kind"] == "file"


def test_what_is_unknown_is_wrong_use(golive: Run) -> None:
    said = golive("explain", "nothing")
    assert said.code == 2
    assert "no file, no build and no failure" in said.err


def test_a_configured_model_words_it_once_it_may_and_what_was_sent_is_shown(
    golive: Run, tmp_path: Path
) -> None:
    (tmp_path / "build.log").write_text("main.c:3: error: undefined reference to total\n")
    plan = Plan(answer=lambda _: json.dumps(answer(culprit=None)))
    with serving(plan) as url:
        toml = f'[project.shop]\n[model]\nurl = "{url}"\nname = "tiny"\n'
        (tmp_path / "golive.toml").write_text(toml)
        asked = golive("explain", "build.log")
        assert "may_send = true" in asked.err
        assert plan.seen == []
        assert "No model was ever asked" in golive("model-calls").err
        (tmp_path / "golive.toml").write_text(f"{toml}may_send = true\n")
        said = golive("explain", "build.log")
        assert "undefined reference to total. [build.log:1]" in said.out
        assert len(plan.seen) == 1
        assert golive("explain", "build.log", "--no-model").code == 0
        assert len(plan.seen) == 1
    calls = golive("model-calls", "--json").json
    assert [one["status"] for one in calls] == ["answered"]
    shown = golive("model-calls", calls[0]["call_id"][:8])
    assert plan.seen[0]["messages"][1]["content"] in shown.out


def test_proposals_are_listed_and_what_is_unknown_is_wrong_use(golive: Run) -> None:
    assert "Nothing waits" in golive("proposals").err
    assert golive("proposals", "approve", "12345678").code == 2
    assert golive("proposals", "approve").code == 2
