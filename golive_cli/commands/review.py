"""`golive review`: what is risky in a change, with the numbers, and findings on its new lines."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, messages, say, show

if TYPE_CHECKING:
    from golive_agents.change import Change
    from golive_agents.remarks import Worded
    from golive_agents.review import FileRisk, Review
    from golive_core.lake import Lake

FILES_SHOWN = 20


def command(
    span: Annotated[
        str, typer.Argument(metavar="RANGE", help="main...HEAD, A..B, or one commit.")
    ] = "HEAD",
    repo: Annotated[Path, typer.Option(help="The repository.")] = Path(),
    sarif: Annotated[list[Path] | None, typer.Option(help="A SARIF file; repeat.")] = None,
    project: Annotated[str, typer.Option(help="Whose history; else that of its commits.")] = "",
    propose: Annotated[
        bool, typer.Option("--propose", help="Propose it as a comment on the change request.")
    ] = False,
    no_model: Annotated[bool, typer.Option("--no-model", help="Ask no language model.")] = False,
    as_json: Json = False,
) -> None:
    """Review a change: golive review main...HEAD. Nothing of the repository is run."""
    from golive_agents.analysing import by_ruff, by_sarif
    from golive_agents.change import Clone
    from golive_agents.code_reviewer import Reviewer
    from golive_core.lake import Lake
    from golive_core.settings import home

    lake, clone = Lake(home() / "lake"), Clone(repo)
    change = clone.change(span)
    analysed = [by_sarif(sarif or [], change), by_ruff(clone, change)]
    forecasts, why = _forecasts(lake, change, project, clone.top)
    found = Reviewer(lake, project=project).review(
        change, clone, analysed=analysed, forecasts=forecasts, no_forecast=f"a forecast: {why}"
    )
    if not as_json:
        _tell(found)
    worded = _worded(found, change, no_model=no_model, quiet=as_json)
    if as_json:
        emit({**found.document(), "worded": asdict(worded)})
    if propose:
        _propose(found, worded, lake)


def _worded(found: Review, change: Change, *, no_model: bool, quiet: bool) -> Worded:
    """Ask a model, if one may be asked, for remarks; what is known stands already."""
    from assets.model_calls import client_of
    from golive_agents.remarks import Worded, remark
    from golive_core import settings
    from golive_core.lake import Lake

    known = settings.load()
    if no_model or not known.model.is_configured:
        return Worded(reason="no model is asked")
    client = client_of(Lake(known.home / "lake"), known)
    with messages().status(f"{known.model.name} is asked ..."):
        worded = remark(found, change, client)
    if worded.reason:
        say(f"No remarks of a model: {worded.reason}")
    elif not quiet:
        _remarked(worded, known.model.name)
    return worded


def _remarked(worded: Worded, model: str) -> None:
    typer.echo(f"\n{model} remarks (a second pass could not refute it; check it yourself):")
    for one in worded.remarks:
        typer.echo(f"- {one.cite} {one.text}\n    Check: {one.check}\n    {one.why_it_stands}")
    if not worded.remarks:
        typer.echo("- nothing that stands")
    for why in worded.dropped:
        say(f"Dropped: {why}")


def _propose(found: Review, worded: Worded, lake: Lake) -> None:
    """Put the review into the queue as a comment; a person decides."""
    from golive_agents.evidence import Evidence
    from golive_agents.review_comment import comment
    from golive_cli import proposing

    proposal = comment(found, Evidence(lake), worded)
    proposing.put(lake, proposal, where=found.name, whose="its head or branch")


def _forecasts(
    lake: Lake, change: Change, project: str, folder: Path
) -> tuple[list[dict[str, Any]], str]:
    """Return what is forecast of a build of the change, or why nothing is."""
    from golive_cli.commands.predict import forecasts
    from golive_core.errors import UsageError

    span = f"{change.base}..{change.head}" if change.base else change.head
    try:
        return forecasts(lake, span, project, folder).to_dicts(), ""
    except UsageError as error:
        return [], str(error)


def _tell(found: Review) -> None:
    size = found.size
    compared = f"; larger than {size.smaller:.0%} of the {size.of} commits before" if (
        size.smaller is not None) else ""  # fmt: skip
    typer.echo(
        f"{found.name}: {size.files} files in {size.folders} folders, +{size.insertions} "
        f"-{size.deletions}{compared}"
    )
    for one in found.forecasts:
        typer.echo(
            f"P({one.pipeline_id} fails) = {one.probability:.0%} "
            f"({one.low:.0%} to {one.high:.0%}, {one.told_by}): {'; '.join(one.reasons[:3])}"
        )
    _files(found)
    if found.tests:
        show(
            ["test", "verdict", "P(flaky)", "because of", "rows"],
            [(one.title, one.verdict, one.probability, one.path, str(one.cite))
             for one in found.tests],
            title="\nTests touched that are not healthy",
        )  # fmt: skip
    _findings(found)
    for why in found.unknown:
        say(f"Not known: {why}")


def _files(found: Review) -> None:
    show(
        ["file", "", "lines", "commits (90 d)", "owner", "mended", "new to author", "broke builds",
         "covered"],
        [(one.path, one.kind, f"+{one.insertions} -{one.deletions}", _commits(one), _owner(one),
          _mended(one), one.is_new_to_authors, _broke(one), _share(one.coverage))
         for one in found.files[:FILES_SHOWN]],
        title="\nWhat the year before says of the files",
    )  # fmt: skip
    more = len(found.files) - FILES_SHOWN
    if more > 0:
        say(f"And {more} more files: --json has all.")
    if found.broke_share is not None:
        say(f"Of first builds of all commits {found.broke_share:.1%} broke what was green.")


def _findings(found: Review) -> None:
    if found.findings:
        show(
            ["line", "kind", "severity", "finding", "from"],
            [(one.cite, one.kind, one.severity, f"{one.tool} {one.rule}: {one.text}", one.source)
             for one in found.findings],
            title="\nFindings on new lines",
        )  # fmt: skip
    else:
        typer.echo("\nNo analyser found anything on a new line.")


def _commits(one: FileRisk) -> str:
    return "" if one.commits is None else f"{one.commits} ({one.commits_90d})"


def _owner(one: FileRisk) -> str:
    return f"{one.owner} {one.owner_share:.0%}" if one.owner and one.owner_share else ""


def _mended(one: FileRisk) -> str:
    return f"{one.mended}, last {one.last_mended[:50]}" if one.mended and one.last_mended else ""


def _broke(one: FileRisk) -> str:
    return f"{one.broke} of {one.builds}" if one.builds else ""


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
