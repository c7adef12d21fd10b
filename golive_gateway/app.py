"""The web application: what every request passes through, and the routes found in `routes/`.

A resource is one file in `routes/` with an APIRouter named `router`; nothing here lists them.
It is started as `uvicorn --factory golive_gateway.app:create_app`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from starlette.middleware.trustedhost import TrustedHostMiddleware

from golive_core.errors import GoLiveError
from golive_core.log import get_logger
from golive_gateway import routes

HOSTS = ["127.0.0.1", "localhost", "[::1]"]
"""Names that it answers to: a page elsewhere cannot point its own name at this machine."""
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}
log = get_logger(__name__)


def create_app() -> FastAPI:
    """Return the application with every route of `routes/`."""
    app = FastAPI(title="GoLive", docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)
    app.middleware("http")(_guard_answer)
    app.exception_handler(GoLiveError)(_explain)
    for router in _routers():
        app.include_router(router)
    return app


def _routers() -> Iterator[APIRouter]:
    for module in pkgutil.iter_modules(routes.__path__, f"{routes.__name__}."):
        yield importlib.import_module(module.name).router


async def _guard_answer(
    request: Request, answer: Callable[[Request], Awaitable[Response]]
) -> Response:
    response = await answer(request)
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _explain(_request: Request, error: Exception) -> JSONResponse:
    """Answer an error of ours with what, where and hint; the log has it too."""
    log.warning("request failed", error=str(error))
    fields = {key: getattr(error, key, "") for key in ("what", "where", "hint")}
    return JSONResponse({"error": fields}, status_code=503)
