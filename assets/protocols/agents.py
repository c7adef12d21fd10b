"""Agents: how a configured model does at what the agents ask of it, beside what needs none.

Questions are those of `golive_agents/evaluation/questions.toml` on a seeded lake, with exact rows;
the rival is the grammar. Failures and changes are planted (`planted.toml`). Calls keep the budgets
and the cache of `[model]`: an evaluation that a budget ends goes on the next day where it stopped.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from assets import predictions, refresh
from assets.model_calls import client_of
from assets.protocols.simulator import write
from golive_agents.chat_assistant import Assistant
from golive_agents.client import Client
from golive_agents.evaluation.planted import explained, explanation, planted, reviewed
from golive_agents.evaluation.score import Outcome as Told
from golive_agents.evaluation.score import questions, score
from golive_agents.model_assistant import ModelAssistant
from golive_core import settings
from golive_core.errors import UsageError
from golive_core.lake import Lake
from models.evaluate import Outcome, Protocol, Score, Tell
from models.simulate import Shape, world

NOW = datetime(2026, 3, 31, 18, tzinfo=UTC)
PROJECT = "demo"
SEED, BUILDS, TESTS, DAYS = 7, 400, 600, 30
BUDGET = "model."
"""How the reason of a call begins that a budget refused."""


def run(rows: pl.DataFrame, tell: Tell) -> Outcome:
    """Return the shares of right answers; `rows` may have a column model, and `questions` to ask.

    Raises UsageError where no model may be asked.
    """
    client = _client(rows["model"][0] if "model" in rows.columns else "")
    with tempfile.TemporaryDirectory() as folder:
        lake = seeded(Path(folder))
        return evaluated(client, lake, tell)


def evaluated(client: Client, lake: Lake, tell: Tell, most: int = 0) -> Outcome:
    """Return what became of the first `most` questions, 0 for all, and of all that is planted."""
    asked = questions()[: most or None]
    own = ModelAssistant(lake, client, clock=lambda: NOW)
    plain = Assistant(lake, project=PROJECT, clock=lambda: NOW)
    tell(f"{len(asked)} questions")
    answered = list(score(asked, lambda text, plan: own.ask(text, previous=plan), lake.query))
    by_grammar = list(score(asked, lambda text, plan: plain.ask(text, previous=plan), lake.query))
    tell("planted failures")
    causes = list(explained(client))
    tell("planted changes")
    defects = list(reviewed(client, lake))
    return Outcome(
        [
            _score("ask", "right rows", answered, {"grammar": _right(by_grammar)}),
            _score("explain", "cause cited first", causes, {"first line shown": _first_lines()}),
            _score("review", "defect seen, sound left alone", defects, {"no remark": _silent()}),
        ],
        tables={"not right": _wrong([*answered, *causes, *defects])},
    )


def seeded(folder: Path) -> Lake:
    """Return the lake that the questions speak of."""
    lake = Lake(folder / "lake")
    shape = dataclasses.replace(Shape(), project_id=PROJECT, project_name="Demo (simulated)")
    write(lake, world(seed=SEED, builds=BUILDS, tests=TESTS, days=DAYS, end=NOW, shape=shape))
    for _ in range(2):
        for mart in refresh.marts():
            refresh.refresh(lake, mart)
        predictions.score(lake, made_at=NOW)
    return lake


def _client(name: str) -> Client:
    """Return the client of the configured endpoint, for another model of it where one is named."""
    known = settings.load()
    model = replace(known.model, name=name or known.model.name)
    client = client_of(Lake(known.home / "lake"), replace(known, model=model))
    if why := client.why_not():
        raise UsageError(f"no model may be asked: {why}", hint="The page Settings tells its keys")
    return client


def _score(
    protocol: str, measure: str, outcomes: Sequence[Told], rivals: dict[str, float]
) -> Score:
    counts = Counter(one.kind for one in outcomes)
    unasked = sum(one.detail.startswith(BUDGET) for one in outcomes)
    note = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    note += f"; {unasked} not asked: over a budget of [model]" if unasked else ""
    return Score(protocol, measure, _right(outcomes), rivals, note=note)


def _right(outcomes: Sequence[Told]) -> float:
    return sum(one.kind == "right" for one in outcomes) / max(1, len(outcomes))


def _first_lines() -> float:
    """Return how often the first telling line names the cause, without any model."""
    logs = planted()[0]
    return sum(one.cause in explanation(one).lines[0].text for one in logs) / len(logs)


def _silent() -> float:
    """Return the score of who never remarks anything."""
    changes = planted()[1]
    return sum(one.line == 0 for one in changes) / len(changes)


def _wrong(outcomes: Iterable[Told]) -> pl.DataFrame:
    rows = [(one.question, one.kind, one.detail[:200]) for one in outcomes if one.kind != "right"]
    return pl.DataFrame(rows, schema=["what", "kind", "answer or reason"], orient="row")


PROTOCOL = Protocol(
    "agents",
    "how the configured model answers, explains and reviews, on questions and planted faults",
    (),
    run,
    takes_model=True,
)
