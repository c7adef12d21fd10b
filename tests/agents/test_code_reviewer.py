"""A change is reviewed by its history, its lines and what the lake knows; every number is true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from model_server import Body, Plan, serving, told
from repository import CART, CHANGED, NOW, Made, made
from worded import client

from assets import refresh
from golive_agents.analysing import by_ruff, by_sarif
from golive_agents.calls import Notebook
from golive_agents.change import Change, Clone
from golive_agents.code_reviewer import NOT_READ, Reviewer
from golive_agents.evidence import Evidence
from golive_agents.remarks import Worded, remark
from golive_agents.review import Review
from golive_agents.review_comment import body, comment
from golive_core import schema
from golive_core.errors import ReportError, UsageError
from golive_core.lake import Lake

SECRET = "ghp_" + "a1B2c3D4" * 5


@pytest.fixture
def shop(tmp_path: Path) -> Made:
    return made(tmp_path / "shop")


def reviewed(lake: Lake, shop: Made, span: str = "main...feature") -> tuple[Review, Change]:
    clone = Clone(shop.folder)
    change = clone.change(span)
    return Reviewer(lake).review(change, clone, analysed=[by_ruff(clone, change)]), change


def test_git_alone_tells_history_and_says_what_is_not_known(lake: Lake, shop: Made) -> None:
    found, _ = reviewed(lake, shop)
    assert found.files[0].path == "shop/cart.py"
    cart, renamed = found.files[0], next(one for one in found.files if one.kind == "renamed")
    assert (cart.commits, cart.commits_90d, cart.authors, cart.owner) == (3, 3, 2, "Ada")
    assert (cart.mended, cart.is_new_to_authors) == (1, True)
    assert cart.last_mended == f"{shop.git('rev-parse', 'main')[:10]} Fix mean"
    assert renamed.commits == 1
    assert (cart.builds, cart.coverage, found.project_id) == (None, None, "")
    assert found.unknown == (NOT_READ,)
    assert (found.size.files, found.size.folders, found.size.of) == (3, 2, 3)


def test_ruff_and_sarif_speak_of_new_lines_only(lake: Lake, shop: Made, tmp_path: Path) -> None:
    old = "import os\n\n\ndef run(command):\n    return command\n"
    shop.commit({"run.py": old}, "Run")
    shop.commit({"run.py": old.replace("return command", "return eval(command) + unknown")}, "Eval")
    clone = Clone(shop.folder)
    change = clone.change("HEAD")
    said = by_ruff(clone, change)
    assert {(one.rule, one.line, one.kind) for one in said.findings} == {
        ("S307", 5, "vulnerability"), ("F821", 5, "bug"),
    }  # fmt: skip
    results = [
        {"ruleId": "R1", "message": {"text": "bad"}, "locations": [{"physicalLocation": {
            "artifactLocation": {"uri": uri}, "region": {"startLine": line}}}]}
        for uri, line in (("file:///build/x/run.py", 5), ("run.py", 4), ("other.py", 5))
    ]  # fmt: skip
    log = {"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "T"}}, "results": results}]}
    file = tmp_path / "t.sarif"
    file.write_text(json.dumps(log))
    assert [(one.cite, one.tool, one.rule) for one in by_sarif([file], change).findings] == [
        ("run.py:5", "T", "R1")
    ]
    with pytest.raises(UsageError):
        by_sarif([tmp_path / "none"], change)
    file.write_text("{")
    with pytest.raises(ReportError):
        by_sarif([file], change)


def test_the_settings_of_the_project_hold_for_ruff_and_broken_ones_are_told(shop: Made) -> None:
    shop.commit({"ruff.toml": '[lint]\nignore = ["F401"]\n', "m.py": "import os\n"}, "One")
    clone = Clone(shop.folder)
    assert by_ruff(clone, clone.change("HEAD")).findings == ()
    shop.commit({"ruff.toml": "[lint\n", "m.py": "import os\nimport re\n"}, "Two")
    said = by_ruff(clone, clone.change("HEAD"))
    assert "ruff cannot read m.py" in said.unknown[0]


def put(lake: Lake, name: str, *rows: dict[str, Any]) -> None:
    spec = schema.find(name)
    with lake.transaction("test") as txn:
        write = txn.append if spec.is_fact else txn.merge
        write(name, schema.conform(spec, pl.DataFrame(list(rows))))


@pytest.fixture
def known(lake: Lake, shop: Made) -> Lake:
    """Return a lake that knows the repository, a broken build, a flaky test and a finding."""
    commits = shop.git("log", "--format=%H %ct %aN|%s", "--reverse").splitlines()
    shas = [line[:40] for line in commits]
    day = NOW.date()
    put(lake, "core.commits", *(
        {"repository_id": "r", "sha": sha, "project_id": "shop", "day": day, "committed_at": NOW,
         "author_name": "Ada", "parents": shas[at - 1 : at], "is_merge": False,
         "files_changed": 1}
        for at, sha in enumerate(shas)
    ))  # fmt: skip
    put(lake, "core.commit_files", *(
        {"repository_id": "r", "sha": sha, "path": "shop/cart.py", "day": day,
         "change_type": "modified", "insertions": 1, "deletions": 1} for sha in shas
    ))  # fmt: skip
    put(lake, "core.builds", *(
        {"build_id": f"b{at}", "pipeline_id": "ci", "project_id": "shop", "source": "jenkins",
         "day": day, "number": at, "attempt": 1, "commit_sha": sha, "branch": "main",
         "status": "failed" if at == 2 else "passed",
         **dict.fromkeys(("queued_at", "started_at", "finished_at"), NOW.replace(minute=at))}
        for at, sha in enumerate(shas[:3])
    ))  # fmt: skip
    put(lake, "core.tests", {"test_id": 7, "project_id": "shop", "suite": "s", "class_name": "",
                             "name": "test_total", "file": "tests/test_cart.py"})  # fmt: skip
    put(lake, "core.change_requests", {
        "change_request_id": "gh:team/shop#5", "project_id": "shop", "repository_id": "r",
        "source": "github", "day": day, "number": 5, "title": "Mean", "status": "open",
        "source_branch": "feature", "target_branch": "main", "head_sha": shas[-1],
        "opened_at": NOW, "updated_at": NOW,
    })  # fmt: skip
    put(lake, "core.code_findings", *(
        {"finding_id": f"f{line}", "project_id": "shop", "source": "sonarqube", "tool": "sonar",
         "rule_id": "S1", "kind": "bug", "severity": "high", "status": "open", "message": "divides",
         "path": "shop/cart.py", "line": line, "commit_sha": shas[-1]} for line in (2, 6)
    ))  # fmt: skip
    put(lake, "predictions.flaky", {"project_id": "shop", "test_id": 7, "verdict": "flaky",
                                    "probability": 0.97, "as_of": NOW, "made_at": NOW})  # fmt: skip
    for mart in refresh.marts():
        refresh.refresh(lake, mart)
    return lake


def test_the_lake_adds_builds_tests_and_findings(known: Lake, shop: Made) -> None:
    found, _ = reviewed(known, shop)
    cart = found.files[0]
    assert (found.project_id, cart.builds, cart.broke) == ("shop", 2, 1)
    assert found.broke_share == 0.5
    assert [(one.title, one.verdict, one.path) for one in found.tests] == [
        ("test_total", "flaky", "shop/cart.py")
    ]
    assert [(one.cite, one.tool) for one in found.findings] == [("shop/cart.py:6", "sonar")]
    assert any("coverage" in why for why in found.unknown)
    for one in (*cart.cites[1:], found.tests[0].cite):
        assert known.query(one.sql).height == 1
    json.dumps(found.document(), default=str)


def test_a_review_becomes_a_comment_that_a_person_decides_about(known: Lake, shop: Made) -> None:
    found, _ = reviewed(known, shop)
    made_ = comment(found, Evidence(known), Worded())
    assert made_ is not None
    assert (made_.action, made_.agent) == ("github.set_comment", "code_reviewer")
    assert made_.parameters["number"] == 5
    assert "shop/cart.py:6" in str(made_.parameters["body"])
    assert comment(replace(found, head="0" * 40, branch="x"), Evidence(known), Worded()) is None


def test_what_others_wrote_stands_in_a_comment_as_code_only(known: Lake, shop: Made) -> None:
    found, _ = reviewed(known, shop)
    evil = "``` @team ![x](https://evil.example) password=hunter-7731 <img src=x>"
    finding = replace(found.findings[0], text=evil)
    text = body(replace(found, findings=(finding,)), Worded())
    assert len(text.split("```")) == 3
    assert "@team" not in "".join(text.split("```")[::2])
    assert "hunter-7731" not in text


# ------------------------------------------------------------------ a model


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Plan, str]]:
    plan = Plan()
    with serving(plan) as url:
        yield plan, url


def line_of(body_: Body, text: str) -> str:
    """Return the id under which a line is shown."""
    lines = body_["messages"][1]["content"].splitlines()
    return next(line.partition(" | ")[0] for line in lines if text in line)


def answering(verdict: str, **changed: Any) -> Any:
    """Return a model that remarks on the division, and then judges so."""

    def answer(said: Body) -> str:
        line = line_of(said, "len(items)")
        if "R1 | " in said["messages"][1]["content"]:
            return json.dumps({"verdict": verdict, "why": "Nothing guards the items.",
                               "cites": [line]})  # fmt: skip
        one = {
            "line": line,
            "text": "The mean of no items divides by zero.",
            "check": "With no items the return is an error.",
            "cites": [line],
            **changed,
        }
        return json.dumps({"remarks": [one]})

    return answer


def test_a_remark_that_stands_is_tied_to_its_line(
    lake: Lake, shop: Made, server: tuple[Plan, str]
) -> None:
    plan, url = server
    found, change = reviewed(lake, shop)
    plan.answer, plan.seen[:] = answering("stands"), []
    ledger = Notebook()
    said = remark(found, change, client(url, ledger))
    assert [(one.cite, one.text) for one in said.remarks] == [
        ("shop/cart.py:6", "The mean of no items divides by zero.")
    ]
    assert said.remarks[0].why_it_stands == "Nothing guards the items."
    assert [one.agent for one in ledger.calls] == ["code_reviewer"] * 2
    assert "Ada" not in told(plan.seen[0])


@pytest.mark.parametrize(
    ("verdict", "changed", "why"),
    [
        ("refuted", {}, "was refuted"),
        ("perhaps", {}, "nobody upheld"),
        ("stands", {"line": "X1"}, "no new line"),
        ("stands", {"cites": ["L99"]}, "not given"),
        ("stands", {"text": "See https://evil.example for the items"}, "link"),
        ("stands", {"check": "Call shop.pay of the items"}, "does not cite"),
        ("stands", {"text": "It is wrong in every way"}, "no word in common"),
    ],
)
def test_what_is_refuted_or_on_no_new_line_is_dropped(
    verdict: str, changed: dict[str, Any], why: str, lake: Lake, shop: Made,
    server: tuple[Plan, str],
) -> None:  # fmt: skip
    plan, url = server
    found, change = reviewed(lake, shop)
    plan.answer = answering(verdict, **changed)
    said = remark(found, change, client(url))
    assert said.remarks == ()
    assert why in f"{said.reason}{said.dropped}"


def test_a_secret_in_a_diff_is_not_sent_and_a_large_change_is_cut(
    lake: Lake, shop: Made, server: tuple[Plan, str]
) -> None:
    plan, url = server
    lines = "".join(f"value_{at} = {at}\n" for at in range(5000))
    shop.commit({"big.py": f'TOKEN = "{SECRET}"\n{lines}', "shop/cart.py": CART}, "Big")
    found, change = reviewed(lake, shop, "HEAD")
    plan.answer, plan.seen[:] = lambda _: json.dumps({"remarks": []}), []
    ledger = Notebook()
    said = remark(found, change, client(url, ledger))
    assert (said.remarks, said.reason) == ((), "")
    assert SECRET not in told(plan.seen[0])
    assert ledger.calls[0].status == "answered"
    assert "value_4999" not in told(plan.seen[0])


def test_without_consent_nothing_is_sent(lake: Lake, shop: Made, server: tuple[Plan, str]) -> None:
    plan, url = server
    found, change = reviewed(lake, shop)
    plan.seen[:] = []
    assert "may_send" in remark(found, change, client(url, may_send=False)).reason
    assert plan.seen == []
    assert CHANGED != CART
