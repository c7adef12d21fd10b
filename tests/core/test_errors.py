"""Errors say what, where and what next, and survive a process boundary."""

from __future__ import annotations

import ast
import pickle
from pathlib import Path

import pytest

from golive_core import errors
from golive_core.errors import GoLiveError, ReportError, SourceThrottledError, UsageError

ROOT = Path(errors.__file__).parents[1]
TREE = [line.strip("│└├─ ").partition(" ")[0] for line in (errors.__doc__ or "").splitlines()]
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]


def kinds_in_the_source() -> list[str]:
    """Read every class that derives from an error of the tree, imported or not."""
    found = {"GoLiveError"}
    classes = [
        node
        for path in ROOT.glob("*/**/*.py")
        if not path.is_relative_to(ROOT / ".venv")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef)
    ]
    while more := {one.name for one in classes if bases(one) & found} - found:
        found |= more
    return sorted(found)


def bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def test_a_message_names_place_and_next_step() -> None:
    error = GoLiveError("no answer", where="ci", hint="Is it running?")
    assert str(error) == "ci: no answer. Is it running?"
    assert str(GoLiveError("no answer")) == "no answer"


def test_a_report_error_names_the_line() -> None:
    assert str(ReportError("cut off", path="a.xml", line=7)) == "a.xml:7: cut off"


@pytest.mark.parametrize("name", kinds_in_the_source())
def test_the_tree_in_the_docstring_has_every_class(name: str) -> None:
    assert name in TREE


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_ends_the_command_with_one_or_two(kind: type[GoLiveError]) -> None:
    assert kind.exit_code in (1, 2)


@pytest.mark.parametrize(
    "error",
    [
        ReportError("cut off", path="a.xml", line=7, hint="Run it again"),
        SourceThrottledError("slow down", where="ci", retry_after_s=9.5),
        UsageError("no such table"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_crosses_processes_whole(error: GoLiveError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert (str(copy), copy.__dict__) == (str(error), error.__dict__)
