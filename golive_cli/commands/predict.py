"""`golive predict`: how probably builds to come fail, who says so, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from golive_cli.revisions import Wanted
    from golive_core.lake import Lake

COLUMNS = (
    "project_id", "subject_kind", "subject_id", "pipeline_id", "branch", "commit_sha", "build_id",
    "probability", "low", "high", "told_by", "is_learned", "lift", "is_built", "reasons", "cases",
    "as_of",
)  # fmt: skip
"""Columns of predictions.build_failure that are told."""
MINUTES_FROM_S = 120


def command(
    revision: Annotated[
        str, typer.Argument(help="Commit, tag, branch, HEAD, or a range; none lists what is open.")
    ] = "",
    branch: Annotated[str, typer.Option(help="The head of a branch.")] = "",
    change: Annotated[str, typer.Option(help="Number of a pull or merge request.")] = "",
    project: Annotated[str, typer.Option(help="Needed where there are several.")] = "",
    as_json: Json = False,
) -> None:
    """Tell how probably a build fails before it starts, with reasons and like past builds."""
    from golive_core.lake import Lake
    from golive_core.settings import home

    if sum(bool(one) for one in (revision, branch, change)) > 1:
        raise UsageError("a revision, --branch and --change each name one thing", hint="Give one")
    lake = Lake(home() / "lake")
    names = _projects(lake, project)
    if not (revision or branch or change):
        _list(lake, names, as_json=as_json)
        return
    from golive_cli.revisions import Wanted

    wanted = Wanted(names, revision, branch, change, Path.cwd())
    _tell(_with_durations(lake, _forecasts(lake, wanted)), as_json=as_json)


def _projects(lake: Lake, wanted: str) -> list[str]:
    """Return the project asked for, or all that have builds."""
    from golive_core.toml import near

    known = (
        lake.query("select distinct project_id from core.builds order by all")
        if lake.exists("core.builds")
        else None
    )
    names: list[str] = known["project_id"].to_list() if known is not None else []
    if not names:
        raise UsageError(
            "there are no builds yet", where="core.builds", hint="Run golive ingest first"
        )
    if wanted and wanted not in names:
        raise UsageError(f"no builds of a project {wanted!r}", hint=near(wanted, names))
    return [wanted] if wanted else names


def _list(lake: Lake, names: list[str], *, as_json: bool) -> None:
    """Show what predictions.build_failure holds, after bringing it up to date."""
    from assets.predictions.build_failure import update

    update(lake)
    found = lake.query(
        f"""select {", ".join(COLUMNS)} from predictions.build_failure
        where project_id in (select unnest(?))
        order by probability desc, project_id, subject_kind, subject_id, pipeline_id""",  # noqa: S608
        [names],
    )
    _tell(_with_durations(lake, found), as_json=as_json)


def _with_durations(lake: Lake, found: pl.DataFrame) -> pl.DataFrame:
    """Return the forecasts with how long each build is expected to take, null where unknown."""
    from assets.predictions.duration import expected

    return found.join(expected(lake), on=["project_id", "pipeline_id", "branch"], how="left")


def forecasts(lake: Lake, span: str, project: str, folder: Path) -> pl.DataFrame:
    """Return what is forecast of a revision or range of the repository in a folder.

    Raises UsageError where there are no builds, or it is unknown to the lake.
    """
    from golive_cli.revisions import Wanted

    return _forecasts(lake, Wanted(_projects(lake, project), span, "", "", folder))


def _forecasts(lake: Lake, wanted: Wanted) -> pl.DataFrame:
    from datetime import UTC, datetime

    from assets.predictions import build_failure, build_features
    from golive_cli.revisions import asked

    build_features.refresh(lake)
    at = build_features.instant(lake)
    assert at is not None  # noqa: S101 - there are builds
    now = build_failure.Now.of(lake, at)
    told = now.tell(asked(now, wanted), datetime.now(UTC))
    return told.select(COLUMNS).sort("probability", descending=True)


def _tell(found: pl.DataFrame, *, as_json: bool) -> None:
    rows = found.to_dicts()
    if as_json:
        emit(rows)
        return
    if not rows:
        say("Nothing is open: no branch moved in 14 days, nothing is queued, no change request.")
        return
    show(
        [
            "what",
            "pipeline",
            "P(fails)",
            "90 % interval",
            "told by",
            "takes",
            "why",
            "nearest past builds",
        ],
        [_cells(row) for row in rows],
    )


def _cells(row: dict[str, Any]) -> list[object]:
    sha = (row["commit_sha"] or "")[:10]
    again = ", a re-run" if row["is_built"] else ""
    name = {"build": "build", "branch": "branch", "change_request": "change request"}
    what = f"{name.get(row['subject_kind'], row['subject_kind'])} {row['subject_id']} {sha}{again}"
    return [
        what, row["pipeline_id"], f"{row['probability']:.0%}",
        f"{row['low']:.0%} to {row['high']:.0%}", _who(row), _takes(row), row["reasons"],
        row["cases"],
    ]  # fmt: skip


def _takes(row: dict[str, Any]) -> str:
    """Return the expected duration and its 90 % interval, in minutes or seconds."""
    if row["expected_s"] is None:
        return ""
    unit, size = ("min", 60) if row["expected_s"] >= MINUTES_FROM_S else ("s", 1)
    low, high = row["expected_low_s"] / size, row["expected_high_s"] / size
    return f"{row['expected_s'] / size:.3g} {unit} ({low:.3g} to {high:.3g})"


def _who(row: dict[str, Any]) -> str:
    if not row["is_learned"]:
        return f"heuristic: {row['told_by']}"
    return f"{row['told_by']}, {row['lift']:.0%} less loss than the heuristic"
