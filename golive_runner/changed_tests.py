"""Which tests a change adds or touches: its lines in test files, by the functions they stand in.

A test counts as changed if a line of it changed, or of a function or class of its file that it
names (a fixture, a helper). Lines that changed elsewhere are the business of `golive select`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeGuard

from golive_runner.worktree import Repository

HUNK = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
DIFF = (
    "diff", "--unified=0", "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/",
    "--dst-prefix=b/",
)  # fmt: skip
MAINS = ("origin/HEAD", "origin/main", "origin/master", "main", "master")
Lines = frozenset[int]


@dataclass(frozen=True, slots=True)
class Change:
    """The lines that a change adds or touches, by path (new side), and how to read those files.

    `head` is the commit of the new side, empty for the files as they are in the checkout.
    """

    repository: Repository
    lines: Mapping[str, Lines]
    head: str = ""

    def text(self, path: str) -> str:
        """Return a file of the new side; bytes that are no text are replaced."""
        if self.head:
            body = self.repository.git.run("show", f"{self.head}:{path}")
        else:
            body = (self.repository.path / path).read_bytes()
        return body.decode("utf-8", "replace")


def change(repository: Repository, span: str = "") -> Change:
    """Return what a range of commits changes; without one what is here and not on the main line.

    The repository is named by its top folder. Raises UsageError for a commit that is not there.
    """
    git = repository.git
    if not span:
        base = _base(repository)
        told = git.run(*DIFF, base, "--").decode(errors="replace")
        return Change(repository, {**dict(_lines(told)), **dict(_untracked(repository))})
    old, dots, new = span.partition("...") if "..." in span else span.partition("..")
    head = repository.commit(new or "HEAD")
    start = repository.commit(old or "HEAD")
    if dots == "...":
        start = git.run("merge-base", start, head).decode().strip()
    told = git.run(*DIFF, start, head, "--")
    return Change(repository, dict(_lines(told.decode(errors="replace"))), head)


def _base(repository: Repository) -> str:
    """Return where this line left the main one; the last commit where there is no main line."""
    for name in MAINS:
        found = repository.git.run(
            "merge-base", "--end-of-options", "HEAD", name, accept=(0, 1, 128)
        ).decode().strip()  # fmt: skip
        if found:
            return found
    return "HEAD"


def _untracked(repository: Repository) -> Iterator[tuple[str, Lines]]:
    listed = repository.git.run("ls-files", "--others", "--exclude-standard", "-z", "--", "*.py")
    for path in listed.decode(errors="replace").split("\0"):
        if path:
            count = (repository.path / path).read_bytes().count(b"\n") + 1
            yield path, frozenset(range(1, count + 1))


def _lines(told: str) -> Iterator[tuple[str, Lines]]:
    """Yield path and changed lines of the new side of a diff without context."""
    path, found = "", set[int]()
    for line in told.splitlines():
        if line.startswith("+++ "):
            if path and found:
                yield path, frozenset(found)
            path, found = _path(line[4:]), set[int]()
        elif match := HUNK.match(line):
            start, count = int(match[1]), int(match[2] or 1)
            # A hunk that only removes lines touches what stands on both sides of the gap.
            found.update(range(start, start + count) if count else (start, start + 1))
    if path and found:
        yield path, frozenset(found)


def _path(said: str) -> str:
    name = said.rstrip("\t")
    return "" if name == "/dev/null" else name.strip('"').removeprefix("b/")


def tests(changed: Change) -> list[str]:
    """Return the node ids of the tests that a change adds or touches, in order."""
    found: list[str] = []
    for path, lines in sorted(changed.lines.items()):
        if is_test_file(path):
            try:
                tree = ast.parse(changed.text(path))
            except (SyntaxError, ValueError, OSError):
                continue  # what does not parse is told by whoever runs it
            found += [f"{path}::{name}" for name in _touched(tree, lines)]
    return found


def is_test_file(path: str) -> bool:
    """Tell by its name whether pytest would look for tests in a file."""
    name = PurePosixPath(path).name
    return name.endswith(".py") and (name.startswith("test_") or name.endswith("_test.py"))


Function = ast.FunctionDef | ast.AsyncFunctionDef


def _touched(tree: ast.Module, lines: Lines) -> Iterator[str]:
    helpers = {
        one.name
        for one in tree.body
        if isinstance(one, (*_FUNCTIONS, ast.ClassDef))
        and not one.name.lower().startswith("test")
        and _span(one) & lines
    }
    for name, function, around in _tests_of(tree.body):
        if _span(function) & lines or _names(function) & helpers or around & lines:
            yield name


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _tests_of(
    body: Iterable[ast.stmt], prefix: str = "", around: Lines = frozenset()
) -> Iterator[tuple[str, Function, Lines]]:
    """Yield name, node and the lines of the classes around it that are no test's."""
    for one in body:
        if isinstance(one, _FUNCTIONS) and one.name.startswith("test"):
            yield f"{prefix}{one.name}", one, around
        elif isinstance(one, ast.ClassDef) and _holds_tests(one):
            own = _own(one)
            yield from _tests_of(one.body, f"{prefix}{one.name}::", around | own)


def _holds_tests(one: ast.ClassDef) -> bool:
    """Tell whether pytest looks into a class: by its name, or since it is a case of unittest."""
    return one.name.startswith("Test") or any(
        ast.unparse(base).endswith("TestCase") for base in one.bases
    )


def _own(one: ast.ClassDef) -> Lines:
    """Return the lines of a class that are no test's: its head, attributes and helpers."""
    head = frozenset(range(min(_span(one)), one.body[0].lineno))
    inner = [
        frozenset(range(each.lineno, (each.end_lineno or each.lineno) + 1))
        for each in one.body
        if not _is_test(each)
    ]
    tests = [_span(each) for each in one.body if _is_test(each)]
    return head.union(*inner).difference(*tests)


def _is_test(one: ast.stmt) -> TypeGuard[Function | ast.ClassDef]:
    return isinstance(one, (*_FUNCTIONS, ast.ClassDef)) and one.name.lower().startswith("test")


def _span(one: Function | ast.ClassDef) -> Lines:
    first = min([one.lineno, *(each.lineno for each in one.decorator_list)])
    return frozenset(range(first, (one.end_lineno or one.lineno) + 1))


def _names(function: Function) -> set[str]:
    """Return what a test names: its arguments, and every name in its body and decorators."""
    arguments = {one.arg for one in [*function.args.args, *function.args.kwonlyargs]}
    words = {
        one.value
        for decorator in function.decorator_list
        for one in ast.walk(decorator)
        if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }  # usefixtures names them so
    named = {one.id for one in ast.walk(function) if isinstance(one, ast.Name)}
    return arguments | words | named


def top(path: Path) -> Repository:
    """Return the repository around a folder, by its top folder."""
    said = Repository(path).git.run("rev-parse", "--show-toplevel").decode().strip()
    return Repository(Path(said))
