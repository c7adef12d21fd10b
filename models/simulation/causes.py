"""Why simulated tests fail, and what they say: a small set of messages, so that failures dedupe."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from golive_core.ids import content_id

FLAKY = {
    "timeout": ("TimeoutError", "no answer from {service} within {n} s"),
    "concurrency": ("AssertionError", "expected 1 row, found {n}: another worker wrote first"),
    "order": ("AssertionError", "basket is not empty: {n} items left by an earlier test"),
    "time": ("AssertionError", "expected 2 days between the dates, got {n}"),
    "network": ("ConnectionError", "connection to {service} reset after {n} ms"),
    "randomness": ("AssertionError", "generated order number {n} is not unique"),
    "resource": ("OSError", "too many open files ({n}) while reading {service}"),
}
"""Cause of a flaky test: exception and message."""
NOISE = {
    "runner": ("RuntimeError", "worker {n} crashed while running the test"),
    "disk": ("OSError", "no space left on device while writing {n} bytes"),
}
OUTAGE = {
    "runner": ("OSError", "cannot allocate memory: {n} MB requested on the runner"),
    "service": ("ConnectionError", "{service}: connection refused after {n} tries"),
}
REGRESSION = ("AssertionError", "{area}: expected {n}.00, got {m}.00")
SERVICES = ("postgres:5432", "redis:6379", "mail:2525", "s3:9000")
VARIANTS = 3
STACK = '  File "{file}", line {line}, in {function}\n    {code}\n{type}: {message}'


@dataclass(slots=True)
class Catalog:
    """Failure contents met so far; a code is the index of a row of `core.failures`."""

    rows: list[dict[str, str | int]]

    def add(self, kind: str, template: str, values: dict[str, str | int], file: str) -> int:
        """Return the code of a new failure of the exception `kind`, raised in `file`."""
        message = template.format(**values)
        masked = template.format(
            **{k: v if isinstance(v, str) else "<n>" for k, v in values.items()}
        )
        line = 20 + sum(map(ord, message)) % 180
        stack = {"file": file, "line": line, "function": "run", "code": "self.check(result)"}
        details = STACK.format(type=kind, message=message, **stack)
        signature = f"{kind}: {masked}\n{file} in run"
        self.rows.append(
            {
                "failure_id": content_id(kind, message, details),
                "signature_id": content_id(signature),
                "type": kind,
                "message": message,
                "details": details,
                "signature": signature,
            }
        )
        return len(self.rows) - 1

    def family(self, words: tuple[str, str], file: str, seed: int, area: str = "shop") -> list[int]:
        """Return the codes of VARIANTS failures that differ in their numbers only."""
        kind, template = words
        service = SERVICES[seed % len(SERVICES)]
        return [
            self.add(
                kind,
                template,
                {"service": service, "area": area, "n": 3 + seed % 7 + 10 * k, "m": seed % 5},
                file,
            )
            for k in range(VARIANTS)
        ]

    def frame(self) -> pl.DataFrame:
        """Return the rows in code order, as core.failures without times."""
        return pl.DataFrame(self.rows)
