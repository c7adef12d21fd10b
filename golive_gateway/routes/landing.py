"""The page at `/`: where to go."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from golive_core import access
from golive_gateway.pages import dagster_url, dashboards_url, page

router = APIRouter(tags=["landing"])


@router.get("/", response_class=HTMLResponse)
def landing(request: Request) -> str:
    """Return links to dashboards and Dagster, or how to sign in."""
    if not access.is_signed_in(request.cookies) and access.is_required():
        return page(
            "GoLive",
            "<p>You are not signed in.</p>"
            "<a href='/sign-in'><b>Sign in</b><span>With name and password</span></a>"
            "<p>Or open the link that <code>golive up</code> printed; run it again for a fresh one."
            "</p>",
        )
    return page(
        "GoLive",
        f'<a href="{dashboards_url(request)}"><b>Dashboards</b>'
        "<span>What broke, since which commit, is it flaky, what did it cost</span></a>"
        f'<a href="{dagster_url(request)}"><b>Dagster</b>'
        "<span>Assets, runs, schedules and the lineage from source to page</span></a>"
        '<a href="/health/ready"><b>Health</b><span>Is the lake readable</span></a>'
        '<form method="post" action="/sign-out"><button>Sign out</button></form>',
    )
