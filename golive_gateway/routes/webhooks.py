"""Webhooks: `POST /webhooks/{instance}`, answered 202 once the delivery is on disk.

Who may send is told by the source: the signature or the token of its service, or
`X-GoLive-Signature` with the HMAC-SHA256 of the body, under the secret that `webhook_secret` of the
source refers to.
A repeated delivery is answered 202 as well and counts once.
"""

from __future__ import annotations

import asyncio
import time
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as InPath
from pydantic import BaseModel

from golive_core import settings
from golive_core.inbox import Delivery, Inbox, Writer
from golive_core.log import get_logger
from golive_core.settings import Instance
from golive_gateway import bodies
from ingest import registry
from ingest.source import Context
from ingest.webhook import delivery_id, verified

router = APIRouter(tags=["webhooks"])
log = get_logger(__name__)
WEBHOOK = "webhook"
IS_BUSY = True
"""Asked far more often than the others."""
KEPT_HEADERS = ("content-type", "user-agent")
"""Headers kept beside those that begin with x-: no secret is in them."""
LOOK_S = 1.0
"""Between two looks at the settings file."""
SECRETS = frozenset({"x-gitlab-token", "x-api-key", "x-auth-token"})


class Accepted(BaseModel):
    """The delivery is durable. `is_new` is false for one that was here before."""

    delivery_id: str
    is_new: bool


@router.post(
    "/webhooks/{instance}",
    status_code=202,
    responses={
        401: {"description": "The signature or the token is missing or wrong."},
        404: {"description": "No source of that name takes webhooks."},
        408: {"description": "The body took too long."},
        413: {"description": "The body is too large."},
    },
)
async def receive(request: Request, instance: Annotated[str, InPath(max_length=100)]) -> Accepted:
    """Take a webhook of a configured source."""
    hooked = _hooked(instance)
    body = await bodies.read(request)
    headers = dict(request.headers)
    if not verified(hooked.source, headers, body, hooked.secret()):
        log.warning("webhook refused", instance=instance, size_bytes=len(body))
        raise HTTPException(401, "the signature or the token is missing or wrong")
    delivery = Delivery(instance, delivery_id(headers, body), WEBHOOK, body, headers=_kept(headers))
    is_new = await asyncio.wrap_future(writer(settings.home()).put(delivery))
    return Accepted(delivery_id=delivery.delivery_id, is_new=is_new)


class _Hooked:
    """A source that takes webhooks; its secret is read anew, since it may be changed."""

    def __init__(self, configured: settings.Settings, instance: Instance) -> None:
        self._base, self._instance = configured.base, instance
        self.source = registry.build(instance, Context(home=configured.home, base=configured.base))

    def secret(self) -> str:
        return settings.resolve(self._instance.webhook_secret, base=self._base)


def _hooked(name: str) -> _Hooked:
    """Return the source; the settings file is looked at once a second at most."""
    place = settings.variable("GOLIVE_BASE"), settings.variable("GOLIVE_HOME")
    file, changed_ns = _file(int(time.monotonic() / LOOK_S), *place)
    found = _known(name, file, changed_ns)
    if found is None:
        raise HTTPException(404, f"no source {name!r} takes webhooks")
    return found


@lru_cache(maxsize=1)
def _file(tick: int, *place: str) -> tuple[Path | None, int]:
    """Return the settings file and when it changed, looked at once for each tick."""
    file = settings.file_of()
    return file, file.stat().st_mtime_ns if file else 0


@lru_cache(maxsize=256)
def _known(name: str, file: Path | None, changed_ns: int) -> _Hooked | None:
    """Return the source, built once for each state of the settings file; None if it takes none."""
    configured = settings.load()
    instance = configured.instances.get(name)
    if instance is None or not instance.webhook_secret:
        return None
    return _Hooked(configured, instance)


@lru_cache(maxsize=4)
def writer(home: Path) -> Writer:
    """Return the one writer of this process for a home."""
    return Writer(Inbox(home))


def _kept(headers: dict[str, str]) -> dict[str, str]:
    """Return the headers that tell what was sent, without any that carries a secret."""
    return {
        name: value
        for name, value in headers.items()
        if name in KEPT_HEADERS
        or (name.startswith("x-") and name not in SECRETS and "signature" not in name)
    }
