"""Mutants change one expression in its place, and only what is computed."""

from __future__ import annotations

import ast

from golive_agents.mutations import mutants
from golive_agents.targets import lines_under, module_of, targets

CODE = '''"""Docs 1."""


def price(count: "int", rate: float = 2.5) -> "float":
    """Docs: 1 < 2."""
    label = f"{count}"
    if count < 0 and not rate:
        raise ValueError("é")
    return count * rate + helper(label)


def helper(label):
    return len(label) - 1


def _hidden():
    yield 1
'''


def test_each_kind_of_expression_is_changed_and_text_for_people_is_not() -> None:
    found = mutants(CODE, range(1, 50))
    told = {(one.line, one.before, one.after) for one in found}
    assert {
        (7, "count < 0", "(count <= 0)"), (7, "count < 0", "(count >= 0)"),
        (7, "not rate", "(rate)"),
        (7, "count < 0 and not rate", "(count < 0 or not rate)"), (4, "2.5", "(3.5)"),
        (8, '"é"', "('é~')"), (9, "count * rate", "(count // rate)"),
        (9, "count * rate + helper(label)", "(None)"), (13, "len(label) - 1", "(len(label) + 1)"),
    } <= told  # fmt: skip
    assert not any("Docs" in before or before in {'"int"', '"float"'} for _, before, _ in told)
    assert not any(line == 6 for line, _, _ in told)


def test_every_mutant_is_python_and_differs_in_one_line() -> None:
    for one in mutants(CODE, range(1, 50)):
        ast.parse(one.text)
        pairs = zip(CODE.splitlines(), one.text.splitlines(), strict=True)
        assert [at for at, (old, new) in enumerate(pairs, 1) if old != new] == [one.line]


def test_targets_are_public_functions_and_what_they_use_counts() -> None:
    found = targets("src/shop/price.py", CODE)
    assert [(one.name, one.module) for one in found] == [
        ("price", "shop.price"), ("helper", "shop.price")
    ]  # fmt: skip
    assert [one.name for one in targets("a.py", CODE, {13})] == ["helper"]
    assert lines_under(CODE, ["price"]) == {*range(4, 10), 12, 13}
    assert module_of("shop/__init__.py") == "shop"
    assert mutants("no python (", {1}) == []
