"""Reads an OpenAPI description from a file or an address; nothing that it points to is fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from urllib.parse import urljoin

from golive_core.errors import UsageError
from golive_core.http.loop import Loop
from golive_runner.rest import fill
from golive_runner.rest.client import Bounds, Client, Reach, trust
from golive_runner.rest.document import Checks

OK = 200
MOST_BYTES = 64 << 20


def load(named: str, path: Path, checks: Checks, loop: Loop) -> dict[str, Any]:
    """Return the description; raises UsageError where it or schemathesis is missing."""
    if find_spec("schemathesis") is None:
        raise UsageError("an OpenAPI description needs schemathesis", where=str(path),
                         hint="Run: .venv/bin/python -m pip install schemathesis")  # fmt: skip
    place = fill.text(named, {})
    is_url = place.startswith(("http://", "https://"))
    text = _fetched(place, path, checks, loop) if is_url else _read(path.parent / place)
    found = _parsed(text, named)
    for reference in _references(found):
        if "://" in reference:
            raise UsageError(f"points to {reference}, which is not fetched", where=named,
                             hint="Bundle the description into one file")  # fmt: skip
    return found


def server_of(raw: dict[str, Any], named: str, path: Path) -> str:
    """Return the server that a description names; raises UsageError if there is none."""
    servers = raw.get("servers")
    told = str(servers[0].get("url", "")) if servers else ""
    if "host" in raw:
        scheme = (raw.get("schemes") or ["https"])[0]
        told = f"{scheme}://{raw['host']}{raw.get('basePath', '')}"
    server = urljoin(named, told) if "://" in named else told
    if not server.startswith(("http://", "https://")) or "{" in server:
        raise UsageError("the description names no server to ask", where=str(path),
                         hint="Write base: https://… above openapi:")  # fmt: skip
    return server


def _fetched(url: str, path: Path, checks: Checks, loop: Loop) -> bytes:
    import httpx

    bounds = Bounds(checks.timeout_s, checks.deadline_s, MOST_BYTES)
    ca = path.parent / checks.ca if checks.ca else None
    client = Client(Reach([url], checks.allow), bounds, trust(checks.insecure, ca))
    headers = {key: fill.text(value, {}) for key, value in checks.headers.items()}
    try:
        request = httpx.Request("GET", url, headers=headers)
        exchange = loop.submit(
            client.send(client.session(), request, follow=checks.follow)
        ).result()
    finally:
        loop.submit(client.close()).result()
    if exchange.error or exchange.status != OK:
        why = exchange.error.what if exchange.error else f"HTTP {exchange.status}"
        raise UsageError(f"the description cannot be fetched ({why})", where=url)
    return exchange.body


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"the description cannot be read ({error.strerror})"
        raise UsageError(what, where=str(path)) from error


def _parsed(content: bytes, named: str) -> dict[str, Any]:
    try:
        found: object = json.loads(content)
    except ValueError:
        found = _yaml(content, named)
    if not isinstance(found, dict) or not {"openapi", "swagger"} & set(cast("Any", found)):
        raise UsageError("is no OpenAPI description", where=named)
    return cast("dict[str, Any]", found)


def _yaml(content: bytes, named: str) -> object:
    import yaml

    try:
        return yaml.load(content, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError) as error:
        what = f"neither JSON nor YAML: {str(error).splitlines()[0]}"
        raise UsageError(what, where=named) from error


def _references(value: object) -> Iterator[str]:
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            for key, inner in cast("dict[object, object]", one).items():
                if key == "$ref" and isinstance(inner, str):
                    yield inner
                waiting.append(inner)
        elif isinstance(one, list):
            waiting.extend(cast("list[object]", one))
