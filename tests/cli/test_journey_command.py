"""`golive test run`: a tester's five lines, from the file to the lake and to the exit code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.runner.shop import open_shop

pytestmark = pytest.mark.slow

JOURNEY = """journey: Sign in
base: http://{shop}
timeout_s: 1
steps:
  - open: /
  - fill: {{label: Name, with: Ada}}
  - click: Sign in
  - see: Hello {who}
"""
STEPS = """
select test.suite, step.status, result.commit_sha, count(*) as steps
from core.test_steps as step
inner join core.tests as test on step.test_id = test.test_id
inner join core.test_results as result
    on step.test_id = result.test_id and step.build_id = result.build_id
group by all
order by all
"""


@pytest.fixture(scope="module")
def shop() -> Iterator[str]:
    """Return where the shop is."""
    with open_shop() as place:
        yield place


def test_a_journey_runs_and_lands_in_the_lake(golive: Run, tmp_path: Path, shop: str) -> None:
    folder = tmp_path / "journeys"
    folder.mkdir()
    (folder / "good.yaml").write_text(JOURNEY.format(shop=shop, who="Ada"))
    (folder / "bad.yaml").write_text(JOURNEY.format(shop=shop, who="Adam"))
    (folder / "other.yaml").write_text("services: {web: {}}\n")
    (folder / "slip.yaml").write_text("journey: Slip\nsteps: [\n")
    done = golive("test", "run", "journeys", "--project", "shop", "--commit", "f" * 40)
    assert done.code == 1
    assert "The page says “Hello Ada”" in done.err
    assert "1 passed, 1 failed, 1 not run" in done.err
    assert "slip.yaml:3: not valid YAML" in done.err
    rows = golive("sql", STEPS, "--format", "json").json
    assert [(row["suite"], row["status"], row["steps"]) for row in rows] == [
        ("journeys/bad.yaml", "failed", 1), ("journeys/bad.yaml", "passed", 3),
        ("journeys/good.yaml", "passed", 4),
    ]  # fmt: skip
    assert {row["commit_sha"] for row in rows} == {"f" * 40}


def test_a_report_can_be_carried_to_another_golive(golive: Run, tmp_path: Path, shop: str) -> None:
    (tmp_path / "good.yaml").write_text(JOURNEY.format(shop=shop, who="Ada"))
    done = golive("test", "run", "good.yaml", "--report", "run.json", "--evidence", "none")
    assert done.code == 0, done.err
    loaded = golive("ingest", "reports", "run.json", "--project", "shop", "--json")
    tables = loaded.json[0]["tables"]
    assert (tables["core.test_results"]["new"], tables["core.test_steps"]["new"]) == (1, 4)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("none.yaml",), "there is no such file or folder"),
        (("empty",), "no journey is there"),
        (("wrong.yaml",), "wrong.yaml:3: steps.1.clik is no action"),
        (("wrong.yaml", "--evidence", "some"), "Known: all, failed, none"),
        (("wrong.yaml", "--browser", "lynx"), ""),
    ],
)
def test_wrong_use_ends_with_2(
    golive: Run, tmp_path: Path, args: tuple[str, ...], words: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "wrong.yaml").write_text("journey: A\nsteps:\n  - clik: B\n")
    done = golive("test", "run", *args)
    assert done.code == 2
    assert words in done.err


def test_a_look_waits_is_approved_and_is_then_what_runs_are_compared_with(
    golive: Run, tmp_path: Path, shop: str
) -> None:
    (tmp_path / "look.yaml").write_text(
        f"journey: Look\nbase: http://{shop}\nsteps:\n  - open: /twins\n  - look: twins\n"
    )
    run = ("test", "run", "look.yaml", "--project", "shop", "--evidence", "none")
    assert golive("test", "approve").err == "Nothing waits for a decision.\n"
    assert golive(*run).code == 0
    (waits,) = golive("test", "approve", "--json").json
    assert (waits["name"], waits["verdict"]) == ("twins", "new")
    assert golive("test", "approve", "--project", "other", "--json").json == []
    assert golive("test", "approve", "cousins").code == 2
    assert golive("test", "approve", "twins", "--all").code == 2
    assert golive("test", "approve", "--reject").code == 2
    done = golive("test", "approve", "twins", "--note", "as drawn")
    assert "approved: twins of Look (chromium 1280x720 light)" in done.err
    assert golive(*run).code == 0
    query = "select verdict, baseline = actual as is_alike from core.visual_checks order by verdict"
    rows = golive("sql", query, "--format", "json").json
    assert [(row["verdict"], row["is_alike"]) for row in rows] == [("new", None), ("same", True)]
    assert golive("test", "approve", "--json").json == []


def test_whose_a_run_is_has_to_be_clear_before_it_begins(
    golive: Run, tmp_path: Path, shop: str
) -> None:
    (tmp_path / "golive.toml").write_text("[project.shop]\n[project.bank]\n")
    (tmp_path / "good.yaml").write_text(JOURNEY.format(shop=shop, who="Ada"))
    done = golive("test", "run", "good.yaml")
    assert (done.code, "--project shop|bank" in done.err) == (2, True)
    assert "Sign in" not in done.err, "nothing ran"
    assert golive("test", "run", "good.yaml", "--project", "bank", "--evidence", "none").code == 0
