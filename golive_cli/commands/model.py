"""`golive model`: who scores each project, how well, since when; and one command to go back."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from assets.learning.standing import Standing
    from assets.learning.steps import Bench


class What(StrEnum):
    """What can be done with learned models."""

    LIST = "list"
    CARD = "card"
    HISTORY = "history"
    ROLLBACK = "rollback"


def command(
    what: Annotated[What, typer.Argument(help="What to do.")] = What.LIST,
    name: Annotated[str, typer.Argument(help="The model; see list.")] = "",
    project: Annotated[str, typer.Option(help="One project only.")] = "",
    to: Annotated[str, typer.Option(help="rollback: a version of history, or heuristic.")] = "",
    reason: Annotated[str, typer.Option(help="rollback: why, for the record.")] = "",
    limit: Annotated[int, typer.Option(help="history: at most so many.", min=1)] = 50,
    as_json: Json = False,
) -> None:
    """Show who scores each project and how well; go back to the version before."""
    if what is What.LIST:
        _list(name, project, as_json)
    elif not name:
        raise UsageError("names no model", hint=f"golive model {what} NAME; see golive model list")
    elif what is What.CARD:
        _card(name, project, as_json)
    elif what is What.HISTORY:
        _history(name, project, limit, as_json)
    else:
        _rollback(name, project, to, reason, as_json)


def _bench(name: str) -> Bench:
    from assets.learning.steps import Bench
    from golive_core import settings
    from golive_core.lake import Lake
    from models.learned import find

    found = settings.load()
    return Bench(Lake(found.home / "lake"), found.home, find(name), found.cores)


def _standings(bench: Bench, project: str) -> list[Standing]:
    from assets.learning.standing import standings

    found = [one for one in standings(bench) if project in ("", one.project_id)]
    if project and not found:
        raise UsageError(f"there is no project {project!r} with cases", where=bench.model.table,
                         hint="See golive status; golive run makes the cases")  # fmt: skip
    return found


def _list(name: str, project: str, as_json: bool) -> None:
    from models.learned import learned_models

    names = [name] if name else list(learned_models())
    rows = [
        _row(bench.model.name, one)
        for bench in map(_bench, names) for one in _standings(bench, project)
    ]  # fmt: skip
    if as_json:
        emit(rows)
    elif rows:
        columns = ("model", "project", "who scores", "since", "cases", "loss", "rival's", "lift",
                   "why")  # fmt: skip
        show(columns, [_cells(row) for row in rows])
    else:
        say("No project has cases to learn from yet; golive run makes them.")
    for row in rows:
        if row["trouble"]:
            say(f"Warning: {row['model']} of {row['project_id']}: {row['trouble']}")


def _row(model: str, one: Standing) -> dict[str, Any]:
    return {
        "model": model, "project_id": one.project_id, "by": one.by, "is_learned": one.is_learned,
        "since": one.since or None, "reason": one.reason, "trouble": one.trouble,
        "metrics": dict(one.evaluation.metrics) if one.evaluation else {},
    }  # fmt: skip


def _cells(row: dict[str, Any]) -> list[object]:
    said = row["metrics"]
    figures: list[object] = [None] * 4
    if said:
        lift = f"{100 * said['lift']:.1f} %"
        figures = [said["rows"], said["learned"], said["heuristic"], lift]
    since = datetime.fromisoformat(row["since"]) if row["since"] else None
    return [row["model"], row["project_id"], row["by"], since, *figures, row["reason"]]


def _card(name: str, project: str, as_json: bool) -> None:
    from assets.learning.standing import subject
    from models.card import card

    bench = _bench(name)
    text = card(bench.model, [subject(bench, one) for one in _standings(bench, project)])
    if as_json:
        emit({"model": name, "markdown": text})
    else:
        typer.echo(text, nl=False)


def _history(name: str, project: str, limit: int, as_json: bool) -> None:
    from assets.learning.records import history
    from golive_core import settings
    from golive_core.lake import Lake

    rows = history(Lake(settings.load().home / "lake"), name, project, limit)
    if as_json:
        emit(rows)
    elif rows:
        cells = [
            (one["at"], one["kind"], one["project_id"], one["model_id"], one["rows"],
             one["parameters"].get("by"), one["reason"]) for one in rows
        ]  # fmt: skip
        show(("at", "step", "project", "version", "cases", "by", "why"), cells)
    else:
        say(f"Nothing is recorded of {name}; see golive model list.")


def _rollback(name: str, project: str, to: str, reason: str, as_json: bool) -> None:
    from assets.learning.steps import HOLD, rollback
    from golive_cli.person import user

    bench = _bench(name)
    project = project or _only(bench)
    turn = rollback(bench, project, to=to, by=user(), made_at=datetime.now(UTC), reason=reason)
    by = turn.model_id or bench.model.heuristic_name
    if as_json:
        emit({"model": name, "project_id": project, "by": by, "at": turn.at, "reason": turn.reason})
        return
    say(f"{by} scores {project} from now on; golive run brings predictions up to date. "
        f"Nothing else of the same code is promoted in the next {HOLD.days} days.")  # fmt: skip


def _only(bench: Bench) -> str:
    """Return the one project with a learned champion; raises UsageError if there are several."""
    found = [one.project_id for one in _standings(bench, "") if one.is_learned]
    if len(found) == 1:
        return found[0]
    if not found:
        raise UsageError("nothing to roll back: the heuristic scores everywhere",
                         where=bench.model.name, hint="See golive model list")  # fmt: skip
    raise UsageError("which project?", hint=f"Add --project {'|'.join(found)}")
