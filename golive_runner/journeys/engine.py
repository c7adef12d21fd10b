"""Runs journeys in one browser: each attempt in a context of its own, each step with its evidence.

What comes of an attempt: `failed` where the page is not as the journey expects it, `error` where
it could not be tried (no answer, a crash, a refused address, a missing variable).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from golive_core.artifacts import ArtifactStore
from golive_core.redact import redact
from golive_runner.attempt import Attempt, Evidence, Look, StepResult
from golive_runner.journeys import launch
from golive_runner.journeys.acting import Trouble, perform
from golive_runner.journeys.document import Journey, Looked, Step
from golive_runner.journeys.guard import Guard
from golive_runner.journeys.judging import Outcome, judged
from golive_runner.journeys.looking import Looking
from golive_runner.journeys.session import Recorded, Session, allowed
from golive_runner.visual import Place

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright


Keep = Literal["all", "failed", "none"]


@dataclass(frozen=True, slots=True)
class Options:
    """How journeys are run. `keep`: whose evidence is kept; `is_full`: trace, video and HAR too."""

    browser: str = "chromium"
    headed: bool = False
    keep: Keep = "all"
    is_full: bool = True
    retries: int | None = None


@dataclass
class Engine:
    """One browser for any number of journeys; started anew after a crash. Close it in the end."""

    store: ArtifactStore
    options: Options
    root: str = ""
    """Folder that paths in the report are told from."""
    looking: Looking | None = None
    """What looks are compared with; without it a look is an error."""
    _playwright: Playwright | None = field(default=None, init=False)
    _browser: Browser | None = field(default=None, init=False)

    def __enter__(self) -> Engine:
        """Start Playwright."""
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        return self

    def __exit__(self, *_: object) -> None:
        """End browser and driver."""
        from contextlib import suppress

        if self._browser:
            with suppress(Exception):
                self._browser.close()
        if self._playwright:
            self._playwright.stop()

    def attempts(self, journey: Journey) -> Iterator[Attempt]:
        """Yield the attempts of a journey: one, and as many more as it may be retried."""
        said = self.options.retries
        for _ in range(1 + (journey.settings.retries if said is None else said)):
            attempt = self.attempt(journey)
            yield attempt
            if attempt.status == "passed":
                return

    def attempt(self, journey: Journey) -> Attempt:
        """Run a journey once."""
        begun, clock = datetime.now(UTC), time.monotonic()
        guard = Guard(allowed(journey))
        session = Session(self._opened(), journey, self.store, guard, full=self.options.is_full)
        run = _Run(self, journey, session, guard, clock + journey.settings.limit_s)
        outcome: Outcome = ("error", "Interrupted", "the attempt was cut off")
        try:
            outcome = run.steps()
        finally:
            keep = self.options.keep
            keeps = keep == "all" or (keep == "failed" and outcome[0] != "passed")
            recorded = session.close(keep=keeps, ends=run.unseen())
        status, kind, message = outcome
        return Attempt(
            suite=self.suite(journey), name=journey.name, status=status, started_at=begun,
            duration_s=time.monotonic() - clock, file=self.suite(journey),
            environment=journey.environment(self.options.browser), type=kind, message=message,
            details=run.details(session), steps=tuple(run.seen(recorded)),
            evidence=recorded.evidence,
        )  # fmt: skip

    def suite(self, journey: Journey) -> str:
        """Return what the report calls the document: its path from the root."""
        from pathlib import Path

        path = journey.path.resolve()
        root = Path(self.root).resolve()
        return str(path.relative_to(root)) if path.is_relative_to(root) else path.name

    def _opened(self) -> Browser:
        assert self._playwright, "the engine is used as a context"  # noqa: S101
        if self._browser is None or not self._browser.is_connected():
            options = self.options
            self._browser = launch.launch(self._playwright, options.browser, headed=options.headed)
        return self._browser


@dataclass
class _Run:
    """The steps of one attempt."""

    engine: Engine
    journey: Journey
    session: Session
    guard: Guard
    ends: float
    done: list[StepResult] = field(default_factory=list[StepResult])

    def steps(self) -> Outcome:
        """Do the steps until one fails; those behind it are skipped."""
        steps = self.journey.steps
        for nth, step in enumerate(steps):
            result, outcome = self._step(nth, step)
            self.done.append(result)
            if result.status != "passed":
                now = datetime.now(UTC)
                left = steps[nth + 1 :]
                self.done += [StepResult(str(one), one.action, "skipped", now, 0.0) for one in left]
                return outcome
        return "passed", "", ""

    def _step(self, nth: int, step: Step) -> tuple[StepResult, Outcome]:
        begun, clock = datetime.now(UTC), time.monotonic()
        stage = self.session.stage
        stage.wait_ms = max(1.0, min(self.journey.settings.timeout_s, self.ends - clock)) * 1000
        look: Look | None = None
        evidence: list[Evidence] = []
        try:
            if isinstance(step.on, Looked):
                look, evidence = self._look(step.on)
            else:
                perform(stage, step)
            self.guard.check(page.url for page in self.session.context.pages)
            outcome: Outcome = self._judged(look)
        except Exception as error:  # noqa: BLE001 - whatever a page or browser does is a result
            outcome = self._outcome(error)
        status, kind, message = outcome
        if self.ends <= time.monotonic() and status != "passed":
            outcome = (status, kind, f"{message} (the journey's {self._limit} s were over)")
        seconds = time.monotonic() - clock
        if self.engine.options.keep != "none":
            evidence += self.session.downloads()
            is_last = outcome[0] != "passed" or step is self.journey.steps[-1]
            evidence += self.session.pictured(f"{nth + 1:02}", step.action, is_last=is_last)
        result = StepResult(str(step), step.action, status, begun, seconds, redact(outcome[2]),
                            redact(stage.page.url), tuple(evidence), look)  # fmt: skip
        return result, (status, kind, redact(f"{step}: {outcome[2]}"))

    def unseen(self) -> list[datetime]:
        """Return when the steps ended that have no picture yet."""
        return [one.started_at + timedelta(seconds=one.duration_s) for one in self._without()]

    def seen(self, recorded: Recorded) -> Iterator[StepResult]:
        """Yield the steps, those without a picture with theirs of the film strip."""
        found = dict(zip(map(id, self._without()), recorded.pictures, strict=False))
        for step in self.done:
            picture = found.get(id(step))
            yield replace(step, evidence=(picture, *step.evidence)) if picture else step

    def _without(self) -> list[StepResult]:
        return [
            step for step in self.done
            if step.status != "skipped" and all(one.kind != "screenshot" for one in step.evidence)
        ]  # fmt: skip

    @property
    def _limit(self) -> str:
        return f"{self.journey.settings.limit_s:g}"

    def _look(self, looked: Looked) -> tuple[Look, list[Evidence]]:
        if self.engine.looking is None:
            raise Trouble("visual checks are not available here")
        settings, browser = self.journey.settings, self.engine.options.browser
        place = Place(looked.name, browser, settings.size, settings.theme)
        test = self.engine.suite(self.journey), self.journey.name
        return self.engine.looking.look(self.session.stage, looked, place, test)

    def _judged(self, look: Look | None) -> Outcome:
        if look and look.verdict == "rejected":
            return "failed", "VisualChange", "it looks as a picture that was rejected"
        if look is None or look.verdict != "changed":
            return "passed", "", ""
        where = "one place" if len(look.regions) == 1 else f"{len(look.regions)} places"
        kinds = ", ".join(dict.fromkeys(look.kinds))
        said = f"{look.changed_share:.2%} of it, in {where} ({kinds})"
        return "failed", "VisualChange", f"it does not look as approved: {said}"

    def _outcome(self, error: Exception) -> Outcome:
        """Return what it means that a step raised."""
        if self.session.has_crashed:
            return "error", "PageCrash", "the page crashed"
        return self.guard.refusal() or judged(error)

    def details(self, session: Session) -> str:
        """Return what a person reads below the failure: the steps, then what the page said."""
        if not self.done or all(step.status == "passed" for step in self.done):
            return ""
        marks = {"passed": "✓", "skipped": "·"}
        lines = [f"{marks.get(one.status, '✗')} {one.name}" for one in self.done]
        return "\n".join([*lines, "", *session.said.lines[-50:]])
