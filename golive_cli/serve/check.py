"""`golive up --check`: looks whether every page and API that is up answers with content.

Asked from outside, over HTTP, as a browser would; what a page draws is asked of `dashboards.probe`,
which needs no browser.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, cast

from golive_cli.output import say, show
from golive_cli.serve import ready, services
from golive_cli.serve.ports import HOST
from golive_core.settings import Ports, Settings

OK, SEE_OTHER, FORBIDDEN = 200, 303, 403
LOCATION_S = 60.0
"""Time for Dagster to load the code location."""
GRAPHQL = """{
  assetNodes { assetKey { path } }
  workspaceOrError { ... on Workspace { locationEntries {
    name locationOrLoadError { __typename ... on PythonError { message } } } } }
  instance { daemonHealth { allDaemonStatuses { daemonType required healthy } } }
}"""


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that was looked at."""

    what: str
    passed: bool
    detail: str


async def verified(settings: Settings, ports: Ports) -> bool:
    """Look at everything, print a table, and tell whether all of it is as it should be."""
    started = time.monotonic()
    seen = [one async for one in _all(settings, ports)]
    show(
        ["", "checked", "seen"],
        [("ok" if one.passed else "failed", one.what, one.detail) for one in seen],
    )
    failed = [one for one in seen if not one.passed]
    said = f"{len(failed)} of them failed" if failed else "all as they should be"
    say(f"{len(seen)} checks in {time.monotonic() - started:.0f} s, {said}.")
    return not failed


async def _all(settings: Settings, ports: Ports) -> AsyncIterator[Seen]:
    async for one in _gateway(ports):
        yield one
    async for one in _dashboards(settings, ports):
        yield one
    async for one in _dagster(f"http://{HOST}:{ports.dagster}{settings.dagster_prefix}"):
        yield one


async def _gateway(ports: Ports) -> AsyncIterator[Seen]:
    from golive_core import access

    root = f"http://{HOST}:{ports.gateway}"
    live = await ready.get(f"{root}/health/live")
    yield Seen("gateway /health/live", live.status == OK, _short(live.body))
    healthy = await ready.get(f"{root}/health/ready")
    tables = _json(healthy.body).get("checks", {}).get("lake", {}).get("tables", 0)
    yield Seen("gateway /health/ready", healthy.status == OK and tables > 0, _short(healthy.body))
    address = f"{root}/sign-in?token={access.make_token('link')}"
    first, second = await ready.get(address), await ready.get(address)
    cookie = first.header("set-cookie").partition(";")[0]
    opened = first.status == SEE_OTHER and access.is_signed_in(dict([_pair(cookie)]))
    yield Seen("sign-in link opens a session", opened, f"{first.status}")
    yield Seen("sign-in link works once", second.status == FORBIDDEN, f"{second.status}")
    landing = await ready.get(f"{root}/", cookie=cookie)
    yield Seen("gateway /", b"Dashboards" in landing.body, f"{len(landing.body):,} bytes")


def _pair(cookie: str) -> tuple[str, str]:
    name, _, value = cookie.partition("=")
    return name, value


async def _dashboards(settings: Settings, ports: Ports) -> AsyncIterator[Seen]:
    root = f"http://{HOST}:{ports.dashboards}"
    page = await ready.get(f"{root}/")
    passed = page.status == OK and b"<script" in page.body
    yield Seen("dashboards /", passed, f"{len(page.body):,} bytes")
    pages: dict[str, list[dict[str, Any]]] = {}
    async for line in _probe(settings, ports):
        pages.setdefault(line["title"], []).append(line)
    if not pages:
        yield Seen("pages", passed=False, detail="none could be drawn; see logs/probe.log")
    for title, lines in pages.items():
        errors = [error for line in lines for error in line["errors"]]
        shown = ", ".join(f"{line['project'] or 'all'}: {line['shown']}" for line in lines)
        filled = any(line["shown"] for line in lines)
        detail = "; ".join(errors) or f"elements shown, {shown}"
        yield Seen(f"page {title}", filled and not errors, detail[:300])


async def _probe(settings: Settings, ports: Ports) -> AsyncIterator[dict[str, Any]]:
    """Yield what `dashboards.probe` says, one page and project at a time."""
    environment = {**services.environment(settings, ports), "GOLIVE_SIGN_IN": "0"}
    with (settings.home / "logs" / "probe.log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "dashboards.probe",
            stdout=asyncio.subprocess.PIPE, stderr=log, env=environment,
        )  # fmt: skip
    try:
        out, _ = await child.communicate()
    finally:
        if child.returncode is None:
            child.kill()
    for line in out.decode().splitlines():
        yield json.loads(line)


async def _dagster(root: str) -> AsyncIterator[Seen]:
    page = await ready.get(f"{root}/")
    yield Seen("Dagster /", page.status == OK and bool(page.body), f"{len(page.body):,} bytes")
    data = await _loaded(f"{root}/graphql")
    entries = data.get("workspaceOrError", {}).get("locationEntries", [])
    wrong = [message for entry in entries if (message := _message(entry))]
    named = ", ".join(entry["name"] for entry in entries)
    yield Seen("code location", bool(entries) and not wrong, "; ".join(wrong)[:300] or named)
    keys = ["/".join(node["assetKey"]["path"]) for node in data.get("assetNodes", [])]
    layers = {key.partition("/")[0] for key in keys}
    complete = {"raw", "core", "marts"} <= layers
    yield Seen("Dagster's assets", complete, f"{len(keys)} in {', '.join(sorted(layers))}")
    ill = [
        one["daemonType"]
        for one in data.get("instance", {}).get("daemonHealth", {}).get("allDaemonStatuses", [])
        if one["required"] and not one["healthy"]
    ]
    yield Seen("Dagster's daemons", bool(data) and not ill, ", ".join(ill) or "healthy")


def _message(entry: dict[str, Any]) -> str:
    """Return why a location could not be loaded, empty if it could or is not through yet."""
    loaded: dict[str, str] = entry.get("locationOrLoadError") or {}
    return loaded.get("message", "")


async def _loaded(url: str) -> dict[str, Any]:
    """Return Dagster's answer once the location is loaded and its daemons have reported."""
    until = time.monotonic() + LOCATION_S
    data: dict[str, Any] = {}
    while time.monotonic() < until:
        answer = await ready.get(url, document={"query": GRAPHQL})
        data = _json(answer.body).get("data") or {}
        if _is_settled(data):
            break
        await asyncio.sleep(0.5)
    return data


def _is_settled(data: dict[str, Any]) -> bool:
    entries = data.get("workspaceOrError", {}).get("locationEntries", [])
    statuses = data.get("instance", {}).get("daemonHealth", {}).get("allDaemonStatuses", [])
    daemons = all(one["healthy"] for one in statuses if one["required"])
    return bool(data.get("assetNodes")) and not any(map(_message, entries)) and daemons


def _json(body: bytes) -> dict[str, Any]:
    try:
        found: object = json.loads(body)
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _short(body: bytes) -> str:
    return body.decode(errors="replace")[:120]
