"""The quarantine file as anybody reads it: flaky tests that people set aside, each until a day.

`golive quarantine export` writes it (see `golive_cli/quarantine.py`); people review and edit it in
their repository. Reading alone belongs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, cast

from golive_core.errors import UsageError

Entry = dict[str, Any]
Key = tuple[str, ...]
IDENTITY = ("suite", "class", "name", "parameters")
FILES = ("golive-quarantine.yaml", "golive-quarantine.json")
"""Where it stands beside golive.toml, unless somebody names another."""


def key(one: Mapping[str, Any]) -> Key:
    """Return what makes an entry the same test: its project and names; its file may move."""
    return (str(one["project"]), *(str(one["test"].get(name) or "") for name in IDENTITY))


def name(one: Mapping[str, Any]) -> str:
    """Return a test's name for messages."""
    test = one["test"]
    parts = [part for part in (test.get("class") or test.get("suite"), test["name"]) if part]
    return "::".join(parts) + (f"[{test['parameters']}]" if test.get("parameters") else "")


def read(path: Path) -> list[Entry]:
    """Return the entries of a file, none if there is none; raises UsageError if it is another's."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot be read: {error}", where=str(path)) from error
    import yaml

    try:
        # JSON is YAML, so that one reader does for both.
        found = cast("dict[str, list[Entry]]", yaml.safe_load(text) or {"tests": []})
        return [_checked(one) for one in found["tests"]]
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        hint = "Mend it, or name another file with --out; it was left as it is"
        raise UsageError(f"is no quarantine file: {error}", where=str(path), hint=hint) from error


def _checked(one: Entry) -> Entry:
    """Return an entry with its dates as dates; raises KeyError, TypeError or ValueError."""
    if not one["project"] or not one["test"]["name"]:
        raise ValueError("an entry needs a project and the name of its test")
    return {**one, **{word: _day(one[word]) for word in ("since", "expires") if word in one},
            "expires": _day(one["expires"])}  # fmt: skip


def _day(value: object) -> date:
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else date.fromisoformat(cast("str", value))
