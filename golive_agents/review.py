"""What a review of a change consists of; each part says which rows or lines it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from golive_agents.explanation import Cite


@dataclass(frozen=True, slots=True)
class FileRisk:
    """What history says of one touched file; None is not known, which is not 0.

    `commits` (365 days), `commits_90d`, `authors`, `owner` with their share and `mended` (commits
    whose subject says fix or revert) end before the change. `is_new_to_authors`: none of those who
    made the change had touched the file. `broke` of `builds` first builds of its commits failed
    where the build before had passed. `coverage` is the share of covered lines.
    """

    path: str
    kind: str
    insertions: int
    deletions: int
    commits: int | None = None
    commits_90d: int | None = None
    authors: int | None = None
    owner: str | None = None
    owner_share: float | None = None
    mended: int | None = None
    last_mended: str | None = None
    is_new_to_authors: bool | None = None
    builds: int | None = None
    broke: int | None = None
    coverage: float | None = None
    complexity: float | None = None
    findings: int | None = None
    cites: tuple[Cite, ...] = ()

    @property
    def lines(self) -> int:
        """Lines that are new or gone."""
        return self.insertions + self.deletions


@dataclass(frozen=True, slots=True)
class Size:
    """How large the change is, beside the commits before it, of which `smaller` is the share."""

    files: int
    folders: int
    insertions: int
    deletions: int
    smaller: float | None = None
    of: int = 0


@dataclass(frozen=True, slots=True)
class TouchedTest:
    """A test that is not healthy, and is touched or stands next to a touched file."""

    test_id: int
    title: str
    path: str
    is_own: bool
    verdict: str
    probability: float | None
    cite: Cite


@dataclass(frozen=True, slots=True)
class Forecast:
    """How probably the next build of a pipeline fails, by the forecasts of builds."""

    pipeline_id: str
    probability: float
    low: float
    high: float
    told_by: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What an analyser says of a new line; `source` is what ran it, or the rows it comes from."""

    path: str
    line: int
    end_line: int
    tool: str
    rule: str
    kind: str
    severity: str
    text: str
    source: str

    @property
    def cite(self) -> str:
        """The place: path and line."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Remark:
    """What a model says of a new line, and the check that a second pass could not refute."""

    path: str
    line: int
    text: str
    check: str
    why_it_stands: str
    model: str

    @property
    def cite(self) -> str:
        """The place: path and line."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Review:
    """What is known of a change, the most dangerous files first; `unknown` says what is not."""

    name: str
    base: str
    head: str
    project_id: str
    branch: str
    size: Size
    files: tuple[FileRisk, ...]
    tests: tuple[TouchedTest, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    findings: tuple[Finding, ...] = ()
    broke_share: float | None = None
    unknown: tuple[str, ...] = ()
    new_lines: Mapping[str, frozenset[int]] = field(
        default_factory=dict[str, "frozenset[int]"], repr=False
    )

    def document(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {name: one for name, one in asdict(self).items() if name != "new_lines"}
