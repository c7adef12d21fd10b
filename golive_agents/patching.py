"""A patch for a failing test, worded by a model as edits of lines that it was shown.

What the patch may hold is bounded before anything of it is run: lines of files that were shown and
are no tests, made of words that stand there already, and none that reach further (programs, hosts,
evaluation). Whether it mends the test is for others to try.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

from golive_agents import fitness
from golive_agents.advising import PLACE
from golive_agents.calls import Question, Reply, UnfitAnswerError, known
from golive_agents.change import Clone
from golive_agents.client import Client
from golive_agents.explanation import Explanation
from golive_agents.prompting import LONGEST, Item, messages, prompt
from golive_core.masks import PLACEHOLDER, Masks
from models.path_kinds import KINDS

AGENT = "error_resolver"
STRICT = ConfigDict(extra="forbid", strict=True)
AROUND, MOST_LINES, MOST_FILES = 30, 240, 6
WORD = re.compile(r"[^\W\d]\w*")
DIGITS = re.compile(r"\d{6,}")
VALUES = """
len sum min max abs sorted range list dict set tuple str int float bool any all zip enumerate
isinstance ValueError TypeError KeyError IndexError ZeroDivisionError
"""
FREE = frozenset({*keyword.kwlist, *VALUES.split()})
"""Words that need not stand in the data."""
FAR = re.compile(
    r"\b(?:import|exec|eval|compile|open|system|popen|spawn\w*|subprocess|socket|urllib|requests?|"
    r"httpx?|ctypes|pickle|marshal|shutil|unlink|rmtree|environ|getenv|putenv|globals|locals|"
    r"getattr|setattr|base64|curl|wget|fetch|require|Runtime|ProcessBuilder|child_process)\b|__\w+__",
    re.IGNORECASE,
)
"""What reaches further than the lines of a function, in any language."""


class Edit(BaseModel):
    """Consecutive lines that are replaced, by their ids."""

    model_config = STRICT
    first: str
    last: str
    lines: list[str] = Field(max_length=20)


class Answer(BaseModel):
    """What a model has to answer with."""

    model_config = STRICT
    edits: list[Edit] = Field(min_length=1, max_length=4)
    why: str = Field(min_length=8, max_length=300)


@dataclass(frozen=True, slots=True)
class Source:
    """One line of a file at the commit; only those that `may_change` are editable."""

    id: str
    path: str
    number: int
    text: str
    may_change: bool


@dataclass(frozen=True, slots=True)
class Patch:
    """Whole new texts of files by path, why, and who wrote it."""

    files: tuple[tuple[str, str], ...]
    why: str
    model: str


def propose(found: Explanation, clone: Clone, sha: str, client: Client) -> Reply[Patch]:
    """Return a patch that was not tried yet, or why there is none."""
    if why := client.why_not():
        return Reply(None, why)
    sources = list(_sources(found, clone, sha))
    if not any(one.may_change for one in sources):
        return Reply(None, "no line that tells of the failure names a source file of the commit")
    masks = Masks(known(sha))
    items = [Item(f"L{at}", masks.mask(line.text)) for at, line in enumerate(found.lines, start=1)]
    items += [Item(one.id, masks.mask(_shown(one))) for one in sources]
    sent = messages(prompt("patch"), items)
    reader = _Reader(sources, clone, sha, client.model.name)
    question = Question(
        AGENT, found.id, prompt("patch").label, sent, masks, Answer.model_json_schema(),
        reader.read,
    )  # fmt: skip
    return client.ask(question)


def _sources(found: Explanation, clone: Clone, sha: str) -> Iterator[Source]:
    """Yield the lines around each place that the failure names, and around those of its tests."""
    number = 0
    for path, near in _places(found, clone, sha):
        text = clone.text(sha, path)
        may_change = re.search(KINDS["tests"], path) is None
        for at, line in enumerate((text or "").splitlines(), start=1):
            is_near = any(abs(at - one) <= AROUND for one in near)
            if is_near and number < MOST_LINES and len(line) <= LONGEST:
                number += 1
                yield Source(f"{'K' if may_change else 'T'}{number}", path, at, line, may_change)


def _places(found: Explanation, clone: Clone, sha: str) -> list[tuple[str, list[int]]]:
    """Return files of the commit that lines of the failure name, with the numbers named."""
    every = clone.git.run("ls-tree", "-r", "-z", "--name-only", sha)
    paths = every.decode(errors="surrogateescape").split("\0")[:-1]
    places: dict[str, list[int]] = {}
    for line in found.lines:
        for name, number in PLACE.findall(line.text):
            for path in _meant(name, paths):
                places.setdefault(path, []).append(int(number))
    for test in found.tests[:3]:
        for path in _meant(test.file or "", paths):
            places.setdefault(path, [1])
    return list(places.items())[:MOST_FILES]


def _meant(name: str, paths: Sequence[str]) -> list[str]:
    """Return the one path that a log means: the same, or the end of one another; else none."""
    flat = name.replace("\\", "/").removeprefix("./")
    same = [path for path in paths if path == flat]
    ends = [one for one in paths if flat.endswith(f"/{one}") or one.endswith(f"/{flat}")]
    longest = sorted(ends, key=len, reverse=True)
    is_clear = len(longest) == 1 or (len(longest) > 1 and flat.endswith(longest[0]))
    return same or (longest[:1] if flat and is_clear else [])


def _shown(one: Source) -> str:
    indent = len(one.text) - len(one.text.lstrip())
    return f"{one.path}:{one.number} |{'·' * indent}{one.text.lstrip()}"


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the edits of a model, or refuses them."""

    sources: Sequence[Source]
    clone: Clone
    sha: str
    model: str

    def read(self, text: str) -> Patch:
        """Return the patch; raises UnfitAnswerError."""
        answer = fitness.parsed(Answer, text)
        if why := fitness.unfit(answer.why):
            raise UnfitAnswerError(f"the reason {why}")
        spans = [self._span(one) for one in answer.edits]
        for edit, span in zip(answer.edits, spans, strict=True):
            self._check(edit, span)
        return Patch(tuple(self._files(answer.edits, spans)), answer.why, self.model)

    def _span(self, edit: Edit) -> list[Source]:
        """Return the lines that an edit replaces."""
        ids = {one.id: at for at, one in enumerate(self.sources)}
        if edit.first not in ids or edit.last not in ids:
            raise UnfitAnswerError("an edit names lines that were not shown")
        span = list(self.sources[ids[edit.first] : ids[edit.last] + 1])
        numbers = [one.number for one in span]
        is_whole = numbers and numbers == list(range(numbers[0], numbers[0] + len(span)))
        if not is_whole or len({one.path for one in span}) > 1:
            raise UnfitAnswerError("an edit is not of consecutive lines of one file")
        if not all(one.may_change for one in span):
            raise UnfitAnswerError("an edit changes a test")
        return span

    def _check(self, edit: Edit, span: Sequence[Source]) -> None:
        old = "\n".join(one.text for one in span)
        new = "\n".join(edit.lines)
        if any("\n" in line or "\r" in line or len(line) > LONGEST for line in edit.lines):
            raise UnfitAnswerError("an edit has a line that is none")
        far = {word.lower() for word in FAR.findall(new)} - {w.lower() for w in FAR.findall(old)}
        if far or PLACEHOLDER.search(new):
            raise UnfitAnswerError(f"an edit reaches too far: {sorted(far)[:3] or 'a mask'}")
        shown = "\n".join(one.text for one in self.sources if one.path == span[0].path)
        strange = {*WORD.findall(new), *DIGITS.findall(new)} - FREE
        strange -= {*WORD.findall(shown), *DIGITS.findall(shown)}
        if strange:
            raise UnfitAnswerError(f"an edit has a word that is not there: {min(strange)[:40]}")

    def _files(
        self, edits: Sequence[Edit], spans: Sequence[Sequence[Source]]
    ) -> Iterator[tuple[str, str]]:
        """Yield the new texts of the files, later edits first so that numbers stay true."""
        pairs = sorted(zip(spans, edits, strict=True), key=lambda one: -one[0][0].number)
        for path in dict.fromkeys(span[0].path for span in spans):
            own = [(span, edit) for span, edit in pairs if span[0].path == path]
            lines = (self.clone.text(self.sha, path) or "").split("\n")
            until = len(lines) + 1
            for span, edit in own:
                if span[-1].number >= until:
                    raise UnfitAnswerError("two edits change the same line")
                until = span[0].number
                lines[span[0].number - 1 : span[-1].number] = edit.lines
            yield path, "\n".join(lines)
