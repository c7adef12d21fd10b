"""The environment, and where things are by it. No other module reads environment variables."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

_environment = os.environ  # noqa: TID251 - the one module that the rule sends everybody to


def variable(name: str, default: str = "") -> str:
    """Return one environment variable; the door for every other module."""
    return _environment.get(name, default)


def child_environment(**extra: str) -> dict[str, str]:
    """Return the environment for a child process with `extra` on top."""
    return {**_environment, **extra}


def names(prefix: str) -> list[str]:
    """Return the variables whose names begin so, sorted."""
    return sorted(name for name in _environment if name.startswith(prefix))


def base_folder(base: Path | None = None) -> Path:
    """Return the folder that golive.toml is looked for in: given, GOLIVE_BASE, or the current."""
    return (base or Path(variable("GOLIVE_BASE") or Path.cwd())).expanduser().resolve()


def home(base: Path | None = None) -> Path:
    """Return where GoLive keeps everything: GOLIVE_HOME, else `.golive` in the base folder."""
    named = variable("GOLIVE_HOME")
    if named.startswith("/"):
        return _absolute(named)
    return Path(named).expanduser().resolve() if named else base_folder(base) / ".golive"


@lru_cache(maxsize=16)
def _absolute(named: str) -> Path:
    """Return a path without links, looked up once: every request of the gateway asks for it."""
    return Path(named).resolve()
