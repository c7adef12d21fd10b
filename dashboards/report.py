"""One self-contained HTML file of every page's figures for a period, to mail or to attach.

The pages themselves are drawn, without a browser; what they show through `charts.show` and
`charts.figure` is taken down. A new page is in the report without a line here. Charts are SVG, so
the file has no script, asks no network, and opens in a mail program too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards import catalog, charts, moment, scope, svg, tables, words
from dashboards.behind import Figure
from dashboards.catalog import View
from dashboards.scope import Project
from golive_core.errors import UsageError

if TYPE_CHECKING:
    from streamlit.testing.v1 import AppTest

STYLE = Path(__file__).parent / "report.css"
TIMEOUT_S = 120.0
EMPTY = "gl-empty"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What the file may load: nothing."""


@dataclass(frozen=True, slots=True)
class Section:
    """What one page says: its answer, its numbers (label, value, basis) and its figures."""

    view: View
    headline: str
    numbers: list[tuple[str, str, str]]
    figures: list[Figure]


@dataclass(frozen=True, slots=True)
class Report:
    """The file, and how much is in it."""

    html: str
    project: str
    pages: int
    figures: int
    left_out: list[str]


def make(
    project_id: str = "", days: int = 30, as_of: datetime | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Report:  # fmt: skip
    """Return the report of a project, the first one by default, as of now or a past instant.

    `tell` hears the title of each page before it is drawn. Raises UsageError if there is no such
    project.
    """
    with moment.held(as_of):
        project = _project(project_id)
        chosen = scope.make(project, days)
    views = [view for view in catalog.views() if view.needs_project]
    kept: list[Section] = []
    for view in views:
        tell(view.title)
        section = _section(view, project, days, as_of)
        kept += [section] if section and section.figures else []
    shown = {section.view.slug for section in kept}
    left_out = [view.title for view in views if view.slug not in shown]
    head = _head(project, chosen.period, as_of, kept, left_out)
    body = head + "".join(_told(section) for section in kept)
    figures = sum(len(section.figures) for section in kept)
    return Report(_document(project.name, body), project.name, len(kept), figures, left_out)


def _project(wanted: str) -> Project:
    from golive_core.toml import near

    known = {project.id: project for project in scope.projects()}
    if not known:
        raise UsageError("there is nothing to report yet", hint="Run golive up --repo PATH first")
    if wanted and wanted not in known:
        raise UsageError(f"there is no project {wanted!r}", hint=near(wanted, list(known)))
    return known[wanted] if wanted else next(iter(known.values()))


# ---------------------------------------------------------------- what pages say


def _section(view: View, project: Project, days: int, as_of: datetime | None) -> Section | None:
    """Return what a page says, None where it has nothing to say or cannot be drawn."""
    from streamlit.testing.v1 import AppTest

    wanted = {"slug": view.slug, "project": project.id, "days": days}
    app = AppTest.from_function(_page, default_timeout=TIMEOUT_S, kwargs=wanted)
    app.session_state[charts.RECORD] = []
    app.session_state[moment.STATE] = as_of
    app.run()
    if app.exception or any(EMPTY in str(one.proto.body) for one in app.get("html")):
        return None
    figures: list[Figure] = app.session_state[charts.RECORD]
    return Section(view, _first(app, "title"), _numbers(app),
                   [figure for figure in figures if not figure.rows.is_empty])  # fmt: skip


def _page(slug: str, project: str, days: int) -> None:
    """Draw one page; Streamlit runs this text as a script of its own."""
    from dashboards import report  # noqa: PLW0406 - the text of this function is a script

    report.draw(slug, project, days)


def draw(slug: str, project: str, days: int) -> None:
    """Draw one page without the frame."""
    view = next(view for view in catalog.views() if view.slug == slug)
    known = next(one for one in scope.projects() if one.id == project)
    view.render(scope.make(known, days))


def _first(app: AppTest, kind: str) -> str:
    return next((str(getattr(one, "value", "")) for one in app.get(kind)), "")


def _numbers(app: AppTest) -> list[tuple[str, str, str]]:
    return [(one.label, str(one.value), str(one.delta or "")) for one in app.metric]


# ---------------------------------------------------------------- how it is written


def _document(name: str, body: str) -> str:
    title = f"GoLive: {escape(name)}"
    return (
        "<!doctype html>\n<html lang='en'><head><meta charset='utf-8'>"
        f"<meta http-equiv='Content-Security-Policy' content=\"{POLICY}\">"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><style>{STYLE.read_text()}</style></head>\n"
        f"<body><main>{body}</main></body></html>\n"
    )


def _head(
    project: Project, period: str, as_of: datetime | None, kept: Iterable[Section],
    left_out: list[str],
) -> str:  # fmt: skip
    made = f"written {words.moment(datetime.now(UTC), UTC)} UTC"
    past = f", as it was at {moment.told(as_of)}" if as_of else ""
    links = "".join(f"<a href='#{one.view.slug}'>{escape(one.view.title)}</a>" for one in kept)
    simulated = (
        "<p><b>Simulated.</b> These numbers were made by golive simulate; they are not about your "
        "code.</p>" if project.is_simulated else ""
    )  # fmt: skip
    none = f"<p class='quiet'>Without rows: {escape(', '.join(left_out))}.</p>" if left_out else ""
    return (
        f"<header><h1>{escape(project.name)}</h1><p class='quiet'>{escape(period)}{past}, {made}."
        f"</p>{simulated}<nav>{links}</nav>{none}</header>"
    )


def _told(section: Section) -> str:
    numbers = "".join(
        f"<div><span class='quiet'>{escape(label)}</span><b>{escape(value)}</b>"
        f"<span class='quiet'>{escape(basis)}</span></div>"
        for label, value, basis in section.numbers
    )
    return (
        f"<section id='{section.view.slug}'><div class='page'>{escape(section.view.title)}</div>"
        f"<h2>{escape(section.headline or section.view.question)}</h2>"
        f"{f'<div class=metrics>{numbers}</div>' if numbers else ''}"
        f"{''.join(_figures(section.figures))}</section>\n"
    )


def _figures(figures: Iterable[Figure]) -> Iterator[str]:
    for figure in figures:
        body = "".join(_chart(chart, figure) for chart in figure.charts)
        legend = svg.legend(figure.charts) if figure.charts else ""
        shown = figure.rows.frame if figure.listed is None else figure.listed
        body = body + legend if body else tables.html(shown)
        yield (
            f"<figure><h3>{escape(figure.title)}</h3>{body}"
            f"<figcaption>{escape(figure.note)}</figcaption>"
            f"<details><summary>SQL, {words.plural(figure.rows.height, 'row')}</summary>"
            f"<pre>{escape(figure.rows.sql)}</pre></details></figure>"
        )


def _chart(chart: Any, figure: Figure) -> str:  # noqa: ANN401 - any of altair's charts
    return f"<div class='scroll'>{svg.draw(chart, alternative=figure.title)}</div>"
