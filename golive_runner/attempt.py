"""What every engine of the runner says of one attempt of one test, and the report file of a run.

The report is JSON (`golive_run` and `attempts`), read by `ingest/parse/reports/golive_run.py` on
the same ways as every other report: `golive ingest reports`, drop folders, `golive upload`.
Evidence is named by the SHA-256 of its content in the artifact store.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

VERSION = 1
Status = Literal["passed", "failed", "error", "skipped"]
Verdict = Literal["new", "same", "changed", "rejected"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One kept file.

    `kind`: trace, video, screenshot, har, console, accessibility, vitals, page, download,
    request, response, baseline, actual or difference.
    """

    kind: str
    name: str
    media: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Look:
    """One visual check: what was compared and how much of it differs.

    `regions` are [x, y, width, height] in pixels; `changed_share` of the compared area. `kinds`
    and `told` say of each region what it is (layout, text, colour, dynamic) and what is known
    beside it; a look that is the same though pixels differ has the one kind anti-aliasing.
    """

    name: str
    browser: str
    size: str
    theme: str
    verdict: Verdict
    changed_share: float
    baseline: str
    actual: str
    difference: str
    regions: tuple[tuple[int, int, int, int], ...] = ()
    kinds: tuple[str, ...] = ()
    told: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        """Tell whether it looks as the picture that it was compared with."""
        return self.verdict == "same"


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step of an attempt: `name` as a person reads it, `action` its word in the document."""

    name: str
    action: str
    status: Status
    started_at: datetime
    duration_s: float
    message: str = ""
    url: str = ""
    evidence: tuple[Evidence, ...] = ()
    look: Look | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of one test; attempts of one test stand in the order they happened.

    `suite` is the document's path or title, `environment` what it ran in (chromium 1280x720).
    """

    suite: str
    name: str
    status: Status
    started_at: datetime
    duration_s: float
    file: str = ""
    environment: str = ""
    type: str = ""
    message: str = ""
    details: str = ""
    steps: tuple[StepResult, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    class_name: str = ""


def document(engine: str, attempts: Iterable[Attempt]) -> dict[str, Any]:
    """Return the report as JSON will have it; times are ISO 8601 with their zone."""
    return {"golive_run": VERSION, "engine": engine, "attempts": [asdict(one) for one in attempts]}


def write(path: Path, engine: str, attempts: Iterable[Attempt]) -> None:
    """Write the report whole or not at all."""
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(document(engine, attempts), default=datetime.isoformat))
    draft.replace(path)
