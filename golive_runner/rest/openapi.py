"""Checks made from an OpenAPI description: each operation a test, each failing case an attempt.

schemathesis makes the cases and judges the answers; the requests are ours, so that bounds, hosts,
masks and evidence are those of every other check. Checks of it that send requests of their own are
left out. Failures of one kind and status are one attempt, told by the shortest request.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from golive_core.errors import UsageError
from golive_core.http.loop import Loop
from golive_core.toml import near
from golive_runner.attempt import Attempt, Status, StepResult
from golive_runner.rest import evidence, fill
from golive_runner.rest.case import curl, received, sent
from golive_runner.rest.client import Client, Exchange
from golive_runner.rest.description import load, server_of
from golive_runner.rest.document import Checks, OpenApi
from golive_runner.rest.evidence import Keeper, Masks

if TYPE_CHECKING:
    from golive_runner.rest.engine import Suite

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "negative_data_rejection",
    "positive_data_acceptance", "missing_required_header",
)  # fmt: skip
MOST_TOLD = 10
"""Attempts of one operation; more kinds of failure are counted in the last."""
LONGEST = 300


def run(suite: Suite, keeper: Keeper, client_of: Connect) -> Iterator[Attempt]:
    """Test every chosen operation and yield its attempts; raises UsageError before any is sent."""
    checks, path = suite.checks, suite.path
    given = checks.openapi
    wanted = given if isinstance(given, OpenApi) else OpenApi(file=given or "")
    known = sorted(set(wanted.without) - set(CHECKS))
    if known:
        hint = near(known[0], CHECKS)
        raise UsageError(f"openapi.without: {known[0]} is no check", where=str(path), hint=hint)
    loop = Loop(f"openapi-{path.stem}")
    client: Client | None = None
    try:
        raw = load(wanted.file, path, checks, loop)
        base = fill.text(checks.base, {}) or server_of(raw, wanted.file, path)
        client = client_of(checks, base, path)
        loop.submit(client.warm()).result()
        job = Operations(suite, wanted, keeper, loop, client, base.rstrip("/"))
        yield from job.attempts(raw)
    finally:
        if client:
            loop.submit(client.close()).result()
        loop.close()


Connect = Callable[[Checks, str, Path], Client]


@dataclass
class Finding:
    """One kind of failure of an operation: its smallest case, and how many cases showed it."""

    status: Status
    titles: tuple[str, ...]
    message: str
    exchange: Exchange
    command: str
    started_at: datetime
    count: int = 1

    @property
    def size(self) -> int:
        """Return how long the request is, characters."""
        return len(self.exchange.url) + len(self.exchange.sent)


@dataclass
class Outcome:
    """What the cases of one operation showed."""

    findings: dict[tuple[object, ...], Finding] = field(
        default_factory=dict[tuple[object, ...], Finding]
    )
    cases: int = 0
    last: Exchange | None = None
    slowest_s: float = 0.0

    def add(self, found: Finding) -> None:
        """Take a failure; the shorter request stands for its kind."""
        key = (found.status, found.titles, found.exchange.status)
        known = self.findings.get(key)
        if known:
            found.count += known.count
            if known.size <= found.size:
                known.count = found.count
                return
        self.findings[key] = found


@dataclass(frozen=True)
class Operations:
    """The operations of a description, with what it takes to ask them."""

    suite: Suite
    wanted: OpenApi
    keeper: Keeper
    loop: Loop
    client: Client
    base: str

    def attempts(self, raw: dict[str, Any]) -> Iterator[Attempt]:
        """Yield the attempts of each operation in the order of the description."""
        schema = _schema(raw, self.wanted.file)
        is_any = False
        for result in schema.get_all_operations():
            operation: Any = result.ok() if hasattr(result, "ok") else None
            label = operation.label if operation is not None else _label(result)
            if not self._is_wanted(label):
                continue
            is_any = True
            if operation is None:
                yield self._broken(label, str(result.err()))
            else:
                yield from self._operation(operation)
        if not is_any:
            raise UsageError("no operation is chosen", where=str(self.suite.path),
                             hint="See openapi.only and openapi.skip")  # fmt: skip

    def _is_wanted(self, label: str) -> bool:
        chosen = not self.wanted.only or any(fnmatchcase(label, one) for one in self.wanted.only)
        return chosen and not any(fnmatchcase(label, one) for one in self.wanted.skip)

    def _operation(self, operation: Any) -> Iterator[Attempt]:  # noqa: ANN401 - schemathesis's
        started, begun = datetime.now(UTC), time.perf_counter()
        outcome = Outcome()
        try:
            self._cases(operation, outcome)
        except Exception as error:  # noqa: BLE001 - a description that no case can be made from
            yield self._broken(operation.label, f"no case can be made: {error}")
            return
        took = time.perf_counter() - begun
        if outcome.findings:
            yield from self._failed(operation.label, outcome)
        else:
            yield self._passed(operation.label, outcome, started, took)

    def _cases(self, operation: Any, outcome: Outcome) -> None:  # noqa: ANN401 - schemathesis's
        """Send the cases: as many as asked for, half of them such as have to be refused."""
        from hypothesis import HealthCheck, Phase, given, seed, settings
        from hypothesis.errors import Unsatisfiable
        from schemathesis import GenerationMode

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            kept = settings(
                max_examples=max(1, self.wanted.cases // 2), database=None, deadline=None,
                phases=[Phase.generate], suppress_health_check=[
                    HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large,
                ],
            )  # fmt: skip

            @seed(self.wanted.seed)
            @kept
            @given(operation.as_strategy(generation_mode=mode))
            def one(case: Any) -> None:  # noqa: ANN401 - schemathesis's
                self._case(case, outcome)

            try:
                one()
            except Unsatisfiable:
                if mode is GenerationMode.POSITIVE:
                    raise

    def _case(self, case: Any, outcome: Outcome) -> None:  # noqa: ANN401 - schemathesis's
        started = datetime.now(UTC)
        request = sent(case, self.base, self.suite.checks.headers)
        if request is None:
            return
        session = self.client.session()
        send = self.client.send(session, request, follow=False)
        exchange = self.loop.submit(send).result()
        outcome.cases, outcome.last = outcome.cases + 1, exchange
        outcome.slowest_s = max(outcome.slowest_s, exchange.total_s)
        titles, message, status = self._judged(case, exchange)
        if titles:
            outcome.add(Finding(status, titles, message, exchange, curl(exchange), started))

    def _judged(
        self, case: Any, exchange: Exchange  # noqa: ANN401 - schemathesis's
    ) -> tuple[tuple[str, ...], str, Status]:  # fmt: skip
        """Return titles and sentences of what is wrong with an answer."""
        from schemathesis import checks
        from schemathesis.core.failures import FailureGroup

        if exchange.error:
            return ("no answer",), exchange.error.what, "error"
        wanted = [name for name in CHECKS if name not in self.wanted.without]
        try:
            case.validate_response(
                received(exchange), checks=checks.CHECKS.get_by_names(wanted),
                headers=dict(exchange.sent_headers),
            )  # fmt: skip
        except FailureGroup as group:
            found = sorted(group.exceptions)
            told = "; ".join(f"{one.title}: {_line(one.message)}".rstrip(": ") for one in found)
            return tuple(one.title for one in found), told, "failed"
        return (), "", "passed"

    def _failed(self, label: str, outcome: Outcome) -> Iterator[Attempt]:
        found = list(outcome.findings.values())
        for finding in found[:MOST_TOLD]:
            count = f" ({finding.count} of {outcome.cases} cases)"
            left = len(found) - MOST_TOLD
            if left > 0 and finding is found[MOST_TOLD - 1]:
                count += f"; {left} more kinds of failure"
            yield self._finding(label, finding, count)

    def _finding(self, label: str, finding: Finding, count: str) -> Attempt:
        exchange, masks, suite = finding.exchange, Masks(), self.suite
        details = f"{finding.command}\n\n{evidence.excerpt(exchange, masks)}"
        step = self._step(label, exchange, finding.status, finding.message, finding.started_at)
        kind = "NoAnswer" if finding.status == "error" else "ContractBroken"
        message = masks.text(finding.message) + count
        return Attempt(
            suite.name, label, finding.status, finding.started_at, exchange.total_s,
            suite.name, suite.environment, kind, message, masks.text(details), (step,),
        )  # fmt: skip

    def _passed(self, label: str, outcome: Outcome, started: datetime, took: float) -> Attempt:
        steps: tuple[StepResult, ...] = ()
        if outcome.last:
            steps = (self._step(label, outcome.last, "passed", f"{outcome.cases} cases", started),)
        suite = self.suite
        return Attempt(suite.name, label, "passed", started, took, suite.name,
                       suite.environment, steps=steps)  # fmt: skip

    def _step(
        self, label: str, exchange: Exchange, status: Status, message: str, started: datetime
    ) -> StepResult:
        masks = Masks()
        checks = self.suite.checks
        is_kept = checks.keep == "all" or (checks.keep == "failed" and status != "passed")
        kept = (
            evidence.kept(exchange, masks, self.keeper, insecure=checks.insecure) if is_kept else ()
        )
        self.keeper.settle()
        return StepResult(
            label, exchange.method.lower(), status, started, exchange.total_s,
            masks.text(message), masks.text(exchange.url), kept,
        )  # fmt: skip

    def _broken(self, label: str, why: str) -> Attempt:
        suite = self.suite
        return Attempt(suite.name, label, "error", datetime.now(UTC), 0.0, suite.name,
                       suite.environment, "DescriptionBroken", _line(why))  # fmt: skip


def _schema(raw: dict[str, Any], name: str) -> Any:  # noqa: ANN401 - schemathesis's
    import schemathesis

    try:
        return schemathesis.openapi.from_dict(raw)
    except Exception as error:
        raise UsageError(f"is no OpenAPI description: {_line(str(error))}", where=name) from error


def _label(result: Any) -> str:  # noqa: ANN401 - schemathesis's
    error = result.err()
    return f"{(error.method or '?').upper()} {error.path or '?'}"


def _line(text: str) -> str:
    return " ".join(text.partition("\n\nValidated against")[0].split())[:LONGEST]
