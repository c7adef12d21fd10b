"""The web application: what every request passes through, and the routes found in `routes/`.

A resource is one file in `routes/` with an APIRouter named `router`; nothing here lists them.
It is started as `uvicorn --factory golive_gateway.app:create_app`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golive_core import settings
from golive_core.errors import GoLiveError
from golive_core.log import get_logger
from golive_core.sections import Gateway
from golive_gateway import routes
from golive_gateway.cross_site import SameSite
from golive_gateway.described import Described
from golive_gateway.limits import Limited
from golive_gateway.metrics import Measured, Metrics
from golive_gateway.request_log import Told
from golive_gateway.watch import Watched

HOSTS = ["127.0.0.1", "localhost", "[::1]"]
"""Names that it answers to: a page elsewhere cannot point its own name at this machine."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with no-referrer our own forms come with Origin: null
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}
SHARED: dict[str, Any] = {
    "allow_methods": ["GET", "POST"],
    "allow_headers": ["Authorization", "Accept", "Content-Type", "If-None-Match", "X-Request-ID"],
    "expose_headers": ["ETag", "Link", "Retry-After", "X-GoLive-SQL", "X-Request-ID"],
    "max_age": 600,
}
"""What pages elsewhere may do (`[gateway] origins`); without credentials: they show a token."""
RAW_HEADERS = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
log = get_logger(__name__)


def create_app() -> FastAPI:
    """Return the application with every route of `routes/`."""
    app = Described(title="GoLive", docs_url=None, redoc_url=None, version=version("golive"))
    app.state.metrics = Metrics()
    app.add_middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)
    app.add_middleware(SameSite)
    app.add_middleware(Limited)
    configured = _configured()
    if configured.origins:
        app.add_middleware(CORSMiddleware, allow_origins=configured.origins.split(), **SHARED)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=_hosts(configured))
    app.add_middleware(Watched)
    app.add_middleware(Measured, metrics=app.state.metrics)
    app.add_middleware(Told)
    app.add_middleware(Guarded)
    app.exception_handler(GoLiveError)(_explain)
    for router in _routers():
        app.include_router(router)
    return app


def _configured() -> Gateway:
    """Return the settings of the gateway; where golive.toml is wrong, the usual ones."""
    try:
        return settings.load().gateway
    except GoLiveError as error:
        log.warning("golive.toml is not valid", error=str(error))  # told by every page and command
        return Gateway()


def _hosts(configured: Gateway) -> list[str]:
    """Return the names that it answers to: this machine's, and the one behind a front door."""
    outside = urlsplit(configured.url).hostname
    return [*HOSTS, outside] if outside else HOSTS


def _routers() -> Iterator[APIRouter]:
    found = pkgutil.iter_modules(routes.__path__, f"{routes.__name__}.")
    modules = [importlib.import_module(module.name) for module in found]
    # Routes are tried one after the other: what is asked most often comes first.
    for module in sorted(modules, key=lambda one: not getattr(one, "IS_BUSY", False)):
        yield module.router


class Guarded:
    """Gives every answer the headers that keep browsers from misusing it.

    Plain ASGI: the framework's own middleware costs a task and two streams for each request.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass on what is none."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                more = [pair for pair in RAW_HEADERS if pair[0] not in given]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        await self._app(scope, receive, guarded)


async def _explain(_request: Request, error: Exception) -> JSONResponse:
    """Answer an error of ours with what, where and hint; the log has it too."""
    log.warning("request failed", error=str(error))
    fields = {key: getattr(error, key, "") for key in ("what", "where", "hint")}
    return JSONResponse({"error": fields}, status_code=503)
