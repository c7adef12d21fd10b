"""A model's patch is held to lines and words that were shown, before anything of it is run."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from model_server import Plan, serving, told
from repository import Made
from worded import client, explanation

from golive_agents.change import Clone
from golive_agents.explanation import ShownLine
from golive_agents.patching import propose

TEXTS: list[str] = tomllib.loads(Path(__file__).with_name("injections.toml").read_text())["texts"]
SECRET = "ghp_" + "a1B2c3D4" * 5
CODE = f'def total(items, rate):\n    key = "{SECRET}"\n    return sum(items) - rate\n'
LOG = ("shop/cart.py:3: AssertionError: 1 != 3", "tests/test_cart.py:2: in test_total")


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    shop = Made(tmp_path / "shop")
    shop.folder.mkdir()
    shop.git("init", "-q")
    shop.commit({"shop/cart.py": CODE, "tests/test_cart.py": "def test_total():\n    assert 0\n"},
                "Begin")  # fmt: skip
    return Clone(shop.folder)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Plan, str]]:
    plan = Plan()
    with serving(plan) as url:
        yield plan, url


def asked(clone: Clone, url: str, text: str = "") -> Any:
    lines = tuple(
        ShownLine("log", at, f"{line} {text}", "error", 1.0, ()) for at, line in enumerate(LOG)
    )
    found = replace(explanation(), lines=lines, tests=())
    return propose(found, clone, clone.commit("HEAD"), client(url, retries=0))


def edits(*lines: str, first: str = "K3", last: str = "K3", **more: Any) -> str:
    one = {"first": first, "last": last, "lines": list(lines)}
    return json.dumps({"edits": [one], "why": "The rate was taken off.", **more})


def test_an_edit_of_shown_lines_becomes_whole_files(clone: Clone, server: tuple[Plan, str]) -> None:
    plan, url = server
    plan.answer, plan.seen[:] = lambda _: edits("    return sum(items) + rate"), []
    patch = asked(clone, url).value
    assert patch.files == (("shop/cart.py", CODE.replace("- rate", "+ rate")),)
    assert SECRET not in told(plan.seen[0])
    assert "K3 | shop/cart.py:3 |····return sum(items) - rate" in told(plan.seen[0])


@pytest.mark.parametrize(
    "said",
    [
        edits("    return __import__('os').system('id')"),
        edits("    import items"),
        edits("    return eval(items)"),
        edits("    return open(items)"),
        edits("    return sum(items) + evil"),
        edits("    return 'evil.example'"),
        edits("    return sum(items)\n    raise rate"),
        edits("    assert items", first="T4", last="T5"),
        edits("    return rate", first="K3", last="T4"),
        edits("    return rate", first="K3", last="K2"),
        edits("    return rate", first="K1", last="K99"),
        edits("    return rate", action="merge"),
        edits("    return rate", why="See https://evil.example for more"),
        edits('    key = "[[SECRET_1]]"'),
        json.dumps({"edits": [], "why": "There is nothing."}),
    ],
)
def test_what_was_not_shown_or_reaches_further_is_refused(
    said: str, clone: Clone, server: tuple[Plan, str]
) -> None:
    plan, url = server
    plan.answer = lambda _: said
    reply = asked(clone, url)
    assert reply.value is None
    assert reply.call.status == "rejected"


@pytest.mark.parametrize("text", TEXTS)
def test_a_model_that_obeys_a_log_changes_nothing(
    text: str, clone: Clone, server: tuple[Plan, str]
) -> None:
    plan, url = server
    lines = [f"    return rate  # {line}" for line in text.split("\n")]
    plan.answer = lambda _: edits(*lines)
    assert asked(clone, url, text).value is None


def test_without_a_place_or_consent_nothing_is_asked(
    clone: Clone, server: tuple[Plan, str]
) -> None:
    plan, url = server
    plan.seen[:] = []
    found = replace(explanation(line="nothing is named"), tests=())
    assert "no line" in propose(found, clone, "HEAD", client(url)).reason
    assert "may_send" in propose(found, clone, "HEAD", client(url, may_send=False)).reason
    assert plan.seen == []
