"""`golive generate-tests`, as a process: what it keeps passes, is stable, and notices mutants."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agents.model_server import Plan, serving
from tests.agents.repository import Made
from tests.cli.conftest import Run

CODE = '''"""Carts."""

import random


def total(items: list[int], discount: float = 0.0) -> float:
    """Return the sum with a discount of 0 to 1."""
    if discount < 0 or discount > 1:
        raise ValueError("discount")
    return sum(items) * (1 - discount)


def shaken(n: int) -> float:
    return random.random()
'''


def shop(folder: Path) -> Made:
    folder.mkdir()
    made = Made(folder)
    made.git("init", "-q", "-b", "main")
    made.commit({"shop/cart.py": CODE, "shop/other.py": "X = 1\n"}, "Begin")
    return made


@pytest.mark.slow
def test_kept_tests_pass_are_stable_and_kill_mutants(golive: Run, tmp_path: Path) -> None:
    made = shop(tmp_path / "shop")
    said = golive("generate-tests", "shop/cart.py", "--mutants", "14", "--write", "tests",
                  "--json", cwd=made.folder)  # fmt: skip
    (found,) = said.json
    assert found["killed"] >= 6
    assert found["killed"] + len(found["survivors"]) == found["mutants"]
    assert any("shaken" in name for name in found["unstable"])
    assert not any("shaken" in one["candidate"]["name"] for one in found["kept"]
                   if one["candidate"]["kind"] == "pinned")  # fmt: skip
    assert made.git("worktree", "list").count("\n") == 0
    assert made.git("status", "--short") == "?? tests/"
    path = made.folder / "tests" / "test_shop_cart_generated.py"
    assert path.read_text() == found["source"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "addopts=", path],
        cwd=made.folder, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(made.folder), "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    again = golive("generate-tests", "shop/cart.py", "--mutants", "1", "--runs", "1",
                   "--write", "tests", cwd=made.folder)  # fmt: skip
    assert (again.code, "not overwritten" in again.err) == (2, True)


@pytest.mark.slow
def test_a_range_and_a_model_are_taken(golive: Run, tmp_path: Path) -> None:
    made = shop(tmp_path / "shop")
    made.commit({"shop/cart.py": CODE.replace("1 - discount", "1.0 - discount")}, "Change")
    tests = [{"name": "test_half", "body": ["assert total([2], 0.5) == 1"]},
             {"name": "test_false", "body": ["assert total([2], 0.5) == 2"]}]  # fmt: skip
    with serving(Plan(answer=lambda _: json.dumps({"tests": tests}))) as url:
        toml = f'[project.shop]\n[model]\nurl = "{url}"\nname = "tiny"\nmay_send = true\n'
        (tmp_path / "golive.toml").write_text(toml)
        said = golive("generate-tests", "HEAD", "--repo", "shop", "--mutants", "8", "--runs", "1",
                      "--json")  # fmt: skip
    (found,) = said.json
    assert found["functions"] == ["total"]
    assert "test_false" in found["unstable"]
    assert "test_half" not in found["unstable"]


def test_wrong_use_says_what_to_do(golive: Run, tmp_path: Path) -> None:
    made = shop(tmp_path / "shop")
    (made.folder / "broken.py").write_text("def (:\n")
    for args, why in (
        (("shop/other.py",), "no public function"), (("broken.py",), "no Python"),
        (("nothing",), "no commit"), (("shop/cart.py", "--python", "nopython"), "no such Python"),
    ):  # fmt: skip
        said = golive("generate-tests", *args, cwd=made.folder)
        assert (said.code, why in said.err) == (2, True), said.err
