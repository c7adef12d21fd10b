"""Logs: what was said, how often, and what is new, over everything that was read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from html import escape
from typing import Any

import altair as alt
import polars as pl
import streamlit as st

from dashboards import charts, data, filters, theme, words
from dashboards.behind import Drawn
from dashboards.data import Rows
from dashboards.scope import Scope
from dashboards.views.logs import _unusual

TITLE = "Logs"
ICON = ":material/article:"
SECTION = "Monitoring"
ORDER = 55
QUESTION = "What do the logs say, what is new in them, and where does a word stand?"
READS = (
    "marts.log_template_rates",
    "core.log_lines",
    "core.log_templates",
    "predictions.anomalies",
)
SHOWN = 200
"""Lines on the page, newest first: the search ends with the day that fills it."""
FEW, LINES_PX = 14, 460
REFRESH_S = 5
LEVELS = {
    "": "All levels",
    "error": "Errors",
    "warning": "Warnings",
    "info": "Info",
    "debug": "Debug",
}
MARK = "<mark style='background:color-mix(in srgb,#d99a1c 38%,transparent);color:inherit'>"
TONES = {
    "error": theme.STATUS["failed"],
    "warning": theme.VERDICT["flaky"],
    "other": theme.SERIES[0],
}

RATES = """
select
    day, sum(errors)::bigint as error, sum(warnings)::bigint as warning,
    (sum(log_lines) - sum(errors) - sum(warnings))::bigint as other
from marts.log_template_rates
where project_id = $project and day between $first and $last
    and ($service = '' or service = $service)
    and ($template = 0 or template_id = $template)
    and ($said = '' or contains(lower(template), $said))
group by day
order by day
"""
TEMPLATES = """
select
    template_id, any_value(template) as template, sum(log_lines)::bigint as said,
    sum(errors)::bigint as errors, list_sort(list(distinct service)) as services,
    min(first_seen_at) as first_seen_at, max(last_at) as last_at,
    min(first_seen_at) >= $last::date - 3 as is_new
from marts.log_template_rates
where project_id = $project and day between $first and $last
    and ($service = '' or service = $service)
    and ($said = '' or contains(lower(template), $said))
group by template_id
order by is_new desc, errors desc, said desc
limit 300
"""
SERVICES = """
select distinct service
from marts.log_template_rates
where project_id = $project and day between $first and $last
order by service
limit 200
"""
LINES = """
select
    line.at, line.level, line.service, line.message, line.template_id, line.build_id, line.line,
    line.attributes
from core.log_lines as line
where line.project_id = $project and line.day between $first and $last
    and ($word = '' or contains(lower(line.message), $word))
    and ($service = '' or line.service = $service)
    and ($level = '' or line.level = $level)
    and ($template = 0 or line.template_id = $template)
    and ($field = '' or json_extract_string(line.attributes, $field) = $value)
order by line.at desc, line.line desc
limit $shown
"""
NEWEST = """
select max(day) as day
from marts.log_template_rates
where project_id = $project
"""


@dataclass(frozen=True, slots=True)
class Search:
    """What the reader asks for; an empty text and the template 0 ask for anything."""

    word: str
    service: str
    level: str
    template: int
    field: str
    value: str

    def parameters(self) -> dict[str, str | int]:
        """Return what `LINES` takes of it."""
        return {
            "word": self.word,
            "service": self.service,
            "level": self.level,
            "template": self.template,
            "field": self.field,
            "value": self.value,
        }


def render(scope: Scope) -> None:
    """Draw the page."""
    newest: date | None = data.rows(NEWEST, project=scope.project.id).first().get("day")
    if newest is None:
        charts.without(
            "core.log_lines",
            title="No log has been read yet",
            text=(
                "Build logs, files and log servers fill this page; "
                "golive ingest logs PATH takes a file."
            ),
        )
        return
    first = newest - timedelta(days=scope.days - 1)
    asked = {"project": scope.project.id, "first": first, "last": newest}
    search = _search(asked)
    said = {"service": search.service, "said": search.word}
    templates = data.rows(TEMPLATES, **asked, **said)
    rates = data.rows(RATES, **asked, **said, template=search.template)
    _summary(scope, templates, rates, newest, search)
    unusual = _unusual.found(asked, template=search.template, **said)
    _rates(rates, unusual)
    _unusual.draw(unusual, scope)
    _results(scope, asked, search)
    _templates(scope, templates)


def _search(asked: dict[str, Any]) -> Search:
    services = data.rows(SERVICES, **asked)
    names = {"": "All services"} | {one: one for one in services.frame["service"].to_list() if one}
    with st.container(horizontal=True, gap="small", key="log-search"):
        text = filters.text(
            "q",
            label="A word, or field=value",
            width="stretch",
            placeholder="Search for a word, or for a field: host=checkout-1",
        )
        service = filters.choice("service", names, label="Service", width=170)
        level = filters.choice("level", LEVELS, label="Level", width=130)
    template = st.query_params.get("template", "0")
    field, _, value = text.partition("=")
    is_field = bool(value) and field.strip().isidentifier()
    return Search(
        "" if is_field else text.lower(),
        service,
        level,
        int(template) if template.lstrip("-").isdigit() else 0,
        f"$.{field.strip()}" if is_field else "",
        value.strip() if is_field else "",
    )


def _summary(scope: Scope, templates: Rows, rates: Rows, newest: date, search: Search) -> None:
    new = templates.frame.filter("is_new") if templates.height else templates.frame
    errors = _sum(rates, "error")
    lines = errors + _sum(rates, "warning") + _sum(rates, "other")
    if search.word:
        kinds = words.plural(templates.height, "kind of line says", "kinds of lines say")
        title = f"{kinds} “{search.word}”"
    elif new.height:
        kinds = words.plural(new.height, "kind of line is", "kinds of lines are")
        title = f"{kinds} new in the last 3 days"
    else:
        title = f"Nothing new is said; {words.plural(errors, 'error')}"
    charts.headline(
        title,
        f"{words.plural(lines, 'line')} of {words.plural(templates.height, 'kind')} "
        f"in {scope.days} days "
        f"to {newest:%-d %b %Y}, {words.number(errors)} of them errors.",
    )


def _sum(rates: Rows, name: str) -> int:
    return int(rates.frame[name].sum() or 0) if rates.height else 0


# ---------------------------------------------------------------- rates


def _rates(rates: Rows, unusual: Rows) -> None:
    charts.show(
        rates,
        lambda frame: _bars(frame, unusual),
        title="Lines by day",
        n=words.plural(rates.height, "day"),
        unit="lines per UTC day, as counted by template",
        note="A diamond is a day with something unusual." if unusual.height else "",
        legend=TONES,
    )


def _bars(frame: pl.DataFrame, unusual: Rows) -> Drawn:
    bars = (
        alt.Chart(frame)
        .transform_fold(list(TONES), as_=["level", "lines"])
        .mark_bar(cornerRadiusEnd=2)
        .encode(
            x=alt.X("yearmonthdate(day):T", title=None),
            y=alt.Y("lines:Q", title=None),
            color=alt.Color(
                "level:N",
                legend=None,
                scale=alt.Scale(domain=list(TONES), range=list(TONES.values())),
            ),
            order=alt.Order("level:N"),
            tooltip=[alt.Tooltip("day:T", format="%d %b"), "level:N", "lines:Q"],
        )
    )
    layers = [bars] if unusual.is_empty else [bars, _unusual.marks(unusual)]
    return alt.layer(*layers).properties(height=180)


# ---------------------------------------------------------------- lines


def _results(scope: Scope, asked: dict[str, Any], search: Search) -> None:
    live = filters.switch("live", label="Live tail")
    if live:
        st.fragment(_lines, run_every=REFRESH_S)(scope, asked, search)
    else:
        _lines(scope, asked, search)


def _lines(scope: Scope, asked: dict[str, Any], search: Search) -> None:
    rows, since = found(asked, search)
    note = f"{words.plural(rows.height, 'line')}, newest first"
    note += (
        f"; there may be older ones before {since:%-d %b}. Narrow the search to see them."
        if rows.height >= SHOWN
        else f", all in the period ({scope.days} days)."
    )
    with charts.figure("Lines", rows, key="lines", note=note if rows.height else ""):
        if search.template:
            st.button(
                "Lines of every kind",
                key="every-kind",
                type="tertiary",
                icon=":material/close:",
                on_click=_forget_template,
            )
        if rows.is_empty:
            st.html(theme.aside("No line says this in the period. A longer one may have it."))
            return
        with st.container(height="content" if rows.height <= FEW else LINES_PX, border=False):
            st.html(
                "<div class='gl-list' style='row-gap:.28rem' role='log' tabindex='0'>"
                f"{''.join(_written(rows, search, scope))}</div>"
            )


def found(asked: dict[str, Any], search: Search) -> tuple[Rows, date]:
    """Return the newest lines of a search, and the first day that was looked at.

    Days are looked at from the newest back, in steps that grow, until the page is full: a common
    word reads one day of the lake, a rare one all of the period.
    """
    last: date = asked["last"]
    for first in _steps(asked["first"], last):
        rows = data.rows(
            LINES,
            project=asked["project"],
            first=first,
            last=last,
            shown=SHOWN,
            **search.parameters(),
        )
        if rows.height >= SHOWN or first == asked["first"]:
            return rows, first
    raise AssertionError("the last step is the whole period")


def _steps(first: date, last: date) -> Iterator[date]:
    """Yield begins of ever longer stretches that end at `last`: 1, 4 days, all."""
    for days in (1, 4):
        if (begin := last - timedelta(days=days - 1)) > first:
            yield begin
    yield first


def _forget_template() -> None:
    st.query_params.pop("template", None)


def _written(rows: Rows, search: Search, scope: Scope) -> Iterator[str]:
    for row in rows.dicts():
        tone = TONES.get(row["level"] or "", "#9a9aa2")
        when = row["at"].astimezone(scope.zone)
        yield (
            "<div class='gl-line gl-mono' style='overflow-wrap:anywhere'>"
            f"<span class='gl-quiet'>{when:%d %b %H:%M:%S}</span> "
            f"{theme.chip(row['level'] or 'line', tone)} "
            f"<span class='gl-quiet'>{escape(row['service'] or '')}</span> "
            f"{marked(words.first_line(row['message'], 400), search.word)}</div>"
        )


def marked(text: str, word: str) -> str:
    """Return the HTML of a line with the word that was searched for marked."""
    at = text.lower().find(word) if word else -1
    if at < 0:
        return escape(text)
    end = at + len(word)
    return f"{escape(text[:at])}{MARK}{escape(text[at:end])}</mark>{escape(text[end:])}"


# ---------------------------------------------------------------- templates


def _templates(scope: Scope, templates: Rows) -> None:
    with charts.figure(
        "What is said",
        templates,
        key="templates",
        note=(
            "New kinds first, then by errors. <*> is what varies. "
            "Select one for its lines and its rate."
            if templates.height
            else ""
        ),
    ):
        if templates.is_empty:
            st.html(theme.aside("No line in this period."))
            return
        shown = templates.frame.select(
            pl.when(pl.col("is_new")).then(pl.lit("new")).otherwise(pl.lit("")).alias("new"),
            "template",
            "said",
            "errors",
            pl.col("services").list.join(", "),
            pl.col("last_at").dt.convert_time_zone(str(scope.zone)),
        )
        picked = st.dataframe(
            shown,
            hide_index=True,
            on_select="rerun",
            selection_mode="single-row",
            key="kinds",
            height=charts.table_height(shown.height),
            column_config={
                "new": st.column_config.TextColumn("", width=45),
                "template": st.column_config.TextColumn("Template", width=430),
                "said": st.column_config.NumberColumn("Lines", format="localized", width=75),
                "errors": st.column_config.NumberColumn("Errors", format="localized", width=70),
                "services": st.column_config.TextColumn("Services", width=170),
                "last_at": st.column_config.DatetimeColumn(
                    "Last", format="D MMM, HH:mm", width=105
                ),
            },
        )
        chosen: list[int] = picked["selection"]["rows"]
        wanted = str(templates.frame["template_id"][chosen[0]]) if chosen else ""
        if wanted and wanted != st.query_params.get("template"):
            st.query_params["template"] = wanted
            st.rerun()
