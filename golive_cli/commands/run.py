"""`golive run`: materialises assets in this process, with progress."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, say

if TYPE_CHECKING:
    from assets.steps import AssetStep, Step
    from golive_cli.progress import Board


class Engine(StrEnum):
    """What computes the marts."""

    DUCKDB = "duckdb"
    SPARK = "spark"


def command(
    selection: Annotated[
        str, typer.Argument(help='Assets, for example group:marts or +key:"marts/flaky_tests".')
    ] = "",
    engine: Annotated[
        Engine, typer.Option(help="What computes the marts; the rows are the same.")
    ] = Engine.DUCKDB,
    spark_master: Annotated[
        str, typer.Option(help="Address of a Spark cluster; by default Spark runs in this process.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Bring everything, or a selection of assets, up to date."""
    from golive_cli.folder import with_data
    from golive_cli.progress import Board
    from golive_dagster.run import run

    with_data()
    compute = None
    if engine is Engine.SPARK:
        from assets.spark import compute as spark

        compute = spark.engine(spark_master)
    with Board() as board:
        done = run(selection or None, progress=lambda step: show(board, step), compute=compute)
    if as_json:
        emit({
            "run_id": done.run_id, "success": done.success,
            "assets": {key: {"state": one.state, **one.counts} for key, one in done.steps.items()},
            "failures": [{"asset": one.asset, "message": one.message} for one in done.failures],
        })  # fmt: skip
    if not done.success:
        say("The run failed; golive doctor says what is wrong with the sources.")
        raise typer.Exit(1)


def show(board: Board, step: Step | AssetStep) -> None:
    """Show a step of loading or of a run on the board."""
    from assets.steps import AssetStep
    from golive_cli.progress import counted

    if not isinstance(step, AssetStep):
        board.update(
            f"{step.phase} {step.instance}", counted({"payloads": step.payloads, "rows": step.rows})
        )
    elif step.state == "started":
        board.update(step.asset)
    elif step.state == "done":
        board.end(step.asset, counted(step.counts))
    else:
        board.fail(step.asset, step.message)
