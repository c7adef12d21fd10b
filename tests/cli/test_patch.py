"""`golive explain --patch`: a patch is shown if, and only if, the failing test passes with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.agents.model_server import Plan, serving
from tests.agents.repository import Made
from tests.cli.conftest import Run

TEST = "from shop.cart import total\nassert total([1, 2]) == 3, 'wrong'\n"


def test_only_a_patch_that_mends_is_shown(golive: Run, tmp_path: Path) -> None:
    shop = Made(tmp_path / "shop")
    shop.folder.mkdir()
    shop.git("init", "-q")
    shop.commit({"shop/cart.py": "def total(items):\n    return sum(items) - 1\n",
                 "check.py": TEST}, "Begin")  # fmt: skip
    (tmp_path / "build.log").write_text("shop/cart.py:2: AssertionError: wrong\n")
    plan = Plan()
    run = f"{sys.executable} check.py"
    args = ("explain", "build.log", "--patch", "--repo", "shop", "--runs", "2")

    def says(line: str) -> None:
        edit = {"first": "K2", "last": "K2", "lines": [line]}
        plan.answer = lambda _: json.dumps({"edits": [edit], "why": "One too few is summed."})

    with serving(plan) as url:
        toml = f'[project.shop]\n[model]\nurl = "{url}"\nname = "tiny"\nmay_send = true\n'
        (tmp_path / "golive.toml").write_text(f"{toml}cache_days = 0\n")
        assert "which test fails" in golive(*args).err
        says("    return sum(items)")
        good = golive(*args, "--run", run)
        assert (good.code, "+    return sum(items)\n" in good.out) == (0, True)
        assert "run 2 of 2: it passes" in good.err
        says("    return sum(items) + 1")
        bad = golive(*args, "--run", run)
        assert (bad.code, "+    return" in bad.out) == (1, False)
        assert "does not mend it" in bad.err
        assert golive(*args, "--run", "no-such-program").code == 2
        assert "nothing to mend" in golive(*args, "--run", f"{sys.executable} -c 0").err
    assert shop.git("status", "--short") == ""
    assert "\n" not in shop.git("worktree", "list")
