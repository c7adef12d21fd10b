"""Runs tests until enough is known of each: rounds of reruns, judged by whoever asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from golive_runner.reruns import Outcome, Reruns
from models.reruns import Judged

Judge = Callable[[int, int], Judged]
"""Takes failures and runs."""
BAD = ("failed", "error")


@dataclass
class Course:
    """How one test did so far; `messages` are those of its failures, each once."""

    test: str
    failed: int = 0
    runs: int = 0
    skipped: int = 0
    messages: list[str] = field(default_factory=list[str])

    def take(self, one: Outcome) -> None:
        """Take one outcome in; a skip says nothing."""
        if one.status == "skipped":
            self.skipped += 1
            return
        self.runs += 1
        if one.status in BAD:
            self.failed += 1
            first = one.message.partition("\n")[0]
            if first not in self.messages:
                self.messages.append(first)


def stress(
    reruns: Reruns, judge: Judge, most: int, on: Callable[[int, int], None] = lambda _, __: None
) -> list[tuple[Course, Judged]]:
    """Run the tests until each is judged or ran `most` times; return how each did, worst first.

    `on` hears after each round how many runs there were and how many tests are unsure. Tests that
    only skip themselves are told with no run. Raises UsageError where they cannot be run.
    """
    courses: dict[str, Course] = {}
    left: Sequence[str] = reruns.tests
    while left:
        spare = most - max((courses[test].runs for test in left if test in courses), default=0)
        for one in reruns.round(left, spare):
            courses.setdefault(one.test, Course(one.test)).take(one)
        left = list(_unsure(courses, judge, most))
        on(sum(one.runs for one in courses.values()), len(left))
    judged = [(one, judge(one.failed, one.runs)) for one in courses.values()]
    return sorted(judged, key=lambda pair: (-pair[1].rate, pair[0].test))


def _unsure(courses: dict[str, Course], judge: Judge, most: int) -> Iterator[str]:
    for one in courses.values():
        if 0 < one.runs < most and judge(one.failed, one.runs).verdict == "unsure":
            yield one.test
