"""One attempt of one test: its steps in order, with cookies, captures and masks of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from golive_core.errors import GoLiveError, UsageError
from golive_core.settings import is_secret_name
from golive_runner.attempt import Attempt, Status, StepResult
from golive_runner.rest import evidence, expect, fill
from golive_runner.rest.client import Client, Exchange
from golive_runner.rest.document import Checks, Step
from golive_runner.rest.evidence import Keeper, Masks
from golive_runner.rest.rows import Row
from golive_runner.rest.schema import Schema

if TYPE_CHECKING:
    import httpx


@dataclass(frozen=True)
class Job:
    """What is the same for all attempts of a document."""

    checks: Checks
    path: Path
    suite: str
    environment: str
    schemas: list[Schema | None]
    keeper: Keeper


class Try:
    """One attempt of one test: its cookies, captures and masks are its own."""

    def __init__(self, job: Job, client: Client, name: str, row: Row) -> None:
        self.job, self.client, self.row_name = job, client, name
        self.values: dict[str, object] = dict(row)
        self.masks = Masks()
        self.session = client.session()
        self.details = ""
        self.masks.learn(value for key, value in row.items() if is_secret_name(key))

    async def go(self) -> Attempt:
        """Run the steps in order until one fails; those after it are skipped."""
        started, begun = datetime.now(UTC), time.perf_counter()
        steps: list[StepResult] = []
        for step, schema in zip(self.job.checks.steps, self.job.schemas, strict=True):
            if steps and steps[-1].status != "passed":
                steps.append(_skipped(step))
                continue
            steps.append(await self._step(step, schema))
        self.job.keeper.settle()
        return self._attempt(steps, started, time.perf_counter() - begun)

    def _attempt(self, steps: list[StepResult], started: datetime, took: float) -> Attempt:
        bad = next((one for one in steps if one.status not in ("passed", "skipped")), None)
        job, title = self.job, self.job.checks.checks
        return Attempt(
            suite=job.suite, name=f"{title}[{self.row_name}]" if self.row_name else title,
            status=bad.status if bad else "passed", started_at=started, duration_s=took,
            file=job.suite, environment=job.environment,
            type=_type(bad), message=f"{bad.name}: {bad.message}" if bad else "",
            details=self.details, steps=tuple(steps),
        )  # fmt: skip

    async def _step(self, step: Step, schema: Schema | None) -> StepResult:
        started, begun = datetime.now(UTC), time.perf_counter()
        try:
            request = self._request(step)
        except GoLiveError as error:
            return self._result(step, started, begun, "error", str(error))
        follow = self.job.checks.follow if step.follow is None else step.follow
        exchange = await self.client.send(self.session, request, follow=follow)
        status, message = self._judged(step, exchange, schema)
        result = self._result(step, started, begun, status, message)
        return self._with_evidence(result, exchange)

    def _result(
        self, step: Step, started: datetime, begun: float, status: Status, message: str
    ) -> StepResult:
        took = time.perf_counter() - begun
        name = fill_known(step.title, self.values)
        return StepResult(self.masks.text(name), step.method.lower(), status, started, took,
                          self.masks.text(message))  # fmt: skip

    def _request(self, step: Step) -> httpx.Request:
        """Build the request; raises SettingsError where a variable is not set."""
        import httpx

        values = self.values
        url = self._joined(fill.address(step.path, values))
        given = {**self.job.checks.headers, **step.headers}.items()
        headers = {key: fill.text(value, values) for key, value in given}
        params = {key: fill.filled(value, values) for key, value in step.params.items()}
        try:
            request = self.session.build_request(
                step.method, url, params=cast("Any", params) or None, headers=headers,
                **self._content(step),
            )  # fmt: skip
        except (ValueError, TypeError, httpx.InvalidURL) as error:
            raise UsageError(f"cannot be sent: {error}", where=step.title) from error
        return self._signed(step, request)

    def _content(self, step: Step) -> dict[str, Any]:
        """Return the body as httpx takes it."""
        values, content = self.values, dict[str, Any]()
        if step.has_json:
            content["json"] = fill.filled(step.json_, values)
        elif step.form is not None:
            content["data"] = {k: fill.shown(fill.filled(v, values)) for k, v in step.form.items()}
        elif step.body is not None:
            content["content"] = fill.text(step.body, values)
        return content

    def _signed(self, step: Step, request: httpx.Request) -> httpx.Request:
        if step.basic:
            import httpx

            user, password = (
                fill.text(t, self.values) for t in (step.basic.user, step.basic.password)
            )
            next(httpx.BasicAuth(user, password).auth_flow(request))
        return request

    def _joined(self, url: str) -> str:
        if "://" in url.partition("?")[0]:
            return url
        base = fill.text(self.job.checks.base, self.values).rstrip("/")
        if not base:
            hint = "Write base: https://… above the steps, or whole addresses in them"
            raise UsageError(f"{url} has no server", where=str(self.job.path), hint=hint)
        return f"{base}/{url.lstrip('/')}"

    def _judged(self, step: Step, exchange: Exchange, schema: Schema | None) -> tuple[Status, str]:
        """Hold the answer against the step, and capture from it if all is well."""
        if exchange.error:
            return "error", _told(exchange.error, self.job.checks)
        found = expect.problems(step.expect, exchange, self.values, schema)
        if not found:
            try:
                new = expect.captured(step.capture, exchange)
            except KeyError as error:
                found = [str(error.args[0])]
            else:
                self.values |= new
                self.masks.learn(value for key, value in new.items() if is_secret_name(key))
        return ("failed", "; ".join(found)) if found else ("passed", "")

    def _with_evidence(self, result: StepResult, exchange: Exchange) -> StepResult:
        """Keep what was sent and answered, as the document says, and tell it of a bad end."""
        is_bad = result.status != "passed"
        if is_bad:
            self.details = evidence.excerpt(exchange, self.masks)
        url = self.masks.text(exchange.url)
        keep = self.job.checks.keep
        if keep == "none" or (keep == "failed" and not is_bad):
            return replace(result, url=url)
        found = evidence.kept(
            exchange, self.masks, self.job.keeper, insecure=self.job.checks.insecure
        )
        return replace(result, url=url, evidence=found)


def _told(error: GoLiveError, checks: Checks) -> str:
    if "certificate" in error.what and not checks.insecure:
        return f"{error.what}. Name its authority with ca:, or write insecure: true to accept it"
    if error.what.startswith("refused"):
        return f"{error.what}. Name it under allow: if it may be asked"
    return f"{error.what}. {error.hint}" if "max_body" in error.hint else error.what


def _type(bad: StepResult | None) -> str:
    if bad is None:
        return ""
    return "ExpectationFailed" if bad.status == "failed" else "NoAnswer"


def _skipped(step: Step) -> StepResult:
    return StepResult(step.title, step.method.lower(), "skipped", datetime.now(UTC), 0.0)


def fill_known(text: str, values: fill.Values) -> str:
    """Return a title with the names filled that are known; variables stay as they are written."""
    return fill.NAME.sub(
        lambda m: fill.shown(values[m[2]]) if m[2] and m[2] in values else m[0], text
    )
