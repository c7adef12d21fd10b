"""Where Dagster keeps its runs: `.golive/dagster`, set up from the repository's dagster.yaml."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import dagster as dg
from sqlalchemy import event
from sqlalchemy.engine import Engine

from golive_core import settings
from golive_core.errors import SettingsError

STORAGE = """
storage:
  custom:
    module: golive_dagster.shared_storage
    class: SharedStorage
    config: {{home: {home}}}
"""
TEMPLATE = Path(__file__).parent.parent / "dagster.yaml"


def ensure_instance(home: Path) -> Path:
    """Return the DAGSTER_HOME below `home`, with its dagster.yaml written or renewed.

    Raises SettingsError where the settings cannot be read.
    """
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    file, content = folder / "dagster.yaml", TEMPLATE.read_text() + _storage(home)
    if not file.exists() or file.read_text() != content:
        draft = folder / ".dagster.yaml.new"
        draft.write_text(content)
        draft.replace(file)
    return folder


def _storage(home: Path) -> str:
    """Return where dagster.yaml says that runs are kept: nothing for files beside it."""
    if home != settings.home():
        return ""
    database = settings.load().database
    if not (database.url and database.dagster):
        return ""
    if find_spec("dagster_postgres") is None:
        hint = "uv pip install -r requirements-postgres.lock, or take it out"
        raise SettingsError("needs dagster-postgres", where="[database] dagster", hint=hint)
    return STORAGE.format(home=json.dumps(str(home)))


@contextmanager
def open_instance(home: Path) -> Generator[dg.DagsterInstance]:
    """Open the persistent instance of `home`, for a run in this process.

    Dagster commits every event by itself, some eight times, and each commit waits for the disk:
    half of the time of a short run. Here it does not wait. A power cut during the run may cost
    Dagster's history, which tells what ran and nothing else; the lake has its own commits.
    """

    def unhurried(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("pragma synchronous = off")

    event.listen(Engine, "connect", unhurried)
    try:
        with dg.DagsterInstance.from_config(str(ensure_instance(home))) as instance:
            yield instance
    finally:
        event.remove(Engine, "connect", unhurried)
