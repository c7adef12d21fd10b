"""`golive review` in a repository, as a process: by git alone, with a lake, with a model."""

from __future__ import annotations

import json
from pathlib import Path

from tests.agents.model_server import Body, Plan, serving
from tests.agents.repository import made
from tests.cli.conftest import Run


def test_a_change_is_reviewed_for_people_and_machines(golive: Run, tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    said = golive("review", "main...feature", "--repo", "shop")
    assert said.code == 0
    assert "3 files in 2 folders, +2 -1" in said.out
    assert "Ada 67%" in said.out
    assert "Not known: builds, tests, coverage" in said.err
    found = golive("review", "main...feature", "--json", cwd=shop.folder).json
    assert found["files"][0]["mended"] == 1


def test_a_lake_names_the_project_and_what_it_lacks(golive: Run, tmp_path: Path) -> None:
    shop = made(tmp_path / "shop")
    assert golive("ingest", "git", str(shop.folder)).code == 0
    found = golive("review", "main...feature", "--repo", "shop", "--json")
    assert found.json["project_id"] == "shop"
    assert any("there are no builds yet" in why for why in found.json["unknown"])


def test_wrong_use_says_what_to_do(golive: Run, tmp_path: Path) -> None:
    made(tmp_path / "shop")
    for args, why in (
        (("HEAD",), "no work tree"), (("nothing", "--repo", "shop"), "no commit"),
        (("main..main", "--repo", "shop"), "changes no file"),
        (("HEAD", "--repo", "shop", "--sarif", "none.sarif"), "no such SARIF"),
        (("HEAD", "--repo", "shop", "--propose"), "no open change request"),
    ):  # fmt: skip
        said = golive("review", *args)
        assert (said.code, why in said.err) == (2, True), said.err


def test_a_model_remarks_and_a_second_pass_judges(golive: Run, tmp_path: Path) -> None:
    made(tmp_path / "shop")

    def answer(body: Body) -> str:
        said = body["messages"][1]["content"]
        line = next(one for one in said.splitlines() if "len(items)" in one).partition(" | ")[0]
        if "R1 | " in said:
            return json.dumps({"verdict": "stands", "why": "Items may be none.", "cites": [line]})
        one = {"line": line, "text": "The mean of no items divides by zero.",
               "check": "Items may be none.", "cites": [line]}  # fmt: skip
        return json.dumps({"remarks": [one]})

    with serving(Plan(answer=answer)) as url:
        toml = f'[project.shop]\n[model]\nurl = "{url}"\nname = "tiny"\nmay_send = true\n'
        (tmp_path / "golive.toml").write_text(toml)
        said = golive("review", "main...feature", "--repo", "shop")
        assert "shop/cart.py:6 The mean of no items divides by zero." in said.out
        assert "remarks" not in golive("review", "HEAD", "--repo", "shop", "--no-model").out


def test_a_model_is_asked_what_the_grammar_refuses(golive: Run, tmp_path: Path) -> None:
    made(tmp_path / "shop")
    assert golive("ingest", "git", "shop").code == 0
    sql = "select count(*) as n from core.commits"
    plan = Plan(answer=lambda _: json.dumps({"sql": sql, "refusal": None}))
    with serving(plan) as url:
        toml = f'[project.shop]\n[model]\nurl = "{url}"\nname = "tiny"\nmay_send = true\n'
        (tmp_path / "golive.toml").write_text(toml)
        said = golive("ask", "how frobnicated is it?", "--json")
        assert said.json["rows"] == [{"n": 4}]
        assert sql in said.err
        assert golive("ask", "how frobnicated is it?", "--no-model").code == 1
        (tmp_path / "golive.toml").write_text(toml.replace("true", "false"))
        assert golive("ask", "how frobnicated is it?").code == 1
        assert golive("evaluate", "agents").code == 2
        assert golive("evaluate", "explain", "--model", "tiny").code == 2
    assert len(plan.seen) == 1
