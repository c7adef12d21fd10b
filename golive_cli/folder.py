"""The folder that a command works in: its settings, detected where nobody wrote any.

A repository that GoLive only reads is never written to: what was detected goes into
`.golive/detected.toml` of the folder in which golive was started.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from golive_core import settings
from golive_core.errors import GoLiveError, UsageError
from golive_core.settings import DETECTED, Settings

DETECTED_IN = "# Detected in "
"""Begins the first line of what was detected; the folder follows, as JSON."""


def configured() -> Settings:
    """Return the settings of this folder; without golive.toml those that can be detected."""
    found = settings.load()
    return detected(found.base) if found.file is None else found


def detected(where: Path) -> Settings:
    """Look at the folder `where`, write what was found to the home, and return the settings.

    Where there is nothing to read, nothing is written: what was detected before stays.
    """
    from golive_cli.detect import detect, toml

    here = settings.load()
    found = detect(where)
    content = f"{DETECTED_IN}{json.dumps(str(found.where))}\n{toml(found, relative_to=None)}"
    file = here.home / DETECTED
    read = settings.parse(content.encode(), base=here.base, home=here.home, file=file)
    if read.instances and not (file.exists() and file.read_text() == content):
        draft = prepared(here.home) / f".{DETECTED}.new"
        draft.write_text(content)
        draft.replace(file)
    return read if read.instances else dataclasses.replace(read, file=None)


def looked_at(found: Settings) -> Path:
    """Return the folder to look at where nobody names one: that of the last time, else the base."""
    if found.file and found.file.name == DETECTED:
        first = found.file.read_text().partition("\n")[0]
        if first.startswith(DETECTED_IN):
            where = Path(json.loads(first.removeprefix(DETECTED_IN)))
            return where if where.is_dir() else found.base
    return found.base


def with_sources() -> Settings:
    """Return the settings; raises UsageError if there is no source to read."""
    found = configured()
    if not found.instances:
        raise UsageError(
            "there is nothing to read: no source is configured and no Git repository was found",
            where=str(found.base),
            hint="Start golive inside a repository, or write a golive.toml with: golive init",
        )
    return found


def with_data() -> Settings:
    """Return the settings; raises UsageError if there is no source and nothing in the lake."""
    from golive_core.lake import Lake

    found = configured()
    return found if Lake(found.home / "lake").tables() else with_sources()


def prepared(home: Path) -> Path:
    """Make the home and keep it out of Git's sight; raises GoLiveError if it cannot be written."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        ignore = home / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        hint = "Start golive in a folder of yours, or point GOLIVE_HOME at one"
        raise GoLiveError(f"{error.strerror}", where=str(home), hint=hint) from error
    return home
