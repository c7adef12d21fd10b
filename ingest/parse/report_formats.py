"""Which format a report has: told by its content, found among the modules of `parse/reports/`.

There is no list to edit: a format is added by adding its file with a `FORMAT`.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from ingest.parse import reports
from ingest.parse.junit_head import root_of
from ingest.parse.report_rows import Parse

HEAD_BYTES = 64 << 10
"""What is looked at."""
Kind = Literal["run", "part", "measures", "findings"]
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*+)(?:"|\\?\Z)|[{}\[\]:]', re.DOTALL)
KEY_LEVELS = 2


@dataclass(frozen=True)
class Start:
    """The first bytes of a file and its name."""

    body: bytes
    name: str = ""

    @cached_property
    def text(self) -> str:
        """The bytes as text, whatever their encoding."""
        if self.body[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return self.body.decode("utf-16", "replace").lstrip()
        return self.body.decode("utf-8-sig", "replace").lstrip()

    @cached_property
    def root(self) -> str | None:
        """The local name of the root element, None for what is not XML."""
        return root_of(self.body) if self.text.startswith("<") else None

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of a JSON object and of the objects in it, as `a` and `a.b`."""
        return frozenset(_keys(self.text)) if self.text.startswith("{") else frozenset()

    def said(self) -> str:
        """Say what it is, where no format has it."""
        if not self.body:
            return "the file is empty"
        if not self.body.strip(b"\x00"):
            return "the file holds NUL bytes only"
        if self.root in ("testsuites", "testsuite"):
            return "it is JUnit XML, which sources of type junit read"
        if self.root is not None:
            return f"no report format has the root element <{self.root}>"
        if self.text.startswith("{"):
            names = sorted(key for key in self.keys if "." not in key)
            return f"no report format has the JSON keys {', '.join(names)[:200] or '(none)'}"
        return "it has no report format that is known"


@dataclass(frozen=True)
class Format:
    """One format. `kind`: a whole run of tests, a part of one, measures or findings of code.

    `key` names what else must be read together with a report since it may hold attempts of the
    same test; without it that is any report of the build.
    """

    title: str
    kind: Kind
    media: str
    matches: Callable[[Start], bool]
    parse: Parse
    key: Callable[[Start], str | None] = lambda _: None

    @property
    def is_run(self) -> bool:
        """Tell whether it holds results of tests."""
        return self.kind in ("run", "part")


@cache
def formats() -> dict[str, Format]:
    """Return every format by its name, in the order of the names."""
    modules = pkgutil.iter_modules(reports.__path__, f"{reports.__name__}.")
    loaded = {one.name.rpartition(".")[2]: importlib.import_module(one.name) for one in modules}
    return {name: module.FORMAT for name, module in sorted(loaded.items())}


def find(start: Start) -> str | None:
    """Return the name of the format, None if there is none that knows the content."""
    return next((name for name, one in formats().items() if one.matches(start)), None)


def _keys(text: str) -> list[str]:
    found: list[str] = []
    path: list[str] = []
    key = ""
    for token in TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            path.append(key if mark == "{" else "[]")
            key = ""
        elif mark in "}]":
            del path[-1:]
        elif mark == ":" and 1 <= len(path) <= KEY_LEVELS and path[-1] != "[]":
            found.append(".".join([*path[1:], key]))
        elif mark != ":":
            key = token[1]
    return found
