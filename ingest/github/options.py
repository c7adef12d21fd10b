"""Options of `[source.<name>]` with type github."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field, field_validator, model_validator

from ingest.api import ApiOptions

NAME = re.compile(r"[\w.-]+/[\w.-]+")
REPORTS = (
    "*junit*", "*test*report*", "*test*result*", "*surefire*", "*pytest*", "*-xml", "*_xml",
)  # fmt: skip
"""Names of artifacts that usually hold test reports, in lower case."""
StreamName = Literal[
    "repositories", "commits", "pull_requests", "runs", "checks", "deployments", "issues",
    "releases", "accounts",
]  # fmt: skip


class GithubOptions(ApiOptions, extra="forbid"):
    """Which repositories are read, and how much of them.

    `repository_ids` files a repository under another id, so that rows of a git source and of
    this one meet. `newest` counts the pull requests and runs and `checks` the commits
    whose details are read at first; each costs requests of its own.
    """

    url: str = "https://api.github.com"
    repositories: list[str] = Field(default_factory=list)
    owner: str = ""
    include: list[str] = Field(default_factory=lambda: ["*"])
    exclude: list[str] = Field(default_factory=list)
    repository_ids: dict[str, str] = Field(default_factory=dict)
    branches: list[str] = Field(default_factory=list)
    streams: list[StreamName] | None = None
    sizes: bool = True
    newest: int = Field(500, ge=0)
    checks: int = Field(50, ge=0, le=100)
    artifacts: bool = True
    reports: list[str] = Field(default_factory=lambda: list(REPORTS))
    report_mib: int = Field(32, ge=1, le=256)
    logs: Literal["failed", "all", "none"] = "failed"
    log_kib: int = Field(16 * 1024, ge=1, le=100 * 1024)

    @field_validator("repositories")
    @classmethod
    def _names(cls, value: list[str]) -> list[str]:
        wrong = [one for one in value if not NAME.fullmatch(one)]
        if wrong:
            raise ValueError(f"write owner/name, not {wrong[0]!r}")
        return list(dict.fromkeys(one.lower() for one in value))

    @model_validator(mode="after")
    def _something(self) -> GithubOptions:
        if not self.repositories and not self.owner:
            raise ValueError('name repositories = ["owner/name"] or an owner')
        return self

    def wants(self, stream: str) -> bool:
        """Tell whether a stream is to be read."""
        return self.streams is None or stream in self.streams

    def is_wanted(self, repository: str) -> bool:
        """Tell whether a repository of the owner is to be read, by its name in lower case."""

        def fits(patterns: list[str]) -> bool:
            bare = repository.partition("/")[2]
            return any(fnmatchcase(bare, one.lower()) for one in patterns)

        return fits(self.include) and not fits(self.exclude)

    def is_report(self, artifact: str) -> bool:
        """Tell by its name whether an artifact may hold test reports."""
        return any(fnmatchcase(artifact.lower(), one.lower()) for one in self.reports)

    def id_of(self, repository: str, instance: str) -> str:
        """Return the repository_id of a repository, given in lower case."""
        given = {name.lower(): one for name, one in self.repository_ids.items()}
        return given.get(repository, f"{instance}:{repository}")
