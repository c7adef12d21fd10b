"""Errors say what, where and what next, and survive a process boundary."""

from __future__ import annotations

import pickle

import pytest

from golive_core import errors
from golive_core.errors import GoLiveError, ReportError, SourceThrottledError, UsageError


def every_kind(kind: type[GoLiveError] = GoLiveError) -> list[type[GoLiveError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in every_kind(child))]


def test_a_message_names_place_and_next_step() -> None:
    error = GoLiveError("no answer", where="ci", hint="Is it running?")
    assert str(error) == "ci: no answer. Is it running?"
    assert str(GoLiveError("no answer")) == "no answer"


def test_a_report_error_names_the_line() -> None:
    assert str(ReportError("cut off", path="a.xml", line=7)) == "a.xml:7: cut off"


@pytest.mark.parametrize("kind", every_kind(), ids=lambda kind: kind.__name__)
def test_the_tree_in_the_docstring_is_the_tree_of_the_classes(kind: type[GoLiveError]) -> None:
    assert kind.__name__ in (errors.__doc__ or "")
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
