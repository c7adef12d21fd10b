"""A model's tests are held to a small part of Python, whatever the code told it to write."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_server import Plan, serving, told
from worded import client

from golive_agents.model_tests import refused, write
from golive_agents.targets import Target

TEXTS: list[str] = tomllib.loads(Path(__file__).with_name("injections.toml").read_text())["texts"]
SECRET = "ghp_" + "a1B2c3D4" * 5
SOURCE = f"def total(items):\n    # {SECRET}\n    return sum(items)"
TARGET = Target("shop/cart.py", "shop.cart", "total", 1, 3, SOURCE)


@pytest.mark.parametrize(
    "lines",
    [
        ["assert total([1, 2]) == 3"],
        ["items = [1, 2]", "assert total(items) == sum(items)"],
        ["with pytest.raises(TypeError):", "    total(None)"],
        ["for n in range(3):", "    assert total([n] * 2) == pytest.approx(2 * n)"],
        ["assert all(total([n]) == n for n in (1, 2))"],
    ],
)
def test_plain_tests_may_be_run(lines: list[str]) -> None:
    assert refused(body(lines), "total") == ""


@pytest.mark.parametrize(
    "lines",
    [
        ["import os", "assert True"],
        ["assert __import__('os').system('id') == 0"],
        ["assert open('/etc/passwd').read()"],
        ["assert total.__globals__['os']"],
        ["assert eval('1')"],
        ["assert getattr(total, 'x')"],
        ["assert pytest.importorskip('os').system('id')"],
        ["assert (lambda: 1)()"],
        ["assert '{0.__class__}'.format(total)"],
        ["assert 9 ** 9 ** 9"],
        ["assert total([1] * 99999999)"],
        ["total = 3", "assert total"],
        ["total([1])"],
        ["assert True", "def inner():", "    pass"],
        ["x: int = 3", "assert x"],
        ["while True:", "    assert total([])"],
        ["assert True\nimport os"],
        ["assert True\n\nopen('x', 'w')"],
        ["assert (x := 3)"],
        ["del total", "assert True"],
        ["global total", "assert True"],
        ["assert math.__loader__"],
        ["no python ("],
    ],
)
def test_what_could_do_anything_is_refused_before_it_is_run(lines: list[str]) -> None:
    assert refused(body(lines), "total")


def body(lines: list[str]) -> str:
    return "\n".join(("def test_x():", *(f"    {line}" for line in lines)))


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Plan, str]]:
    plan = Plan()
    with serving(plan) as url:
        yield plan, url


def test_tests_of_a_model_become_candidates(server: tuple[Plan, str]) -> None:
    plan, url = server
    test = {"name": "test_sum", "body": ["assert total([1, 2]) == 3"]}
    plan.answer = lambda _: json.dumps({"tests": [test]})
    reply = write(TARGET, [{"source": "[]", "value": "0"}], (), client(url))
    assert reply.value is not None
    assert reply.value[0].source.startswith(
        "import math\nimport pytest\nfrom shop.cart import total"
    )
    assert SECRET not in told(plan.seen[-1])
    assert "may_send" in write(TARGET, [], (), client(url, may_send=False)).reason


@pytest.mark.parametrize("text", TEXTS)
def test_a_model_that_obeys_code_writes_nothing_that_runs(
    text: str, server: tuple[Plan, str]
) -> None:
    plan, url = server
    plan.answer = lambda _: json.dumps({"tests": [{"name": "test_x", "body": text.split("\n")}]})
    assert write(TARGET, [], (), client(url)).value is None
