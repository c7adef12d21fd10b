"""`golive explain`: why a failure, a build or a log failed, with the evidence for each claim."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, ago, emit, messages, say, show

if TYPE_CHECKING:
    from golive_agents.diagnosis import Diagnosis
    from golive_agents.explanation import Explanation, Past, Suspects


def command(  # noqa: PLR0913, PLR0917 - its options
    subject: Annotated[str, typer.Argument(help="A log file, or the id of a build or failure.")],
    good: Annotated[Path | None, typer.Option(help="The log of a good run, for a file.")] = None,
    project: Annotated[str, typer.Option(help="One project's history only.")] = "",
    as_of: Annotated[str, typer.Option(help="The lake as it was then, ISO 8601.")] = "",
    propose: Annotated[
        bool, typer.Option("--propose", help="Propose it as a comment on the change request.")
    ] = False,
    no_model: Annotated[bool, typer.Option("--no-model", help="Ask no language model.")] = False,
    patch: Annotated[
        bool, typer.Option("--patch", help="Ask the model for a patch; shown if the test passes.")
    ] = False,
    run: Annotated[str, typer.Option(help="The failing test as a command, for --patch.")] = "",
    runs: Annotated[int, typer.Option(help="Runs it has to pass with it.", min=1, max=50)] = 3,
    repo: Annotated[Path, typer.Option(help="The repository, for --patch.")] = Path(),
    as_json: Json = False,
) -> None:
    """Explain a failure: golive explain build.log, golive explain 'shop-ci/build#42'."""
    from golive_agents.error_resolver import Resolver
    from golive_cli.commands.sql import instant
    from golive_core.lake import Lake
    from golive_core.settings import home

    resolver = Resolver(Lake(home() / "lake"), project=project, as_of=instant(as_of))
    found = resolver.file(Path(subject), good) if good else resolver.explain(subject)
    if not as_json:
        _tell(found)
    if patch:
        from golive_cli.patching import patched

        mended = patched(found, repo=repo, command=run, runs=runs)
        emit({**found.document(), **mended}) if as_json else typer.echo(f"\n{mended['patch']}")
        return
    said = _worded(found, no_model=no_model, quiet=as_json)
    if as_json:
        emit({**found.document(), "diagnosis": asdict(said) if said else None})
    if propose:
        _propose(found, said)


def _worded(found: Explanation, *, no_model: bool, quiet: bool) -> Diagnosis | None:
    """Ask a model, if one may be asked, for a worded diagnosis; the evidence stands already."""
    from assets.model_calls import client_of
    from golive_agents.diagnosis import diagnose
    from golive_core import settings
    from golive_core.lake import Lake

    known = settings.load()
    if no_model or not known.model.is_configured:
        return None
    client = client_of(Lake(known.home / "lake"), known)
    with messages().status(f"{known.model.name} is asked ..."):
        reply = diagnose(found, client)
    if reply.value is None:
        say(f"No worded diagnosis: {reply.reason}")
        return None
    if not quiet:
        _said_by_model(reply.value)
    return reply.value


def _propose(found: Explanation, said: Diagnosis | None) -> None:
    """Put the explanation into the queue as a comment; a person decides."""
    from golive_agents.evidence import Evidence
    from golive_agents.proposing import comment
    from golive_cli import proposing
    from golive_core.lake import Lake
    from golive_core.settings import home

    lake = Lake(home() / "lake")
    proposal = comment(found, Evidence(lake), said)
    proposing.put(lake, proposal, where=found.id, whose="its commit or branch")


def _said_by_model(found: Diagnosis) -> None:
    typer.echo(f"\n{found.model} says ({found.confidence:.0%} sure; check it against the lines):")
    for claim in found.claims:
        typer.echo(f"- {claim.text} [{'; '.join(claim.cites)}]")
    if found.culprit:
        typer.echo(f"- Likeliest commit: {found.culprit[:10]}")
    typer.echo(f"- Next: {found.step.text}")


def _tell(found: Explanation) -> None:
    typer.echo(found.title)
    for note in found.notes:
        say(note)
    if found.lines:
        show(
            ["line", "level", "what it says", "why it is shown"],
            [(one.cite, one.level, one.text[:240], "; ".join(one.reasons)) for one in found.lines],
            title="\nTelling lines",
        )
    if found.tests:
        typer.echo(f"\nFailed with it: {_tests(found)}")
    if found.suspects:
        _accused(found.suspects)
    if found.past:
        _remembered(found.past)
    if found.tickets:
        show(
            ["alike", "ticket", "status", "title"],
            [(f"{one.likeness:.0%}", one.key, one.status, one.title) for one in found.tickets],
            title="\nTickets that read alike",
        )
    _concluded(found)


def _concluded(found: Explanation) -> None:
    if found.cause:
        cause = found.cause
        typer.echo(f"\nCause: {cause.name} ({cause.confidence:.0%}), from “{cause.evidence}”")
    if found.next_step:
        step = found.next_step
        typer.echo(f"\nNext: {step.text}\n      because {step.basis}")
        typer.echo(f"      {step.command}" if step.command else "")
    if found.cites:
        say(f"Rests on {', '.join(str(one) for one in found.cites)}")


def _tests(found: Explanation) -> str:
    named = [
        f"{one.title} ({one.verdict} {one.probability:.0%})"
        if one.verdict and one.probability is not None
        else one.title
        for one in found.tests[:5]
    ]
    more = len(found.tests) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


def _accused(suspects: Suspects) -> None:
    title = (
        f"\nWhich of the {suspects.of} commits after {suspects.good_sha[:10]} broke it "
        f"(none of them: {suspects.elsewhere:.0%}); {suspects.basis}"
    )
    show(
        ["probability", "commit", "author", "when", "subject", "failed", "passed"],
        [(f"{one.probability:.1%}", one.sha[:10], one.author, ago(one.committed_at), one.subject,
          one.failed, one.passed) for one in suspects.commits],
        title=title,
    )  # fmt: skip


def _remembered(past: Sequence[Past]) -> None:
    show(
        ["alike", "failure", "ended before by", "rows"],
        [(f"{one.likeness:.0%}", _said(one), _ended(one), str(one.cite)) for one in past],
        title="\nFailures of the past that read alike",
    )


def _said(one: Past) -> str:
    first = (one.message or "").strip().partition("\n")[0][:120]
    return f"{one.type or 'failure'}: {first}"


def _ended(one: Past) -> str:
    return "\n".join(
        f"{fix.good_sha[:10]} {fix.subject or ''} ({fix.author or 'unknown'})" for fix in one.fixes
    )
