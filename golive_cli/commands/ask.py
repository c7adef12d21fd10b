"""`golive ask`: a question in plain English, answered from the lake, with the SQL that says how."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from golive_cli.output import Json, emit, say, show

if TYPE_CHECKING:
    from golive_agents.chat_assistant import Answer, Refusal
    from golive_agents.model_assistant import ModelAssistant
    from golive_agents.plan import Plan

ROWS_SHOWN = 50


def command(
    question: Annotated[
        list[str] | None, typer.Argument(help="Without it, questions are read line by line.")
    ] = None,
    project: Annotated[str, typer.Option(help="One project only.")] = "",
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL and do not run it.")] = False,
    as_of: Annotated[str, typer.Option(help="The lake as it was then, ISO 8601.")] = "",
    no_model: Annotated[bool, typer.Option("--no-model", help="Ask no language model.")] = False,
    as_json: Json = False,
) -> None:
    """Answer a question: golive ask "which pipeline fails most often?"."""
    from golive_agents.chat_assistant import Assistant, Refusal
    from golive_cli.commands.sql import instant
    from golive_core.lake import Lake
    from golive_core.settings import home

    assistant = Assistant(Lake(home() / "lake"), project=project, as_of=instant(as_of))
    model = None if no_model or as_of or project else _model()
    previous: Plan | None = None
    is_refused = False
    for text in [" ".join(question)] if question else _lines():
        found = assistant.ask(text, previous=previous)
        previous = previous if isinstance(found, Refusal) else found.plan
        if isinstance(found, Refusal) and model:
            found = _by_model(model, text, found)
        is_refused = isinstance(found, Refusal)
        _tell(found, as_json=as_json, sql_only=sql)
    if is_refused:
        raise typer.Exit(1)


def _model() -> ModelAssistant | None:
    """Return who is asked what the grammar cannot read, if a model may be asked."""
    from assets.model_calls import client_of
    from golive_agents.model_assistant import ModelAssistant
    from golive_core import settings
    from golive_core.lake import Lake

    known = settings.load()
    if not known.model.is_configured or not known.model.may_send:
        return None
    lake = Lake(known.home / "lake")
    return ModelAssistant(lake, client_of(lake, known))


def _by_model(model: ModelAssistant, text: str, refused: Refusal) -> Answer | Refusal:
    """Return the answer of a model, with its SQL for all to see, or why neither knows."""
    from golive_agents.chat_assistant import Refusal
    from golive_agents.plan import Plan

    found = model.ask(text, previous=Plan("", "list"))
    if isinstance(found, Refusal):
        return Refusal(text, f"{refused.reason} The model: {found.reason}", refused.suggestions)
    say(f"A model wrote this SELECT; read it before you believe the rows:\n{found.sql}")
    return found


def _lines() -> Iterator[str]:
    """Yield the questions of standard input; a person is prompted."""
    is_person = sys.stdin.isatty()
    while True:
        if is_person:
            typer.echo("? ", nl=False, err=True)
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def _tell(found: Answer | Refusal, *, as_json: bool, sql_only: bool) -> None:
    from golive_agents.chat_assistant import Refusal

    if as_json:
        emit(_plain(found))
    elif isinstance(found, Refusal):
        say(found.reason)
        for one in found.suggestions:
            say(f"  You could ask: {one}")
    elif sql_only:
        typer.echo(found.sql)
    else:
        typer.echo(found.sentence)
        if found.chart != "number" and not found.rows.is_empty():
            show(found.rows.columns, found.rows.head(ROWS_SHOWN).rows())
        say("The SQL of this answer: add --sql")


def _plain(found: Answer | Refusal) -> dict[str, Any]:
    from golive_agents.chat_assistant import Refusal

    if isinstance(found, Refusal):
        return {"question": found.question, "refused": found.reason,
                "suggestions": list(found.suggestions)}  # fmt: skip
    return {
        "question": found.question, "sentence": found.sentence, "sql": found.sql,
        "period": found.period, "value": found.value, "unit": found.unit,
        "rows": found.rows.to_dicts(),
    }  # fmt: skip
