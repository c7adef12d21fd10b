"""Which jobs, builders or other named things an instance reads: its options include and exclude."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import cast

from golive_core.settings import Instance


def is_chosen(instance: Instance, name: str) -> bool:
    """Tell whether `name` fits a pattern of `include` (all if left out) and none of `exclude`."""
    options = instance.options
    include = cast("list[str]", options.get("include", ["*"]))
    return _fits(name, include) and not _fits(name, cast("list[str]", options.get("exclude", [])))


def _fits(name: str, patterns: list[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
