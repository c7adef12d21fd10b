"""`GET /badge/<project>/<what>.svg`: one number for a README, drawn here and whole.

A badge is loaded by people who are not signed in, so its token may stand in the address: one with
the scope `badge`, which opens nothing else (`golive token create readme --scope badge`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from golive_core import settings
from golive_core.lake import Lake
from golive_core.lake.literals import Value
from golive_core.tokens import Tokens
from golive_gateway.auth import authorise
from golive_gateway.reading import Question, etag, is_known, rows
from golive_gateway.resources import resources

router = APIRouter(prefix="/badge", tags=["badges"])
DAYS = 30
GREEN, AMBER, RED, GREY = "#137a5f", "#8f5a0a", "#b23c17", "#62626c"
LABEL = "#44444c"
"""White text has a contrast of at least 4.5 : 1 on each of them (WCAG 2.2, 1.4.3)."""
What = Literal[
    "flaky", "deployment_frequency", "change_lead_time", "change_fail_rate", "recovery_time",
    "rework_rate",
]  # fmt: skip
NARROW, WIDE = frozenset("fijlrtI.,:;|!'()[]- "), frozenset("mwMW%@")
NARROW_PX, USUAL_PX, WIDE_PX, PAD_PX = 4.1, 6.9, 10.2, 14
"""Widths of letters of Verdana at 11 px, and the room beside a text on both sides together."""


@router.get(
    "/{project}/{what}.svg",
    response_class=Response,
    responses={
        200: {"content": {"image/svg+xml": {"schema": {"type": "string"}}}},
        304: {"description": "Nothing has changed."},
        401: {"description": "There is no valid token."},
        403: {"description": "It may not see this project."},
        404: {"description": "There is no such project."},
    },
)
def badge(
    request: Request,
    project: Annotated[str, Path(max_length=100)],
    what: What,
    token: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Return the badge of a project's flaky tests or of one DORA metric of the last 30 days."""
    _let_in(request, project, token)
    if project not in settings.load().projects and not _has_rows(project):
        raise HTTPException(404, f"no project is called {project!r}")
    lake = Lake(settings.home() / "lake")
    question = _question(project, what)
    tag = etag(lake, question, what)
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    found = rows(lake, question).to_dicts()
    label, value, tone = DRAWN[what](found)
    return Response(svg(label, value, tone), headers=headers, media_type="image/svg+xml")


def _let_in(request: Request, project: str, token: str) -> None:
    if token:
        known = Tokens(settings.home()).verify(token)
        if known is None or not (known.may("badge", project) or known.may("read", project)):
            raise HTTPException(401 if known is None else 403, "this token opens no badge here")
        request.state.caller = f"token {known.name}"
    else:
        authorise(request, "read", "badge", project)


def _has_rows(project: str) -> bool:
    lake = Lake(settings.home() / "lake")
    sql = "select count(*) from core.projects where project_id = $project"
    return bool(lake.query(sql, {"project": project}).item())


def _question(project: str, what: What) -> Question:
    name = "flaky" if what == "flaky" else "dora"
    resource = resources()[name]
    today = datetime.now(UTC).date()
    rule = settings.load().delivery
    asked: dict[str, Value] = {
        "project": project, "verdict": None, "service": None, "last": today,
        "first": today - timedelta(days=DAYS - 1), "hotfix": rule.hotfix,
        "hours": rule.incident_hours,
    }  # fmt: skip
    given = {name: value for name, value in asked.items() if f"${name}" in resource.sql}
    return Question(resource.sql, resource.order, given, resource.tables, 100_000)


Drawn = tuple[str, str, str]
"""Label, value and colour."""


def _flaky(found: list[dict[str, Any]]) -> Drawn:
    count = sum(row["verdict"] == "flaky" for row in found)
    return "flaky tests", str(count), GREEN if not count else AMBER if count < 10 else RED  # noqa: PLR2004 - a colour


def _metric(
    label: str, column: str, shown: Callable[[float], str], good: Callable[[float], bool]
) -> Callable[[list[dict[str, Any]]], Drawn]:
    def drawn(found: list[dict[str, Any]]) -> Drawn:
        value = found[0][column] if found else None
        if value is None:
            return label, "unknown", GREY
        return label, shown(value), GREEN if good(value) else AMBER

    return drawn


def _span(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


DAY_S, WEEK = 86_400, 1 / 7
DRAWN: dict[str, Callable[[list[dict[str, Any]]], Drawn]] = {
    "flaky": _flaky,
    "deployment_frequency": _metric(
        "deployments", "deployments_per_day", lambda rate: f"{rate * 7:.1f} a week",
        lambda rate: rate >= WEEK,
    ),
    "change_lead_time": _metric(
        "lead time", "change_lead_time_s", _span, lambda seconds: seconds <= 7 * DAY_S
    ),
    "change_fail_rate": _metric(
        "change fail rate", "change_fail_rate", "{:.0%}".format, lambda rate: rate <= 0.15  # noqa: PLR2004 - a colour
    ),
    "recovery_time": _metric("recovery", "recovery_s", _span, lambda seconds: seconds <= DAY_S),
    "rework_rate": _metric("rework", "rework_rate", "{:.0%}".format, lambda rate: rate <= 0.15),  # noqa: PLR2004 - a colour
}  # fmt: skip


def svg(label: str, value: str, tone: str) -> str:
    """Return a badge: the label on grey, the value on its colour; its title says both.

    Texts are fitted to the width that they were given, so that it looks alike in every font.
    """
    left, right = (round(width_px(text)) + PAD_PX for text in (label, value))
    said = escape(f"{label}: {value}")
    font = "font-family='Verdana,DejaVu Sans,sans-serif' font-size='11' fill='#fff'"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{left + right}' height='20' role='img' "
        f"aria-label='{said}'><title>{said}</title>"
        f"<path fill='{LABEL}' d='M{left} 0H4a4 4 0 0 0-4 4v12a4 4 0 0 0 4 4h{left - 4}z'/>"
        f"<path fill='{tone}' d='M{left} 0h{right - 4}a4 4 0 0 1 4 4v12a4 4 0 0 1-4 4H{left}z'/>"
        f"<g {font}>{_text(label, 0)}{_text(value, left)}</g></svg>"
    )


def width_px(text: str) -> float:
    """Return about how wide a text is."""
    return sum(NARROW_PX if one in NARROW else WIDE_PX if one in WIDE else USUAL_PX for one in text)


def _text(text: str, left: int) -> str:
    fitted = f"textLength='{width_px(text):.1f}' lengthAdjust='spacingAndGlyphs'"
    return f"<text x='{left + PAD_PX / 2:g}' y='14' {fitted}>{escape(text)}</text>"
