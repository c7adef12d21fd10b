"""Settings: what GoLive was told, what each value means, and an edit that can be tried first."""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import cast

import polars as pl
import streamlit as st

from dashboards import charts, reader, theme
from dashboards.scope import Scope
from dashboards.views.settings import _people as people
from golive_core import seal, settings
from golive_core.errors import GoLiveError, SettingsError
from golive_core.settings import Instance, Settings

TITLE = "Settings"
ICON = ":material/settings:"
SECTION = "Data"
ORDER = 95
QUESTION = "What was GoLive told to read, how does it judge, and is that valid?"
READS = ()
HAS_PERIOD = False
NEEDS_PROJECT = False
MEANING = {
    "rates.usd_per_machine_minute": "What a minute of a build machine costs; 0 shows no cost",
    "rates.usd_per_person_hour": "What an hour of a person costs, for time lost to flaky tests",
    "retention.evidence_days": "Days that traces, videos and pictures of journeys are kept",
    "retention.raw_days": "Days that payloads are kept as they were received",
    "retention.runs_days": "Days that runs of Dagster are kept",
    "retention.vacuum_hours": "Hours that the past of the lake can be looked at",
    "lake.location": "Bucket of a lake that several machines share; empty for this machine",
    "lake.endpoint": "Address of the object store, where it is not AWS's",
    "lake.region": "Region of the bucket",
    "port.gateway": "Port of webhooks and the API",
    "port.dashboards": "Port of these pages",
    "port.dagster": "Port of Dagster",
    "delivery.incident_hours": "Hours in which an incident makes a deployment a failed one",
    "delivery.hotfix": "Regular expression that finds a hotfix by branch and subject",
    "model.url": "Endpoint of a language model that speaks OpenAI's protocol; empty uses none",
    "model.name": "Name of the model at that endpoint",
    "model.api_key": "Reference to its key: env:NAME or file:PATH",
    "model.may_send": "The consent: masked evidence may be sent to it",
    "model.may_send_pictures": "The consent for pictures of pages, in which nothing is masked",
    "model.timeout_s": "Seconds that an answer may take",
    "model.retries": "Times that a failed call is tried again",
    "model.answer_tokens": "Tokens that an answer may have",
    "model.call_tokens": "Tokens of a call, question and answer",
    "model.day_tokens": "Tokens of a UTC day",
    "model.call_usd": "US dollars that a call may cost",
    "model.day_usd": "US dollars that a UTC day may cost",
    "model.usd_per_million_in": "Price of a million tokens that are sent",
    "model.usd_per_million_out": "Price of a million tokens that are received",
    "model.cache_days": "Days that an answer is used again for the same question",
    "sign_in.issuer": "The OpenID provider that lets people in; empty without one",
    "sign_in.client_id": "What GoLive is called there",
    "sign_in.client_secret": "Reference to its secret there",
    "sign_in.label": "What the button to the provider says",
    "sign_in.role_claim": "The claim that says which groups somebody is in",
    "sign_in.admins": "Groups whose people are admins, separated by commas",
    "sign_in.developers": "Groups whose people are developers",
    "sign_in.testers": "Groups whose people are testers",
    "sign_in.viewers": "Groups whose people are viewers",
    "sign_in.default_role": "Role of whoever is in none of them; empty lets them not in",
    "secrets.key": "Where the key of sealed secrets is; empty without any",
    "database.url": "The PostgreSQL that several gateways share; empty keeps files in the home",
    "database.dagster": "Whether Dagster's runs are there too",
    "gateway.url": "Where people reach GoLive behind a front door; empty without one",
    "gateway.origins": "Pages elsewhere whose scripts may read the API, between spaces",
    "gateway.requests": "Requests that one address or token may make",
    "gateway.webhooks": "Webhooks that one address may send",
    "gateway.sign_ins": "Sign-ins that one address may try",
    "gateway.refusals": "Refused requests after which an address has to wait",
    "gateway.store": "Where limits are counted: memory, or env:NAME of a Redis address",
    "gateway.concurrent": "Requests that are answered at the same time",
    "history_start": "Nothing older than this is read",
    "cores": "Processor cores that may be used",
}
"""Setting to what it means, for those that are no source, target or project."""
CLASSES = {
    "rates": "rates", "delivery": "delivery", "retention": "retention", "port": "ports",
    "database": "database", "gateway": "gateway", "secrets": "secrets", "sign_in": "sign_in",
    "model": "model",
}  # fmt: skip
"""Table of golive.toml to the field of Settings that holds it."""
NOTIFYING = re.compile(r"mail|slack|teams|webhook|apprise|notify|chat")


def render(scope: Scope) -> None:
    """Draw the page."""
    base = settings.base_folder()
    try:
        known = settings.load(base)
    except SettingsError as error:
        charts.failed(error)
        if reader.may("write", "settings"):
            _edit(base)
        return
    _summary(known)
    _projects(known)
    _instances(known)
    _notifications(known)
    _values(known)
    if reader.may("read", "users"):
        people.show()
    if reader.may("write", "settings"):
        _edit(base)


def _summary(known: Settings) -> None:
    missing = [
        word for one in _all(known) for word in secrets(one) if not is_there(word, known.base)
    ]
    sources = len(known.instances)
    title = (
        f"{len(missing)} secret{'s are' if len(missing) > 1 else ' is'} not set: {missing[0]}"
        if missing
        else "The settings are valid"
    )
    file = known.file.name if known.file else "no file: everything is at its default"
    charts.headline(
        title,
        f"{file}; {_count(len(known.projects), 'project')}, "
        f"{_count(sources, 'source')}, {_count(len(known.targets), 'target')}.",
    )
    if not known.file:
        st.code("golive init", language="bash", width=440)


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _all(known: Settings) -> Iterator[Instance]:
    yield from known.instances.values()
    yield from known.targets.values()


def secrets(one: Instance) -> list[str]:
    """Return the references to secrets of a source or target, as they stand in the file."""
    return sorted(
        {
            text
            for text in _texts([*one.options.values(), one.webhook_secret])
            if settings.REFERENCE.fullmatch(text)
        }
    )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(cast("dict[str, object]", value).values()))
    elif isinstance(value, list | tuple):
        for item in cast("list[object]", value):
            yield from _texts(item)


def is_there(reference: str, base: Path) -> bool:
    """Tell whether a secret can be read; what it is stays unread here and unshown."""
    kind, _, name = reference.partition(":")
    if kind == "env":
        return bool(settings.variable(name))
    if kind == "sealed":
        return name in seal.names(settings.home(base))
    return (base / Path(name).expanduser()).is_file()


# ---------------------------------------------------------------- what is told


def _projects(known: Settings) -> None:
    st.subheader("Projects", anchor=False)
    if not known.projects:
        st.html(theme.aside("No project is named. golive init writes one for the repository here."))
        return
    rows = [
        {
            "Project": one.id,
            "Name": one.name,
            "Owner": one.owner or "nobody named",
            "Repository": one.git_repository,
            "Sources": sum(source.project_id == one.id for source in known.instances.values()),
        }
        for one in known.projects.values()
    ]
    st.dataframe(pl.DataFrame(rows), hide_index=True, key="projects", height="content")


def _instances(known: Settings) -> None:
    st.subheader("Sources and targets", anchor=False)
    found = list(_all(known))
    if not found:
        st.html(theme.aside("No source is named. golive sources tells the types, with an example."))
        return
    lines = [
        theme.entry(
            _health(one, known),
            [
                f"<span class='gl-title'>{escape(one.name)}</span> "
                + theme.quiet(escape(_kind(one, known))),
                theme.quiet(" · ".join(_options(one))),
                *(_secret(word, known.base) for word in secrets(one)),
            ],
        )
        for one in found
    ]
    st.html(theme.listed(lines, gap="1rem"))
    st.caption(
        "Secrets are references, resolved at the moment of use; no page, log or report shows one."
    )


def _kind(one: Instance, known: Settings) -> str:
    if one.name in known.targets:
        return f"{one.type}, target of {one.project_id}"
    told = known.schedules.get(one.name)
    when = f"cron {told} (UTC)" if told else f"about {settings.SCHEDULE} (UTC), spread out"
    return f"{one.type}, project {one.project_id}, read at {when}"


def _health(one: Instance, known: Settings) -> str:
    return "ok" if all(is_there(word, known.base) for word in secrets(one)) else "failed"


def _options(one: Instance) -> Iterator[str]:
    shown = {
        key: value
        for key, value in one.options.items()
        if not any(settings.REFERENCE.fullmatch(text) for text in _texts(value))
    }
    for key, value in shown.items():
        yield f"{escape(key)} = {theme.code(str(value))}"
    if not shown:
        yield "no option set"


def _secret(reference: str, base: Path) -> str:
    if is_there(reference, base):
        return f"Secret {theme.code(reference)} {theme.chip('set', theme.HEALTH['ok'], symbol='✓')}"
    kind, _, name = reference.partition(":")
    mend = f"export {name}=…" if kind == "env" else f"write it into {name}"
    return (
        f"Secret {theme.code(reference)} {theme.chip('not set', theme.HEALTH['failed'])} "
        f"<b>Next:</b> {theme.code(mend)}"
    )


def _notifications(known: Settings) -> None:
    st.subheader("Notifications", anchor=False)
    told = [one for one in known.targets.values() if NOTIFYING.search(one.type)]
    if not told:
        st.html(theme.aside("Nobody is notified: no target in golive.toml takes messages."))
        return
    st.dataframe(
        pl.DataFrame(
            [{"Target": one.name, "Type": one.type, "Project": one.project_id} for one in told]
        ),
        hide_index=True,
        key="notifying",
        height="content",
    )


def _values(known: Settings) -> None:
    st.subheader("Rules, rates and limits", anchor=False)
    rows = list(values(known))
    st.dataframe(
        pl.DataFrame(rows),
        hide_index=True,
        key="values",
        height="content",
        column_config={
            "setting": st.column_config.TextColumn("Setting", width=210),
            "value": st.column_config.TextColumn("Value", width=220),
            "from": st.column_config.TextColumn("From", width=90),
            "means": st.column_config.TextColumn("What it means", width=400),
        },
    )


def values(known: Settings) -> Iterator[dict[str, str]]:
    """Yield each single setting: its name, value, whether that was set, and what it means."""
    for table, name in CLASSES.items():
        section = getattr(known, name)
        for one in dataclasses.fields(section):
            value = getattr(section, one.name)
            yield _row(f"{table}.{one.name}", value, is_default=value == one.default)
    yield _row(
        "history_start",
        known.history_start or "all history",
        is_default=known.history_start is None,
    )
    yield _row(
        "cores", known.cores, is_default=known.cores == Settings(known.base, known.home).cores
    )


def _row(name: str, value: object, *, is_default: bool) -> dict[str, str]:
    return {
        "setting": name,
        "value": str(value),
        "from": "default" if is_default else "set",
        "means": MEANING.get(name, ""),
    }


# ---------------------------------------------------------------- an edit, tried before it is made


def _edit(base: Path) -> None:
    st.subheader("Try an edit", anchor=False)
    file = settings.file_of(base)
    text = file.read_text("utf-8-sig") if file else ""
    if any(_holds_literal(line) for line in text.splitlines()):
        st.html(theme.aside("The file holds a secret as plain text: mend that first, in the file."))
        return
    edited = st.text_area(
        "golive.toml", text, height=240, key="toml", placeholder='[project.shop]\nname = "Shop"'
    )
    if edited == text:
        st.caption(
            "Nothing is written from here: change a value to see whether it would be valid "
            "and what it would change."
        )
        return
    problem, changes = preview(text, edited, base)
    if problem:
        st.html(
            f"<div role='alert'>{theme.chip('not valid', theme.HEALTH['failed'], symbol='✕')} "
            f"<b>{escape(problem.what)}</b> {theme.code(problem.where)} "
            f"{escape(problem.hint)}</div>"
        )
        return
    st.html(theme.chip("valid", theme.HEALTH["ok"], symbol="✓"))
    st.code(changes or "Only comments or spaces change.", language="diff")
    st.caption(
        f"To make it so, save this as {settings.FILE} beside the repository; it holds from "
        "the next run on."
    )
    st.download_button(
        "golive.toml",
        edited,
        settings.FILE,
        "application/toml",
        on_click="ignore",
        icon=":material/download:",
    )


def _holds_literal(line: str) -> bool:
    key, _, value = line.partition("=")
    word = value.strip().strip("\"'")
    return (
        bool(word)
        and settings.is_secret_name(key.strip())
        and not settings.REFERENCE.fullmatch(word)
    )


def preview(before: str, after: str, base: Path) -> tuple[GoLiveError | None, str]:
    """Return what is wrong with an edited file, else what it changes, as a unified diff."""
    try:
        settings.parse(after.encode(), base=base, home=settings.home(base))
    except GoLiveError as error:
        return error, ""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), "golive.toml", "edited", lineterm="", n=1
    )
    return None, "\n".join(lines)
