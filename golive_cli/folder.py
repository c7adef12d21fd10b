"""The folder that a command works in: its settings, detected where nobody wrote any.

A repository that GoLive only reads is never written to: what was detected goes into
`.golive/detected.toml` of the folder in which golive was started.
"""

from __future__ import annotations

from pathlib import Path

from golive_core import settings
from golive_core.errors import GoLiveError, UsageError
from golive_core.settings import DETECTED, Settings


def configured() -> Settings:
    """Return the settings of this folder; without golive.toml those that can be detected."""
    found = settings.load()
    return detected(found.base) if found.file is None else found


def detected(where: Path) -> Settings:
    """Look at the folder `where`, write what was found to the home, and return the settings."""
    from golive_cli.detect import detect, toml

    here = settings.load()
    found = detect(where)
    content = toml(found, relative_to=None)
    file = prepared(here.home) / DETECTED
    if not file.exists() or file.read_text() != content:
        draft = file.with_name(f".{DETECTED}.new")
        draft.write_text(content)
        draft.replace(file)
    return settings.load()


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
