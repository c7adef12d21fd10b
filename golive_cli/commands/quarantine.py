"""`golive quarantine export`: flaky tests to set aside, in a file that people review and edit."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import plain, say
from golive_core.errors import UsageError

if TYPE_CHECKING:
    import polars as pl

    from golive_actions.codeowners import Owners
    from golive_core.lake import Lake


class What(StrEnum):
    """What can be done with the quarantine."""

    EXPORT = "export"


class Form(StrEnum):
    """How the file is written."""

    YAML = "yaml"
    JSON = "json"


def command(
    what: Annotated[What, typer.Argument(help="export: write the file.")],
    project: Annotated[str, typer.Option(help="One project only.")] = "",
    form: Annotated[Form, typer.Option("--format", help="How the file is written.")] = Form.YAML,
    out: Annotated[
        str, typer.Option(help="The file; - is stdout. Default: golive-quarantine.yaml or .json.")
    ] = "",
    days: Annotated[int, typer.Option(help="Days until a new entry expires.", min=1, max=90)] = 14,
    repository: Annotated[Path, typer.Option(help="Where CODEOWNERS is looked for.")] = Path(),
) -> None:
    """Write the flaky tests with owner, reason, evidence and expiry; merge what people edited."""
    from golive_cli import quarantine
    from golive_core.lake import Lake
    from golive_core.settings import home

    del what  # export is the only word so far
    path = None if out == "-" else Path(out or f"golive-quarantine.{form}")
    old = quarantine.read(path) if path else []
    today = quarantine.today()
    lake = Lake(home() / "lake")
    found = _judged(lake, project)
    fresh = _fresh(lake, found, _owners(repository), days)
    merged = quarantine.merge(old, fresh, _state(found), today)
    for message in [*_held(found), *merged.messages]:
        say(message)
    text = quarantine.write(merged.entries, form)
    if path is None:
        typer.echo(text, nl=False)
        return
    _save(path, text)
    say(f"{path}: {len(merged.entries)} tests in quarantine")


def _judged(lake: Lake, project: str) -> pl.DataFrame:
    from assets.quarantine import judged

    if (
        project
        and not lake.query("select 1 from core.projects where project_id = ?", [project]).height
    ):
        raise UsageError(f"there is no project {project!r}", hint="See golive status")
    found = judged(lake, project)
    if not found.height:
        raise UsageError(
            "nothing has been judged yet", where="predictions.flaky",
            hint="Run golive run, or golive up, first",
        )  # fmt: skip
    return found


def _owners(repository: Path) -> Owners | None:
    from golive_actions.codeowners import PLACES, Owners

    for place in PLACES:
        if (repository / place).is_file():
            return Owners.parse((repository / place).read_text(encoding="utf-8", errors="replace"))
    return None


def _fresh(
    lake: Lake, found: pl.DataFrame, owners: Owners | None, days: int
) -> list[dict[str, Any]]:
    from assets.quarantine import last_flakes
    from golive_cli import quarantine
    from models.quarantine import allowed

    rows = found.filter(allowed()).to_dicts()
    flakes: dict[int, list[dict[str, Any]]] = {}
    for one in last_flakes(lake, [row["test_id"] for row in rows]).to_dicts():
        test = one.pop("test_id")
        flakes.setdefault(test, []).append({**one, "at": plain(one["at"])})
    today = quarantine.today()
    for row in rows:
        named = owners.of(row["file"]) if owners and row["file"] else []
        row["owner"] = " ".join(named) or row["project_owner"]
    return [quarantine.entry(row, flakes.get(row["test_id"], []), today, days) for row in rows]


def _state(found: pl.DataFrame) -> dict[tuple[str, ...], str]:
    """Return why each judged test may not be in quarantine, "" if it may."""
    return {
        (row["project_id"], row["suite"] or "", row["class_name"] or "", row["name"],
         row["parameters"] or ""): _why(row)
        for row in found.to_dicts()
    }  # fmt: skip


def _why(row: dict[str, Any]) -> str:
    from models.quarantine import LEAVE

    if row["verdict"] == "flaky":
        return row["hold"] or "" if row["doubt"] > LEAVE else ""
    if row["verdict"] == "broken":
        return f"broken since commit {row['broken_since_sha'] or 'unknown'}: mend it"
    if row["broken_attempts"]:
        return f"fails now, {row['broken_attempts']} attempts in a row: it could be a regression"
    return f"healed: {row['verdict']}, flaky with {100 * row['probability']:.0f} % only"


def _held(found: pl.DataFrame) -> list[str]:
    from golive_cli.commands.flaky import label

    held = found.filter(found["hold"].is_not_null())
    return [f"{label(row)} is flaky but held back: {row['hold']}" for row in held.to_dicts()]


def _save(path: Path, text: str) -> None:
    """Write the file whole or not at all: people's edits are in it."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{error.strerror}", where=str(path)) from error
