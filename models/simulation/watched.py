"""What a runner told of the simulated shop: journeys and REST checks of its nightly builds.

Steps with their times and messages, and no pictures, traces or answers: nobody has seen this shop.
A journey fails in some builds that failed anyway; now and then one fails and passes when it is
tried again. Draws come from a stream of their own; only what builds there are is taken from them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from golive_core.ids import content_id
from models.simulation.rows import Frames, frame, with_day

STREAM = 8_511
PIPELINE = "nightly"
BROWSER, HTTP = "chromium 1280x720 light", "http"
BROKEN, FLAKY = 0.05, 0.04
"""Chance of a fault in a build that failed, and that a journey fails once for no reason."""
SPREAD = 0.35
"""Standard deviation of the logarithm of how long a step takes."""
LATE_S = 10.0
"""How long a step waits for what does not come."""
SHOP = "https://shop.example.org"


@dataclass(frozen=True, slots=True)
class Script:
    """One document: steps as (name, action, seconds); the step at `weak` is the one that fails."""

    suite: str
    name: str
    environment: str
    steps: tuple[tuple[str, str, float], ...]
    weak: int
    message: str
    kind: str


JOURNEYS = (
    Script("journeys/sign_in.yaml", "Sign in", BROWSER, (
        ("open /sign-in", "open", 0.62), ("fill label “Name”", "fill", 0.05),
        ("fill label “Password”", "fill", 0.05), ("click “Sign in”", "click", 0.34),
        ("see text “Your orders”", "see", 0.21),
    ), 4, "text “Your orders” did not appear", "NotFound"),
    Script("journeys/search.yaml", "Search the catalog", BROWSER, (
        ("open /", "open", 0.71), ("fill label “Search”", "fill", 0.06),
        ("press “Enter”", "press", 0.28), ("see text “12 results”", "see", 0.33),
    ), 3, "text “12 results” did not appear", "NotFound"),
    Script("journeys/buy.yaml", "Buy a book", BROWSER, (
        ("open /books/4711", "open", 0.66), ("click “Add to basket”", "click", 0.25),
        ("click “Check out”", "click", 0.48), ("choose label “Delivery”", "choose", 0.07),
        ("click “Pay”", "click", 1.12), ("see text “Thank you”", "see", 0.41),
    ), 4, "the element could not be used: <button>Pay</button> is disabled", "NotActionable"),
    Script("journeys/address.yaml", "Change the address", BROWSER, (
        ("open /account", "open", 0.58), ("click “Addresses”", "click", 0.22),
        ("fill label “Street”", "fill", 0.05), ("click “Save”", "click", 0.36),
        ("see text “Saved”", "see", 0.18),
    ), 4, "text “Saved” did not appear", "NotFound"),
)  # fmt: skip
CHECKS = (
    Script("checks/catalog.yaml", "The catalog answers", HTTP, (
        ("GET /api/books", "get", 0.041), ("GET /api/books/4711", "get", 0.018),
        ("GET /api/books/0", "get", 0.011),
    ), 1, "status is 500, expected 200", "Unexpected"),
    Script("checks/basket.yaml", "A basket keeps what is put in", HTTP, (
        ("POST /api/session", "post", 0.083), ("POST /api/basket", "post", 0.035),
        ("GET /api/basket", "get", 0.016), ("DELETE /api/basket/1", "delete", 0.022),
    ), 2, "$.items has 0 elements, expected 1", "Unexpected"),
    Script("checks/orders.yaml", "An order is paid once", HTTP, (
        ("POST /api/orders", "post", 0.148), ("POST /api/orders/1/pay", "post", 0.262),
        ("POST /api/orders/1/pay", "post", 0.031),
    ), 2, "status is 200, expected 409", "Unexpected"),
)  # fmt: skip
SCRIPTS = JOURNEYS + CHECKS


def watched(builds: pl.DataFrame, project: str, seed: int) -> Frames:
    """Return tests, attempts, failures and steps of the nightly ones among these core.builds."""
    rng = np.random.default_rng([seed, STREAM])
    nightly = builds.filter(
        pl.col("pipeline_id") == f"{project}:{PIPELINE}",
        pl.col("status").is_in(["passed", "failed"]),
    ).sort("started_at")
    rows: dict[str, list[dict[str, Any]]] = {"results": [], "steps": [], "failures": []}
    for build in nightly.iter_rows(named=True):
        for script in SCRIPTS:
            for nth, fails in enumerate(_course(script, build["status"], rng), start=1):
                _attempt(script, build, (nth, fails), rows, rng)
    if not rows["results"]:
        return {}
    failures = {row["failure_id"]: row for row in reversed(rows["failures"])}
    results = with_day("core.test_results", rows["results"], "started_at")
    return {
        "core.tests": frame("core.tests", list(_tests(project, rows["results"]))),
        "core.failures": frame("core.failures", list(failures.values())),
        "core.test_results": results,
        "core.test_steps": with_day("core.test_steps", rows["steps"], "attempt_at"),
    }


def _test_id(project: str, script: Script) -> int:
    return content_id(project, script.suite, "", script.name, None)


def _course(script: Script, status: str, rng: np.random.Generator) -> list[bool]:
    """Return of each attempt in a build whether it fails: a fault stays, a flake goes."""
    if status == "failed" and rng.random() < BROKEN:
        return [True, True]
    return [True, False] if rng.random() < FLAKY * (script.environment == BROWSER) else [False]


def _attempt(
    script: Script, build: dict[str, Any], tried: tuple[int, bool],
    rows: dict[str, list[dict[str, Any]]], rng: np.random.Generator,
) -> None:  # fmt: skip
    """Add one attempt and its steps; those behind the one that fails are skipped."""
    nth, fails = tried
    begun = build["started_at"].timestamp() + 30.0 + 15.0 * (nth - 1)
    key = {
        "project_id": build["project_id"], "build_id": build["build_id"], "attempt": nth,
        "test_id": _test_id(build["project_id"], script), "environment": script.environment,
    }  # fmt: skip
    at = begun
    for ordinal, (name, action, usual) in enumerate(script.steps):
        is_late = fails and ordinal > script.weak
        status = (
            "skipped" if is_late else "failed" if fails and ordinal == script.weak else "passed"
        )
        seconds = 0.0 if is_late else usual * float(rng.lognormal(0.0, SPREAD))
        if status == "failed" and script.environment == BROWSER:
            seconds = LATE_S
        rows["steps"].append(key | {
            "ordinal": ordinal, "name": name, "action": action, "status": status, "started_at": at,
            "duration_s": seconds, "message": script.message if status == "failed" else None,
            "url": f"{SHOP}{name.split(' ')[-1]}" if "/" in name else SHOP, "attempt_at": begun,
        })  # fmt: skip
        at += seconds
    failure = _failure(script, begun) if fails else None
    if failure:
        rows["failures"].append(failure)
    rows["results"].append(key | {
        "status": "failed" if fails else "passed", "duration_s": at - begun + 0.4,
        "started_at": begun, "commit_sha": build["commit_sha"], "branch": build["branch"],
        "failure_id": failure["failure_id"] if failure else None,
    })  # fmt: skip


def _failure(script: Script, at: float) -> dict[str, Any]:
    message = f"{script.steps[script.weak][0]}: {script.message}"
    details = "\n".join(
        f"{'✓' if nth < script.weak else '✗' if nth == script.weak else '·'} {name}"
        for nth, (name, _, _) in enumerate(script.steps)
    )
    return {
        "failure_id": content_id(script.kind, message, details),
        "signature_id": content_id(script.kind, message), "type": script.kind, "message": message,
        "details": details, "signature": f"{script.kind}: {message}", "first_seen_at": at,
    }  # fmt: skip


def _tests(project: str, results: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for script in SCRIPTS:
        test_id = _test_id(project, script)
        seen = [row["started_at"] for row in results if row["test_id"] == test_id]
        yield {
            "test_id": test_id, "project_id": project, "suite": script.suite, "class_name": "",
            "name": script.name, "parameters": None, "file": script.suite,
            "first_seen_at": min(seen), "last_seen_at": max(seen),
        }  # fmt: skip
