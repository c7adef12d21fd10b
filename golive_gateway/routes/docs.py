"""`GET /docs`: the API for people, drawn from /openapi.json with nothing from elsewhere."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from golive_gateway.pages import page

router = APIRouter(include_in_schema=False)
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; connect-src 'self'; "
    "base-uri 'none'"
)
BODY = (
    "<p id='lead'>Reading the description &hellip;</p><main id='operations'></main>"
    "<noscript><p>The description itself is at <code>/openapi.json</code>.</p></noscript>"
    "<script src='/docs.js'></script>"
)
SCRIPT = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
STYLE = """<style>body{max-width:52rem;margin:8vh auto}
details{border-top:1px solid color-mix(in srgb,currentColor 14%,transparent);padding:.7rem 0}
summary{cursor:pointer}summary span{display:inline;margin-left:.8rem}
table{border-spacing:1rem .2rem;margin-left:-1rem;font-size:.9rem}td{vertical-align:top}
pre{overflow:auto;padding:.7rem;border-radius:.5rem;font-size:.85rem;
background:color-mix(in srgb,currentColor 7%,transparent)}</style>"""


@router.get("/docs", response_class=HTMLResponse)
def docs() -> HTMLResponse:
    """Return the page; it says what may be asked, which is no secret."""
    headers = {"Content-Security-Policy": POLICY}
    return HTMLResponse(page("The API of GoLive", STYLE + BODY), headers=headers)


@router.get("/docs.js", response_class=Response)
def script() -> Response:
    """Return what draws the page."""
    return Response(SCRIPT, media_type="text/javascript")
