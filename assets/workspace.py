"""What every asset works with: settings, lake and sources of one configured folder.

Handed to assets as the Dagster resource `workspace`, so that a test gives its own. No Dagster
here, and nothing is opened before it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from assets.steps import Progress, quiet
from golive_core import settings
from golive_core.lake import Lake
from golive_core.settings import Settings
from ingest import registry
from ingest.source import Context, Instance, Source

if TYPE_CHECKING:
    from assets.refresh import Compute


@dataclass(frozen=True)
class Workspace:
    """Settings, the lake that they name, and the sources that they configure.

    `types` are the known source types; a test adds one by giving its own mapping.
    """

    settings: Settings
    lake: Lake
    types: Mapping[str, type[Source]] = field(default_factory=registry.sources)
    progress: Progress = quiet
    compute: Compute | None = None
    """The engine that computes marts, DuckDB in this process by default."""

    @classmethod
    def load(cls, configured: Settings | None = None) -> Workspace:
        """Return the workspace of the settings, by default those of the current folder."""
        configured = configured or settings.load()
        return cls(configured, Lake(configured.home / "lake"))

    def reporting(self, progress: Progress) -> Workspace:
        """Return the same workspace, telling `progress` how far it is."""
        return replace(self, progress=progress)

    @cached_property
    def context(self) -> Context:
        """What sources are lent."""
        return Context(home=self.settings.home, base=self.settings.base)

    @cached_property
    def instances(self) -> dict[str, Instance]:
        """The configured sources of known types by name."""
        return {
            name: one for name, one in self.settings.instances.items() if one.type in self.types
        }

    def source(self, name: str) -> Source:
        """Return the connector of an instance; raises SettingsError for options that are wrong."""
        instance = self.instances[name]
        if self.types.get(instance.type) is registry.sources().get(instance.type):
            return registry.build(instance, self.context)
        return self.types[instance.type](instance, self.context)

    def owner(self, instance: str) -> str:
        """Return who answers for the instance's project, empty if nobody is named."""
        project = self.settings.projects.get(self.instances[instance].project_id)
        return project.owner if project else ""
