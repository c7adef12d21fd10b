"""`golive generate-tests`: tests that were run, found stable, and scored by mutants they kill."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from golive_cli.output import Json, emit, messages, say, show
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from golive_agents.calls import Reply
    from golive_agents.targets import Target
    from golive_agents.test_generator import Generated, Laboratory, Writer
    from golive_agents.test_writing import Candidate

SURVIVORS_SHOWN = 10


def command(  # noqa: PLR0913, PLR0917 - its options
    what: Annotated[str, typer.Argument(help="A Python file, a range, or an OpenAPI file.")],
    repo: Annotated[Path, typer.Option(help="The repository.")] = Path(),
    runs: Annotated[int, typer.Option(help="Runs that a test has to pass.", min=1, max=50)] = 3,
    mutants: Annotated[int, typer.Option(help="Mutants at most, of each file.", min=0)] = 60,
    write: Annotated[Path | None, typer.Option(help="Write the tests into this folder.")] = None,
    base: Annotated[str, typer.Option(help="Server of an OpenAPI file; else its own.")] = "",
    python: Annotated[str, typer.Option(help="Python with the project and pytest in it.")] = "",
    gaps: Annotated[
        bool, typer.Option("--gaps", help="Only of functions with lines that no test runs.")
    ] = False,
    project: Annotated[str, typer.Option(help="Whose coverage is meant, of several.")] = "",
    no_model: Annotated[bool, typer.Option("--no-model", help="Ask no language model.")] = False,
    as_json: Json = False,
) -> None:
    """Write tests: golive generate-tests shop/cart.py. They are run in a work tree of their own."""
    from golive_cli.rest_writing import FORMATS, from_description
    from golive_cli.test_writing import Asked, file_of, generated

    asked = Asked(what, repo, runs, mutants, python, project, gaps)
    file = file_of(asked)
    if file and file.suffix in FORMATS:
        from_description(file, base=base, runs=runs, write=write, as_json=as_json)
        return
    found: list[Generated] = []
    with messages().status("tests are written and tried ...") as status:
        for one in generated(asked, _writers(no_model=no_model)):
            status.update(f"{one.path} is done ...")
            found.append(one)
    if as_json:
        emit([one.document() for one in found])
    else:
        for one in found:
            _tell(one, is_printed=write is None)
    for one in found:
        if write and one.source:
            say(f"Written: {_written(one, write)}")
    if not any(one.kept for one in found):
        raise typer.Exit(1)


def _writers(*, no_model: bool) -> list[Writer]:
    from golive_agents.test_generator import by_calls, by_hypothesis

    return [by_calls, _properties(by_hypothesis), *([] if no_model else [_by_model])]


def _properties(writer: Writer) -> Writer:
    """Return the writer of properties, which does without hypothesis where there is none."""
    from golive_runner.sandbox.trial import TrialError

    def written(
        targets: Sequence[Target], laboratory: Laboratory
    ) -> tuple[list[Candidate], list[str]]:
        try:
            return writer(targets, laboratory)
        except TrialError as error:
            return [], [f"no properties: {error}"]

    return written


def _by_model(
    targets: Sequence[Target], laboratory: Laboratory
) -> tuple[list[Candidate], list[str]]:
    """Ask the configured model for tests of each function, if it may be asked."""
    from assets.model_calls import client_of
    from golive_agents.model_tests import write
    from golive_core import settings
    from golive_core.lake import Lake

    known = settings.load()
    if not known.model.is_configured:
        return [], []
    client = client_of(Lake(known.home / "lake"), known)
    observed = laboratory.observe(targets[0].module, [one.name for one in targets])
    found: list[Candidate] = []
    notes: list[str] = []
    for target in targets:
        own = [one for one in observed if one["function"] == target.name]
        reply: Reply[list[Candidate]] = write(target, own, (), client)
        found += reply.value or []
        notes += [] if reply.value else [f"{target.name}: no tests of a model: {reply.reason}"]
    return found, notes


def _written(found: Generated, folder: Path) -> Path:
    """Write the tests where none are yet; raises UsageError."""
    path = folder / f"test_{found.module.replace('.', '_')}_generated.py"
    if path.exists():
        raise UsageError("it is there already and is not overwritten", where=str(path),
                         hint="Move it away, or name another folder with --write")  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(found.source)
    return path


def _tell(found: Generated, *, is_printed: bool) -> None:
    say(
        f"{found.path}: {len(found.kept)} of {found.candidates} tests are kept; they kill "
        f"{found.killed} of {found.mutants} mutants of {', '.join(found.functions)}"
    )
    if found.kept:
        show(
            ["test", "how", "kills"],
            [(one.candidate.name, one.candidate.kind, one.kills) for one in found.kept],
        )
    for name in found.unstable:
        say(f"Not stable, left out: {name}")
    for one in found.survivors[:SURVIVORS_SHOWN]:
        say(f"No test notices {one.path}:{one.line} {one.before} -> {one.after}")
    more = len(found.survivors) - SURVIVORS_SHOWN
    if more > 0:
        say(f"And {more} more mutants that none notices: --json has all.")
    for note in found.notes:
        say(note)
    if is_printed and found.source:
        typer.echo(f"\n{found.source}")
