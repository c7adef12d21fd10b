"""What can be configured: projects, sources, and everything beside them with its defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from golive_core.endpoint import Model
from golive_core.errors import SettingsError
from golive_core.sections import (
    Database,
    Delivery,
    Gateway,
    Lake,
    Monitor,
    Ports,
    Rates,
    Retention,
    Secrets,
    SignIn,
)
from golive_core.toml import near

FILE = "golive.toml"
DETECTED = "detected.toml"
SCHEDULE = "*/15 * * * *"
"""Cron line of a source that names none."""


@dataclass(frozen=True, slots=True)
class Project:
    """One `[project.<id>]`."""

    id: str
    name: str = ""
    description: str = ""
    owner: str = ""
    git_repository: str = ""
    is_simulated: bool = False


@dataclass(frozen=True, slots=True)
class Instance:
    """One configured source: `[source.<name>]` in golive.toml. Secrets are still references.

    `[target.<name>]` is the same for what GoLive only acts on and never reads.
    """

    name: str
    type: str
    project_id: str
    options: Mapping[str, Any]
    webhook_secret: str = ""
    """The reference to the secret that its webhooks carry or are signed with; "" takes none."""


def cores() -> int:
    """Return how many cores this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1


@dataclass(frozen=True, slots=True)
class Settings:
    """All that is configured. `file` is what was read, None if there was nothing to read."""

    base: Path
    home: Path
    file: Path | None = None
    projects: Mapping[str, Project] = field(default_factory=dict[str, Project])
    instances: Mapping[str, Instance] = field(default_factory=dict[str, Instance])
    targets: Mapping[str, Instance] = field(default_factory=dict[str, Instance])
    schedules: Mapping[str, str] = field(default_factory=dict[str, str])
    monitors: Mapping[str, Monitor] = field(default_factory=dict[str, Monitor])
    rates: Rates = field(default_factory=Rates)
    delivery: Delivery = field(default_factory=Delivery)
    retention: Retention = field(default_factory=Retention)
    lake: Lake = field(default_factory=Lake)
    database: Database = field(default_factory=Database)
    ports: Ports = field(default_factory=Ports)
    gateway: Gateway = field(default_factory=Gateway)
    secrets: Secrets = field(default_factory=Secrets)
    sign_in: SignIn = field(default_factory=SignIn)
    model: Model = field(default_factory=Model)
    history_start: datetime | None = None
    cores: int = field(default_factory=cores)

    @property
    def dagster_prefix(self) -> str:
        """Below which path Dagster serves: behind a front door it shares the name."""
        return "/dagster" if self.gateway.url else ""

    def schedule(self, instance: str) -> str:
        """Return the cron line (UTC) at which the instance is pulled."""
        return self.schedules.get(instance, SCHEDULE)

    def instance(self, name: str) -> Instance:
        """Return the instance; raises SettingsError naming near matches."""
        if name not in self.instances:
            raise SettingsError(
                f"no source is called {name!r}",
                where=self.file.name if self.file else "",
                hint=near(name, self.instances) or f"Add [source.{name}] to {FILE}",
            )
        return self.instances[name]

    def target(self, name: str) -> Instance:
        """Return what actions of that name act on: a target or a source; raises SettingsError."""
        return self.targets.get(name) or self.instance(name)
