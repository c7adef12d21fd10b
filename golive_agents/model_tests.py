"""Tests that a model writes, held to a small part of Python before anything of them is run.

A body may call the function under test, pytest.raises and approx, math, and builtins that make
values. Everything else is refused: imports, other modules, files, names and attributes with an
underscore in front, what formats or evaluates text. So a model that obeys what stands in code can
write a wrong test, but none that does anything.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from pydantic import BaseModel, ConfigDict, Field

from golive_agents import fitness
from golive_agents.calls import Question, Reply, UnfitAnswerError
from golive_agents.client import Client
from golive_agents.prompting import Item, messages, prompt
from golive_agents.targets import Target
from golive_agents.test_generator import Survivor
from golive_agents.test_writing import Candidate
from golive_core.masks import Masks

AGENT = "test_generator"
STRICT = ConfigDict(extra="forbid", strict=True)
VALUES = """
abs all any bool bytes dict divmod enumerate float frozenset int isinstance len list max min range
repr reversed round set sorted str sum tuple zip True False None ArithmeticError AssertionError
AttributeError IndexError KeyError LookupError OverflowError RuntimeError TypeError ValueError
ZeroDivisionError Exception
"""
BUILTINS = frozenset(VALUES.split())
OF_VALUES = """
append add copy count endswith get index items join keys lower pop remove replace sort split
startswith strip update upper values
"""
METHODS = frozenset(OF_VALUES.split())
MODULES = {
    "pytest": frozenset({"raises", "approx"}),
    "math": frozenset({"inf", "nan", "isnan", "isclose", "isinf", "pi", "floor", "ceil", "sqrt"}),
}
ALLOWED = (
    ast.Module, ast.FunctionDef, ast.arguments, ast.Expr, ast.Assign, ast.Assert, ast.With,
    ast.withitem, ast.For, ast.If, ast.Call, ast.keyword, ast.Name, ast.Attribute, ast.Constant,
    ast.List, ast.Tuple, ast.Set, ast.Dict, ast.ListComp, ast.GeneratorExp, ast.comprehension,
    ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.Subscript, ast.Slice, ast.IfExp,
    ast.Starred, ast.operator, ast.unaryop, ast.boolop, ast.cmpop, ast.expr_context,
)  # fmt: skip
LARGEST = 10_000
"""The largest number that may stand in a test."""
MOST_LINES = 150


class Written(BaseModel):
    """One test as a model writes it."""

    model_config = STRICT
    name: str = Field(pattern=r"^test_[a-z0-9_]{1,80}$")
    body: list[str] = Field(min_length=1, max_length=12)


class Answer(BaseModel):
    """What a model has to answer with."""

    model_config = STRICT
    tests: list[Written] = Field(min_length=1, max_length=6)


def write(
    target: Target, observed: Sequence[Mapping[str, str]], survivors: Sequence[Survivor],
    client: Client,
) -> Reply[list[Candidate]]:  # fmt: skip
    """Return tests of a function by a model, not tried yet, or why there are none."""
    if why := client.why_not():
        return Reply(None, why)
    masks = Masks()
    items = [Item(f"F{at}", line) for at, line in enumerate(_lines(target), start=target.first)]
    items += [
        Item(f"O{at}", f"{target.name}({one['source']}) gives {one.get('value') or one['raises']}")
        for at, one in enumerate(observed[:20], start=1)
    ]
    items += [
        Item(f"M{at}", f"line {one.line}: {one.before} becomes {one.after}")
        for at, one in enumerate(survivors[:20], start=1)
    ]
    sent = messages(prompt("tests"), [Item(one.id, masks.mask(_kept(one.text))) for one in items])
    question = Question(
        AGENT, f"{target.path}:{target.name}", prompt("tests").label, sent, masks,
        Answer.model_json_schema(), lambda text: _read(text, target),
    )  # fmt: skip
    return client.ask(question)


def _lines(target: Target) -> list[str]:
    return target.source.splitlines()[:MOST_LINES]


def _kept(line: str) -> str:
    """Return a line of code with its indentation visible: items are stripped."""
    indent = len(line) - len(line.lstrip())
    return f"{'·' * indent}{line.lstrip()}"


def _read(text: str, target: Target) -> list[Candidate]:
    """Return the tests of an answer; raises UnfitAnswerError for one that may not be run."""
    return [_candidate(one, target) for one in fitness.parsed(Answer, text).tests]


def _candidate(one: Written, target: Target) -> Candidate:
    body = "\n".join((f"def {one.name}():", *(f"    {line}" for line in one.body)))
    if why := refused(body, target.name):
        raise UnfitAnswerError(f"the test {one.name} {why}")
    imports = ("import math", "import pytest", f"from {target.module} import {target.name}")
    return Candidate(one.name, imports, body, "model")


def refused(body: str, function: str) -> str:
    """Return why a test function may not be run, "" where it may."""
    try:
        tree = ast.parse(body)
    except (SyntaxError, ValueError):
        return "is no Python"
    if len(tree.body) != 1 or not isinstance(tree.body[0], ast.FunctionDef):
        return "is more than one function"
    nodes = list(ast.walk(tree))
    made = {one.id for one in nodes if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)}
    known = BUILTINS | set(MODULES) | {function} | made
    why = next((told for node in nodes if (told := _wrong(node, known))), "")
    if why or any(name in made for name in (*BUILTINS, *MODULES, function)):
        return why or "gives a known name another meaning"
    is_checked = any(isinstance(one, ast.Assert | ast.With) for one in nodes)
    return "" if is_checked else "checks nothing"


def _wrong(node: ast.AST, known: frozenset[str] | set[str]) -> str:
    if not isinstance(node, ALLOWED):
        return f"has a {type(node).__name__} in it"
    if isinstance(node, ast.FunctionDef) and (node.decorator_list or node.args.args):
        return "has decorators or parameters"
    if isinstance(node, ast.Name) and (node.id not in known or node.id.startswith("_")):
        return f"names {node.id[:40]}, which is not known"
    if isinstance(node, ast.Attribute):
        return _wrong_attribute(node)
    if isinstance(node, ast.Constant) and _is_large(node.value):
        return "has a very large value in it"
    is_power = isinstance(node, ast.Pow | ast.LShift)
    return "computes a power" if is_power else ""


def _wrong_attribute(node: ast.Attribute) -> str:
    of = node.value.id if isinstance(node.value, ast.Name) else ""
    allowed = MODULES.get(of, METHODS)
    return "" if node.attr in allowed else f"uses the attribute {node.attr[:40]}"


def _is_large(value: object) -> bool:
    if isinstance(value, int | float):
        return abs(value) > LARGEST
    return isinstance(value, str | bytes) and len(value) > LARGEST
