"""`golive evaluate`: scores of the models on labelled data, beside their rivals."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, messages, say, show

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

    from models.evaluate import Outcome, Protocol, Score


PACKAGES = ("models.protocols", "assets.protocols")
"""Where protocols are: those that need a lake are among the assets."""


def command(
    name: Annotated[str, typer.Argument(help="The protocol; none lists them.")] = "",
    data: Annotated[
        Path | None,
        typer.Argument(help="Parquet, CSV or JSON lines with its columns, or seeds: 1,2,3."),
    ] = None,
    model: Annotated[
        str, typer.Option(help="A model of the endpoint under [model], for agents.")
    ] = "",
    plot: Annotated[Path | None, typer.Option(help="Where to write the reliability plot.")] = None,
    as_json: Json = False,
) -> None:
    """Run a published protocol on a file of labelled data and print ours beside the baselines."""
    from golive_core.errors import UsageError
    from models import evaluate

    if not name:
        known = list(evaluate.protocols(PACKAGES).values())
        if as_json:
            emit([{"name": one.name, "title": one.title, "columns": one.columns} for one in known])
            return
        rows = [(one.name, one.title, ", ".join(one.columns) or "none") for one in known]
        show(["name", "what it tells", "columns of DATA"], rows)
        return
    protocol = evaluate.find(name, PACKAGES)
    if data is None and protocol.columns:
        raise UsageError(f"{name} needs a file", hint=f"Columns: {', '.join(protocol.columns)}")
    if model and not protocol.takes_model:
        raise UsageError(f"{name} asks no language model", hint="golive evaluate agents --model")
    found = _data(data, protocol, model)
    with messages().status(f"{protocol.title} ...") as status:
        outcome = protocol.run(found, lambda step: status.update(f"{name}: {step}"))
    _tell(outcome, as_json=as_json)
    if outcome.curves:
        from models.reliability_plot import write

        say(f"Reliability plot: {write(outcome.curves, plot or Path(f'reliability-{name}.svg'))}")


def _data(data: Path | None, protocol: Protocol, model: str) -> pl.DataFrame:
    """Return the rows of the file, or of the seeds or the model where the protocol takes some."""
    import polars as pl

    from models import evaluate

    if model:
        return pl.DataFrame({"model": [model]})
    if data is None:
        return evaluate.nothing()
    seeds = evaluate.seeded(str(data)) if protocol.takes_seeds and not data.exists() else None
    return evaluate.read(data, protocol) if seeds is None else seeds


def _tell(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        emit({
            "scores": [_document(score) for score in outcome.scores],
            "tables": {name: table.to_dicts() for name, table in outcome.tables.items()},
        })  # fmt: skip
        return
    show(
        ["protocol", "measure", "GoLive", "same run", "published", "goal", "met", "note"],
        [
            (one.protocol, one.measure, f"{one.value:.3f}", _rivals(one.rivals), one.published,
             _goal(one), one.is_met, one.note)
            for one in outcome.scores
        ],
    )  # fmt: skip
    for name, table in outcome.tables.items():
        show(table.columns, table.rows(), title=name)


def _rivals(rivals: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in rivals.items())


def _goal(one: Score) -> str:
    if one.goal is None:
        return ""
    return f"{'<=' if one.is_low_good else '>='} {one.goal:.3g}"


def _document(one: Score) -> dict[str, object]:
    return {
        "protocol": one.protocol, "measure": one.measure, "value": one.value,
        "rivals": dict(one.rivals), "published": one.published, "goal": one.goal,
        "is_met": one.is_met, "note": one.note,
    }  # fmt: skip
