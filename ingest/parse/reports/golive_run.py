"""The report of a run of golive_runner: attempts with their steps and files (attempt.py there)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from golive_core.errors import ReportError
from golive_core.ids import look_id
from ingest.parse.json_stream import values
from ingest.parse.report_formats import Format, Start
from ingest.parse.report_rows import (
    Body,
    Case,
    CaseFile,
    CaseLook,
    CaseStep,
    Row,
    count,
    items,
    lasted,
    obj,
    text,
)

STATUSES = ("passed", "failed", "error", "skipped")
SHA = re.compile(r"[0-9a-f]{64}")
WHOLE = -1
"""The ordinal of what belongs to the attempt as a whole."""
MOST_STEPS = 10_000
MOST_REGIONS = 200
VERDICTS = ("new", "same", "changed", "rejected")


def matches(start: Start) -> bool:
    """Tell it by its own key."""
    return "golive_run" in start.keys


def parse(body: Body) -> Iterator[Row]:
    """Yield each attempt, its steps and its files."""
    for place, value in values(body.open, "golive_run", "attempts.*", path=body.path):
        if place == ("golive_run",):
            if value != 1:
                what = f"it is of version {value!r}, which this GoLive does not know"
                raise ReportError(what, path=body.path, hint="Install a newer GoLive")
        else:
            yield from attempt(body, ".".join(place), obj(value))


def attempt(body: Body, where: str, said: dict[str, object]) -> Iterator[Row]:
    """Yield an attempt, its steps and its files; why it was skipped is its message."""
    status = _status(body, where, said)
    yield Case(
        text(said.get("name")) or "", status, text(said.get("suite")) or "",
        text(said.get("class_name")) or "",
        duration_s=lasted(said.get("duration_s")), started_at=body.at(said.get("started_at")),
        type=text(said.get("type")), message=text(said.get("message")),
        details=text(said.get("details")), file=text(said.get("file")),
        environment=text(said.get("environment")) or "",
        skip_reason=text(said.get("message")) if status == "skipped" else None,
    )  # fmt: skip
    yield from _files(WHOLE, said)
    for nth, one in enumerate(items(said.get("steps"))[:MOST_STEPS]):
        step = obj(one)
        yield CaseStep(
            nth, text(step.get("name")) or "", text(step.get("action")) or "",
            _status(body, f"{where}.steps.{nth}", step), body.at(step.get("started_at")),
            lasted(step.get("duration_s")), text(step.get("message")), text(step.get("url")),
        )  # fmt: skip
        yield from _files(nth, step)
        if look := obj(step.get("look")):
            yield _look(nth, look, str(said.get("suite") or ""), str(said.get("name") or ""))


def _look(nth: int, look: dict[str, object], suite: str, test: str) -> CaseLook:
    name, browser, size, theme = (
        text(look.get(key)) or "" for key in ("name", "browser", "size", "theme")
    )
    share = look.get("changed_share")
    verdict = str(look.get("verdict"))
    return CaseLook(
        nth, look_id(suite, test, name, (browser, size, theme)), name, browser, size, theme,
        verdict if verdict in VERDICTS else "new",
        float(share) if isinstance(share, (int, float)) else None,
        _sha(look.get("baseline")), _sha(look.get("actual")), _sha(look.get("difference")),
        json.dumps([_box(one) for one in items(look.get("regions"))[:MOST_REGIONS]]),
        _words(look.get("kinds")), _words(look.get("told")),
    )  # fmt: skip


def _words(said: object) -> list[str]:
    return [str(one) for one in items(said)[:MOST_REGIONS]]


def _sha(said: object) -> str | None:
    return said if isinstance(said, str) and SHA.fullmatch(said) else None


def _box(said: object) -> list[int]:
    return [count(one) or 0 for one in items(said)[:4]]


def _status(body: Body, where: str, said: dict[str, object]) -> str:
    status = said.get("status")
    if status not in STATUSES:
        what = f"{where} has the status {status!r}; known: {', '.join(STATUSES)}"
        raise ReportError(what[:500], path=body.path)
    return str(status)


def _files(ordinal: int, said: dict[str, object]) -> Iterator[CaseFile]:
    for nth, one in enumerate(items(said.get("evidence"))):
        file = obj(one)
        sha = str(file.get("sha256"))
        if SHA.fullmatch(sha):
            yield CaseFile(
                ordinal, nth, text(file.get("kind")) or "file", text(file.get("name")) or sha,
                text(file.get("media")) or "application/octet-stream", sha,
                count(file.get("size_bytes")),
            )  # fmt: skip


FORMAT = Format("GoLive run", "run", "application/json", matches, parse)
