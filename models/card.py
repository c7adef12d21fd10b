"""The card of a learned model, as Markdown: what it predicts, from what, how well, and what not.

After Mitchell et al., "Model Cards for Model Reporting", 2019. Everything in it is read from the
model's declaration, from evaluations and from manifests; nothing is written by hand twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models import gate, walk_forward
from models.learned import LearnedModel
from models.store import Manifest


@dataclass(frozen=True, slots=True)
class Subject:
    """One project on the card: who scores it, its newest evaluation, the champion's manifest."""

    project_id: str
    by: str
    reason: str
    metrics: Mapping[str, Any]
    champion: Manifest | None = None


def card(model: LearnedModel, subjects: Sequence[Subject]) -> str:
    """Return the card with the figures of the given projects."""
    parts = (
        _head(model), _features(model), _data(model), _figures(model, subjects),
        _calibration(subjects), _champions(subjects), _limits(model),
    )  # fmt: skip
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(model: LearnedModel) -> str:
    return (
        f"# {model.name}: {model.title}\n\n"
        f"`models/{model.name}.py` learns from the rows of `{model.table}`, project by project. "
        f"Until it wins a comparison on a project's own past, {model.heuristic_name} answers there."
    )


def _features(model: LearnedModel) -> str:
    rows = [(f"`{name}`", means) for name, means in model.features.items()]
    return f"## Features\n{table(('feature', 'what it is'), rows)}"


def _data(model: LearnedModel) -> str:
    steps, warm = walk_forward.STEPS, walk_forward.WARM_UP
    return (
        "## Data and gate\n"
        f"Cases with a known end of the last {model.window_days} days, at most "
        f"{model.max_rows:,}; at least {model.fewest_rows}, and {model.fewest_events} of the rarer "
        f"kind. The newer {100 * (1 - warm):.0f} % are cut into {steps} steps; each is forecast by "
        "fits to what was known before it. It takes over where it wins "
        f"{100 * gate.WIN:.0f} % of {walk_forward.RESAMPLES:,} paired resamples of "
        f"whole groups (`{model.group}`) and beats the constant forecast, and gives way where it "
        "wins fewer than "
        f"{100 * gate.STAY:.0f} %."
    )


def _figures(model: LearnedModel, subjects: Sequence[Subject]) -> str:
    columns = (
        "project", "cases", "events", "groups", "from", "to", model.loss, model.heuristic_name,
        "constant", "lift, 90 % interval", "AP", "its AP",
    )  # fmt: skip
    rows = [
        (
            one.project_id, said["rows"], said["events"], said["groups"], said["first_at"][:10],
            said["last_at"][:10], f"{said['learned']:.4f}", f"{said['heuristic']:.4f}",
            f"{said['constant']:.4f}",
            f"{100 * said['lift']:.1f} % ({100 * said['lift_low']:.1f} to "
            f"{100 * said['lift_high']:.1f})",
            f"{said['precision']:.3f}", f"{said['precision_heuristic']:.3f}",
        )
        for one in subjects if (said := one.metrics)
    ]  # fmt: skip
    if not rows:
        return "## Figures\nNo project has been evaluated yet."
    return f"## Figures\nWalk-forward, on the same cases.\n\n{table(columns, rows)}"


def _calibration(subjects: Sequence[Subject]) -> str:
    columns = ("project", "ECE", "by chance up to", "its rival's ECE", "Brier", "constant's Brier")
    names = ("ece", "ece_chance", "ece_heuristic", "brier", "brier_constant")
    rows = [
        (one.project_id, *(f"{one.metrics[name]:.4f}" for name in names))
        for one in subjects if one.metrics
    ]  # fmt: skip
    if not rows:
        return ""
    return (
        "## Calibration\nA line on the log odds, fitted to walk-forward forecasts. Expected "
        f"calibration error over ten bins.\n\n{table(columns, rows)}"
    )


def _champions(subjects: Sequence[Subject]) -> str:
    rows = [
        (
            one.project_id, f"`{one.by}`" if one.champion else one.by,
            one.champion.trained_at[:16].replace("T", " ") if one.champion else "-",
            one.champion.rows if one.champion else "-",
            one.champion.code_version if one.champion else "-",
            one.champion.data_hash if one.champion else "-", one.reason,
        )
        for one in subjects
    ]  # fmt: skip
    columns = ("project", "who scores", "fitted at, UTC", "cases", "code", "data", "why")
    return f"## Who scores\n{table(columns, rows)}" if rows else ""


def _limits(model: LearnedModel) -> str:
    return "## Limits\n" + "\n".join(f"- {one}" for one in model.limits) if model.limits else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; bars in cells are escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )
