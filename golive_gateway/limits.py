"""How much one caller may ask for: by address, and by token or session, counted by `limits`.

Counts live in this process, or in Redis where several gateways share them (`[gateway] store`); a
Redis that is away is replaced by counting here. Who is beyond a limit gets 429 with Retry-After,
and who was refused too often is not even asked for a password any more.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import StorageError
from redis.asyncio import ConnectionPool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from golive_core import access, settings
from golive_core.errors import SettingsError
from golive_core.log import get_logger
from golive_core.settings import Gateway

UNLIMITED = ("/health/",)
GROUPS = (("/webhooks/", "webhooks"), ("/sign-in", "sign_ins"))
"""How a path begins, and the limit of `[gateway]` that counts for it; the others share one."""
SIGN_IN_OF_PROGRAMS = ("POST", "/v1/session")
REFUSED = frozenset({401, 403, 404, 405})
BUSY_S = 1
log = get_logger(__name__)


@dataclass(slots=True)
class Counter:
    """The limits of a gateway and where they are counted."""

    limits: dict[str, RateLimitItem]
    counted: SlidingWindowCounterRateLimiter
    here: SlidingWindowCounterRateLimiter = field(
        default_factory=lambda: SlidingWindowCounterRateLimiter(MemoryStorage())
    )
    pool: ConnectionPool | None = None
    """Of a Redis: closed with the gateway."""

    async def wait_s(self, group: str, *keys: str) -> int:
        """Count a request; return 0, or the seconds to wait where it is one too many."""
        item = self.limits[group]
        if await self._hit(item, group, *keys):
            return 0
        return await self._left(item, group, *keys)

    async def held_s(self, group: str, *keys: str) -> int:
        """Return the seconds to wait of who is beyond a limit already, without counting."""
        item = self.limits[group]
        try:
            fine = await self.counted.test(item, group, *keys)
        except StorageError:
            fine = await self.here.test(item, group, *keys)
        return 0 if fine else await self._left(item, group, *keys)

    async def _hit(self, item: RateLimitItem, *keys: str) -> bool:
        try:
            return await self.counted.hit(item, *keys)
        except StorageError as error:
            log.warning("limits are counted here: the store is away", error=str(error)[:200])
            return await self.here.hit(item, *keys)

    async def _left(self, item: RateLimitItem, *keys: str) -> int:
        try:
            stats = await self.counted.get_window_stats(item, *keys)
        except StorageError:
            stats = await self.here.get_window_stats(item, *keys)
        return max(1, math.ceil(stats.reset_time - time.time()))


def counter(configured: Gateway) -> Counter:
    """Return the limits that are configured; raises SettingsError for one that is none."""
    limits = {
        name: _limit(name, getattr(configured, name))
        for name in ("requests", "webhooks", "sign_ins", "refusals")
    }
    pool = _pool(configured.store)
    store: Storage = MemoryStorage()
    if pool is not None:
        store = RedisStorage(
            "async+redis://", wrap_exceptions=True, implementation="redispy",
            key_prefix="golive", connection_pool=pool,  # type: ignore[arg-type] - as documented
        )  # fmt: skip
    return Counter(limits, SlidingWindowCounterRateLimiter(store), pool=pool)


def _configured() -> tuple[Counter, int]:
    """Return limits and requests at a time; where the settings are wrong, the usual ones."""
    try:
        found = settings.load().gateway
        return counter(found), found.concurrent
    except SettingsError as error:
        log.warning("the usual limits count: those of golive.toml are wrong", error=str(error))
        return counter(Gateway()), Gateway().concurrent


def _limit(name: str, text: str) -> RateLimitItem:
    try:
        return parse(text)
    except ValueError:
        hint = 'For example "600/minute"'
        raise SettingsError(f"{text!r} is no limit", where=f"gateway.{name}", hint=hint) from None


def _pool(store: str) -> ConnectionPool | None:
    """Return connections to the Redis that counts; None where counts stay in memory."""
    if store == "memory":
        return None
    address = settings.resolve(store)
    if not address.startswith(("redis://", "rediss://")):
        hint = "For example redis://127.0.0.1:6379/0"
        raise SettingsError("the store of limits is no Redis", where="gateway.store", hint=hint)
    return ConnectionPool.from_url(
        address, max_connections=64, socket_connect_timeout=1, socket_timeout=1
    )


class Limited:
    """Turns away what is beyond a limit, and what is more than can be answered at a time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._counter: Counter | None = None
        self._running = 0
        self._most = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or say when to come back."""
        if scope["type"] == "lifespan":
            await self._app(scope, self._closing(receive), send)
            return
        if scope["type"] != "http" or scope["path"].startswith(UNLIMITED):
            await self._app(scope, receive, send)
            return
        if self._counter is None:
            self._counter, self._most = _configured()
        if self._running >= self._most:
            await _turn_away(send, 503, BUSY_S, "too many requests at a time")
            return
        address = str((scope.get("client") or ("", 0))[0])
        wait_s = await self._wait_s(self._counter, scope, address)
        if wait_s:
            await _turn_away(send, 429, wait_s, "too many requests")
            return
        self._running += 1
        try:
            await self._app(scope, receive, self._counting(send, self._counter, address))
        finally:
            self._running -= 1

    def _closing(self, receive: Receive) -> Receive:
        async def closing() -> Message:
            message = await receive()
            pool = self._counter.pool if self._counter else None
            if message["type"] == "lifespan.shutdown" and pool is not None:
                await pool.disconnect()
            return message

        return closing

    async def _wait_s(self, count: Counter, scope: Scope, address: str) -> int:
        group = group_of(scope["method"], scope["path"])
        held = await count.held_s("refusals", address)
        if held:
            return held
        for key in (address, *_credential(Headers(scope=scope), group)):
            wait_s = await count.wait_s(group, key)
            if wait_s:
                return wait_s
        return 0

    @staticmethod
    def _counting(send: Send, count: Counter, address: str) -> Send:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in REFUSED:
                await count.wait_s("refusals", address)
            await send(message)

        return counting


def group_of(method: str, path: str) -> str:
    """Return the name of the limit of `[gateway]` that counts for a request."""
    if (method, path) == SIGN_IN_OF_PROGRAMS:
        return "sign_ins"
    return next((name for start, name in GROUPS if path.startswith(start)), "requests")


def _credential(headers: Headers, group: str) -> Sequence[str]:
    """Return what stands for the token or session of a request; webhooks have none of ours."""
    if group == "webhooks":
        return ()
    shown = headers.get("authorization") or ""
    if not shown and access.COOKIE in headers.get("cookie", ""):
        shown = headers["cookie"]
    return (hashlib.sha256(shown.encode()).hexdigest()[:24],) if shown else ()


async def _turn_away(send: Send, status: int, wait_s: int, what: str) -> None:
    body = json.dumps({"detail": f"{what}: come back in {wait_s} s"}).encode()
    headers = [
        (b"content-type", b"application/json"), (b"retry-after", str(wait_s).encode()),
        (b"content-length", str(len(body)).encode()),
    ]  # fmt: skip
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
