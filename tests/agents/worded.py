"""Explanations to ask a model about, and clients for a server on this machine."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from golive_agents.advising import next_step
from golive_agents.calls import Notebook
from golive_agents.client import Client
from golive_agents.explanation import (
    Cite,
    Explanation,
    FailedTest,
    Fix,
    Past,
    ShownLine,
    Suspect,
    Suspects,
)
from golive_core.endpoint import Model

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SHA = "c0ffee" * 6 + "beef"
LINE = "src/shop.c:12: undefined reference to `total'"


def explanation(
    line: str = LINE, subject: str = "Drop total", test: str = "test_refund",
    past: str = "undefined reference to `sum'",
) -> Explanation:  # fmt: skip
    """Return an explanation whose texts are given."""
    cite = Cite("core.commits", f"sha={SHA}")
    commit = Suspect(SHA, 0.8, subject, "Ada", NOW, 2, 0, cite)
    fix = Fix("f" * 40, SHA, NOW, "Link it", "Bob", 2, Cite("marts.failure_fixes", "good_sha=f"))
    found = Explanation(
        "build", "ci/build#2", "It does not link", project_id="shop", build_id="ci/build#2",
        lines=(ShownLine("log of ci/build#2", 4, line, "error", 5.0, ("error",)),),
        tests=(FailedTest(7, test, "healthy", 0.01),),
        suspects=Suspects((commit,), "a" * 40, SHA, 3, 0.1, "results of the failing test"),
        past=(Past(9, "LinkError", past, 0.7, NOW, (fix,), cite),),
    )  # fmt: skip
    return replace(found, next_step=next_step(found))


def client(url: str, ledger: Notebook | None = None, **changed: Any) -> Client:
    """Return a client for an address, agreed to."""
    model = Model(url=url, name="tiny", may_send=True, timeout_s=20, retries=2)
    return Client(replace(model, **changed), ledger or Notebook(), clock=lambda: NOW)


def answer(**changed: Any) -> dict[str, Any]:
    """Return an answer as it should be."""
    claim = {"text": "The linker finds an undefined reference to total.", "cites": ["L1"]}
    return {"claims": [claim], "culprit": "C1", "step": "S1", "confidence": 0.7, **changed}
