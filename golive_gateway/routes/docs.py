"""`GET /docs`: the API for people, drawn from /openapi.json with nothing from elsewhere."""

from __future__ import annotations

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
SCRIPT = """
"use strict";
const make = (tag, text, parent) => {
  const one = document.createElement(tag);
  if (text) one.textContent = text;
  if (parent) parent.append(one);
  return one;
};
const typed = (schema = {}) =>
  schema.type || (schema.anyOf || []).map(typed).filter((t) => t !== "null").join(" or ") || "any";
const curl = (method, path, operation) => {
  const needed = (operation.parameters || []).filter((p) => p.in === "query" && p.required);
  const query = needed.map((p) => `${p.name}=...`).join("&");
  const body = operation.requestBody ? " -H 'Content-Type: application/json' -d @body.json" : "";
  const verb = method === "get" ? "" : ` -X ${method.toUpperCase()}`;
  const url = `${location.origin}${path}${query ? "?" + query : ""}`;
  return `curl${verb} -H "Authorization: Bearer $GOLIVE_TOKEN"${body} "${url}"`;
};
const draw = (path, method, operation, parent) => {
  const box = make("details", "", parent);
  const head = make("summary", "", box);
  make("code", `${method.toUpperCase()} ${path}`, head);
  make("span", operation.summary || "", head);
  make("p", operation.description || "", box);
  const rows = operation.parameters || [];
  if (rows.length) {
    const table = make("table", "", box);
    for (const one of rows) {
      const row = make("tr", "", table);
      make("td", one.name + (one.required ? " (required)" : ""), row);
      make("td", typed(one.schema), row);
      make("td", one.description || (one.schema || {}).description || "", row);
    }
  }
  make("pre", curl(method, path, operation), box);
  const answers = make("p", "", box);
  for (const [code, told] of Object.entries(operation.responses || {}))
    make("span", `${code}: ${told.description}`, answers);
};
fetch("/openapi.json").then((answer) => answer.json()).then((told) => {
  document.getElementById("lead").textContent =
    `Version ${told.info.version}. Answers are JSON, CSV, Arrow or Parquet by the Accept header.`;
  const parent = document.getElementById("operations");
  for (const [path, methods] of Object.entries(told.paths))
    for (const [method, operation] of Object.entries(methods))
      draw(path, method, operation, parent);
});
"""
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
