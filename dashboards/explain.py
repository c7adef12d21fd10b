"""Why it failed, as pages show it: next step, telling lines, culprits, what happened before.

What is known of a failure or a build belongs to `golive_agents/error_resolver.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape

import polars as pl
import streamlit as st

from assets.model_calls import client_of
from dashboards import charts, data, moment, reader, theme, words
from dashboards.data import Rows
from dashboards.scope import Scope
from golive_agents.calls import Reply
from golive_agents.diagnosis import Diagnosis, diagnose
from golive_agents.error_resolver import Resolver
from golive_agents.explanation import (
    Explanation,
    Past,
    ShownLine,
    Suspect,
    Suspects,
    Ticket,
)
from golive_core import settings
from golive_core.errors import GoLiveError
from golive_core.lake import Lake
from golive_core.settings import Settings
from golive_core.sight import Sight

LINES = 8
SUSPECTS = 3


def draw(scope: Scope, subject: str) -> None:
    """Draw the explanation of a build or a failure of the project."""
    try:
        sight = reader.sight()
        found = _explained(str(data.lake().root), data.version(), moment.as_of(),
                           scope.project.id, subject, sight.projects, sight.closed)  # fmt: skip
    except GoLiveError as error:
        st.html(theme.aside(str(error)))
        return
    with charts.figure("Why it failed", _rows(found), key="explain", note=_note(found)):
        _step(found)
        _lines(found.lines[:LINES])
        left, right = st.columns(2, gap="large")
        with left:
            _suspects(found.suspects, scope)
        with right:
            _past(found.past, scope)
            _tickets(found.tickets, scope)
        _worded(found)


@st.cache_data(show_spinner="Looking for the cause …", max_entries=64, ttl="1h")
def _explained(
    root: str, version: int, as_of: datetime | None, project: str, subject: str,
    projects: tuple[str, ...], closed: tuple[str, ...],
) -> Explanation:  # fmt: skip
    lake = Lake(root, Sight(projects, closed))
    return Resolver(lake, project=project, as_of=as_of).explain(subject)


def _worded(found: Explanation) -> None:
    """Offer to ask the configured model, and show what it said; the evidence stands above."""
    known = settings.load(settings.base_folder())
    is_asked = known.model.is_configured and moment.as_of() is None
    if not is_asked or not reader.may("perform", "actions", found.project_id):
        return
    key = f"worded-{found.id}-{data.version()}"
    if st.button(f"Ask {known.model.name} to word it", key=f"ask-{found.id}",
                 icon=":material/neurology:", type="tertiary"):  # fmt: skip
        st.session_state[key] = _ask(found, known)
    reply: Reply[Diagnosis] | None = st.session_state.get(key)
    if reply is None:
        return
    if reply.value is None:
        st.html(theme.aside(f"No worded diagnosis: {reply.reason}"))
        return
    said = reply.value
    items = [
        f"<div class='gl-line'>{escape(claim.text)} "
        f"{theme.quiet(escape('[' + '; '.join(claim.cites) + ']'))}</div>"
        for claim in said.claims
    ]
    head = f"{said.model} says, {said.confidence:.0%} sure; check it against the lines above"
    st.html(f"<div class='gl-eyebrow'>{escape(head)}</div>{theme.listed(items)}")


def _ask(found: Explanation, known: Settings) -> Reply[Diagnosis]:
    """Ask the model; how much has come is told meanwhile, the text only once it is checked."""
    told = st.empty()
    count = 0

    def heard(piece: str) -> None:
        nonlocal count
        count += len(piece)
        told.caption(f"{known.model.name} is answering: {count} characters so far")

    told.caption(f"{known.model.name} is asked …")
    try:
        return diagnose(found, client_of(data.lake(), known), heard)
    except GoLiveError as error:
        return Reply(None, str(error))
    finally:
        told.empty()


def _rows(found: Explanation) -> Rows:
    """Return the lines and culprits as rows, with the SQL that shows what they rest on."""
    lines = [("line", one.cite, one.text, one.score) for one in found.lines]
    named = found.suspects.commits if found.suspects else ()
    commits = [("culprit", one.sha, one.subject, one.probability) for one in named]
    past = [("alike", str(one.signature_id), one.message, one.likeness) for one in found.past]
    schema = {"kind": pl.String, "what": pl.String, "says": pl.String, "score": pl.Float64}
    frame = pl.DataFrame([*lines, *commits, *past], schema=schema, orient="row")
    sql = ";\n".join(cite.sql for cite in found.cites)
    return Rows(frame, sql, moment.as_of(), data.written_at())


def _note(found: Explanation) -> str:
    notes = [f"The evidence is made without a language model; see golive explain {found.id}."]
    return " ".join((*notes, *found.notes))


def _step(found: Explanation) -> None:
    step = found.next_step
    if step is None:
        return
    cause = (
        f"{theme.quiet('The words speak of')} {theme.chip(found.cause.name, theme.SERIES[0])} "
        if found.cause
        else ""
    )
    because = theme.quiet(escape(f"because {step.basis}"))
    lines = [f"<b>Next:</b> {escape(step.text)}", because]
    lines += [theme.code(step.command)] if step.command else []
    lines += [cause] if cause else []
    st.html(theme.listed((f"<div class='gl-line'>{one}</div>" for one in lines), gap=".2rem"))


def _lines(lines: Iterable[ShownLine]) -> None:
    drawn = "".join(map(_line, lines))
    if not drawn:
        st.html(theme.aside("No line of it is known: neither its report nor a log tells more."))
        return
    st.html(
        "<div class='gl-eyebrow'>Lines that tell, most telling first</div>"
        f"<div class='gl-log' tabindex='0' role='log' aria-label='Telling lines'>{drawn}</div>"
    )


def _line(one: ShownLine) -> str:
    why = escape(f"{'; '.join(one.reasons)} · {one.source}")
    return (
        f"<div><span>{words.number(one.number)}</span>"
        f"<div><code>{escape(one.text[:400])}</code><br><small>{why}</small></div></div>"
    )


def _suspects(suspects: Suspects | None, scope: Scope) -> None:
    if suspects is None:
        st.html(
            "<div class='gl-eyebrow'>Which commit broke it</div>"
            + theme.aside("No pass before it is known: no commit can be accused.")
        )
        return
    head = (
        f"Which of {words.plural(suspects.of, 'commit')} after {words.short(suspects.good_sha)} "
        "broke it"
    )
    basis = f"From the {suspects.basis}. P(none of them) = {words.probability(suspects.elsewhere)}."
    items = [_suspect(one, scope) for one in suspects.commits[:SUSPECTS]]
    st.html(
        f"<div class='gl-eyebrow'>{escape(head)}</div>{theme.listed(items)}"
        f"<div class='gl-line'>{theme.quiet(escape(basis))}</div>"
    )


def _suspect(one: Suspect, scope: Scope) -> str:
    chance = words.probability(one.probability)
    subject = escape(one.subject or "not in any repository read here")
    who = f"{one.author or 'unknown'}, {words.ago(one.committed_at, scope.now)}" if (
        one.committed_at
    ) else (one.author or "unknown")  # fmt: skip
    runs = f"{one.failed} failed, {one.passed} passed on it"
    bar = theme.meter(one.probability, theme.STATUS["failed"], f"P(it broke it) {chance}")
    return (
        f"<div class='gl-item gl-keep'><div><div class='gl-line'>"
        f"{theme.code(words.short(one.sha))} {subject}</div>{bar}"
        f"<div class='gl-line'>{theme.quiet(escape(f'{who} · {runs}'))}</div></div>"
        f"<span>{chance}</span></div>"
    )


def _past(past: Iterable[Past], scope: Scope) -> None:
    items = [_alike(one, scope) for one in past]
    body = theme.listed(items) if items else theme.aside("Nothing of the past reads like it.")
    st.html(f"<div class='gl-eyebrow'>Failures of the past that read alike</div>{body}")


def _tickets(tickets: Iterable[Ticket], scope: Scope) -> None:
    items = [
        f"<div class='gl-line'>{theme.quiet(f'{one.likeness:.0%} alike')} {_key(one)} "
        f"{escape(words.first_line(one.title, 110))} "
        f"{theme.quiet(escape(f'{one.status or words.NOTHING}, {_opened(one, scope)}'))}</div>"
        for one in tickets
    ]
    if items:
        head = "<div class='gl-eyebrow'>Tickets that read alike</div>"
        st.html(f"{head}{theme.listed(items)}")


def _key(one: Ticket) -> str:
    is_linked = (one.url or "").startswith(("https://", "http://"))
    shown = theme.code(one.key)
    return f"<a href='{escape(one.url or '', quote=True)}'>{shown}</a>" if is_linked else shown


def _opened(one: Ticket, scope: Scope) -> str:
    return f"opened {words.ago(one.created_at, scope.now)}" if one.created_at else "opened long ago"


def _alike(one: Past, scope: Scope) -> str:
    label = "the same" if one.likeness == 1 else f"{one.likeness:.0%} alike"
    said = f"{one.type or 'failure'}: {words.first_line(one.message, 110)}"
    ended = [
        f"<div class='gl-line'>{theme.quiet('ended by')} {theme.code(words.short(fix.good_sha))} "
        f"{escape(fix.subject or '')} "
        f"{theme.quiet(escape(words.ago(fix.fixed_at, scope.now)))}</div>"
        for fix in one.fixes
    ]
    return (
        f"<div><div class='gl-line'>{theme.quiet(label)} {escape(said)}</div>{''.join(ended)}</div>"
    )
