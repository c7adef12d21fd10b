"""Dagster's runs, events and ticks in the PostgreSQL of `[database] url`, in a schema of their own.

`.golive/dagster/dagster.yaml` names this class and the home and no password: whoever opens the
instance asks the settings, so that the address stands in no file and in no child's environment.
Needs the packages of requirements-postgres.lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dagster import StringSource
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage

from golive_core.database import postgres
from golive_core.database.place import url_of
from golive_core.errors import SettingsError

DRIVER = "postgresql+psycopg2"
"""The one that dagster-postgres knows; SQLAlchemy 2.1 would take another."""


class SharedStorage(DagsterPostgresStorage):
    """Dagster's own storage on PostgreSQL, at the address that the settings of a home name."""

    @classmethod
    def config_type(cls) -> Any:  # noqa: ANN401 - as Dagster declares it
        """Return what dagster.yaml says of it."""
        return {"home": StringSource}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> SharedStorage:
        """Open the storage of a home; raises SettingsError where no database is named any more."""
        url = url_of(Path(config_value["home"]))
        if not url:
            hint = "Take [database] dagster away, or name the database again"
            raise SettingsError("no database is named", where="[database] url", hint=hint)
        postgres.make_schema(url, postgres.DAGSTER)
        return cls(address(url), inst_data=inst_data)

    # Only the whole is opened by its class; there is no part that could be.
    @property
    def event_storage_data(self) -> None:
        """Return nothing."""

    @property
    def run_storage_data(self) -> None:
        """Return nothing."""

    @property
    def schedule_storage_data(self) -> None:
        """Return nothing."""


def address(url: str) -> str:
    """Return an address as SQLAlchemy takes it, with the schema that Dagster's tables are in."""
    from psycopg.conninfo import conninfo_to_dict
    from sqlalchemy import URL

    said = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    options = f"{said.pop('options', '')} -c search_path={postgres.DAGSTER}".strip()
    port = said.pop("port", "")
    host = said.pop("host", "")
    if host.startswith("/"):
        said["host"], host = host, ""
    return URL.create(
        DRIVER, username=said.pop("user", None), password=said.pop("password", None),
        host=host or None, port=int(port) if port else None, database=said.pop("dbname", None),
        query={**said, "options": options},
    ).render_as_string(hide_password=False)  # fmt: skip
