"""Where Dagster keeps its runs: `.golive/dagster`, set up from the repository's dagster.yaml."""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from sqlalchemy import event
from sqlalchemy.engine import Engine

TEMPLATE = Path(__file__).parent.parent / "dagster.yaml"


def ensure_instance(home: Path) -> Path:
    """Return the DAGSTER_HOME below `home`, with its dagster.yaml written or renewed."""
    folder = home / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    file, content = folder / "dagster.yaml", TEMPLATE.read_text()
    if not file.exists() or file.read_text() != content:
        draft = folder / ".dagster.yaml.new"
        draft.write_text(content)
        draft.replace(file)
    return folder


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
