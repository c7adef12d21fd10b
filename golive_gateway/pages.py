"""The few HTML pages of the gateway itself, without any asset from elsewhere."""

from __future__ import annotations

from fastapi import Request

from golive_core import settings

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 Inter, system-ui, sans-serif }
body { max-width: 34rem; margin: 18vh auto; padding: 0 1.5rem }
h1 { font-size: 1.6rem; letter-spacing: -.02em; margin: 0 0 1.2rem }
a { display: block; padding: .9rem 1.1rem; margin: .6rem 0; border-radius: .7rem; color: inherit;
    text-decoration: none; border: 1px solid color-mix(in srgb, currentColor 18%, transparent) }
a:hover, a:focus-visible { border-color: #4f7cff }
span { display: block; opacity: .7; font-size: .9rem }
code { padding: .1em .35em; border-radius: .3em;
       background: color-mix(in srgb, currentColor 10%, transparent) }
button { all: unset; cursor: pointer; opacity: .7; margin-top: .8rem }
button:focus-visible { outline: 2px solid #4f7cff; outline-offset: 3px; border-radius: .3rem }
label { display: block; margin: .9rem 0; font-size: .9rem }
input { display: block; box-sizing: border-box; width: 100%; margin-top: .3rem; padding: .7rem;
        font: inherit; font-size: 1rem; color: inherit; background: transparent;
        border-radius: .7rem; border: 1px solid color-mix(in srgb, currentColor 28%, transparent) }
input:focus-visible { outline: 2px solid #4f7cff; outline-offset: 1px }
button.main { display: block; box-sizing: border-box; width: 100%; margin: 1.4rem 0;
              padding: .75rem; text-align: center; border-radius: .7rem; background: #2f5fe0;
              color: #fff; opacity: 1 }
.trouble { color: #c2410c } .quiet { opacity: .7; font-size: .9rem }
@media (prefers-color-scheme: dark) { .trouble { color: #fb923c } }
"""


def page(title: str, body: str) -> str:
    """Return a whole page; `title` and `body` are trusted HTML of our own."""
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>{body}</html>"
    )


def dashboards_url(request: Request) -> str:
    """Return where the dashboards are: behind the front door, or under the host that was used."""
    known = settings.load()
    here = f"http://{request.url.hostname}:{known.ports.dashboards}"
    return f"{known.gateway.url.rstrip('/') or here}/"


def dagster_url(request: Request) -> str:
    """Return where Dagster is, likewise."""
    known = settings.load()
    outside = known.gateway.url.rstrip("/")
    here = f"http://{request.url.hostname}:{known.ports.dagster}"
    return f"{outside}/dagster/" if outside else f"{here}{known.dagster_prefix}/"
