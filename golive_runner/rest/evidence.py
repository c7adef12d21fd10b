"""What was sent and answered, as JSON in the artifact store: secrets masked, bodies capped.

Masks are those of `golive_core.redact`, and every captured value under a telling name (token,
password, ...). Bodies are masked before they are cut; a cut takes off what may be half a secret.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache

from golive_core.artifacts import ArtifactStore
from golive_core.redact import MASK, SHORTEST, masked, redact
from golive_core.settings import resolved_secrets
from golive_runner.attempt import Evidence
from golive_runner.rest.client import Exchange

MOST_BYTES = 64 << 10
"""Of a body that is kept; a person reads no more, and masking costs time by length."""
EDGE = 4096
MEDIA = "application/json"
EXCERPT = 600
WRITERS = 4


class Keeper:
    """Stores evidence while the next request is under way; `settle` waits for what is not there.

    A new file takes longer than a request on many machines, so several are written at once.
    """

    def __init__(self, store: ArtifactStore) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(WRITERS, thread_name_prefix="evidence")
        self._open: list[Future[str]] = []

    def put(self, content: bytes) -> str:
        """Begin to store and return the SHA-256."""
        self._open.append(self._pool.submit(self._store.put_bytes, content))
        return hashlib.sha256(content).hexdigest()

    def settle(self) -> None:
        """Wait until all is stored; raises LakeFullError, LakeError."""
        done, self._open = self._open, []
        for one in done:
            one.result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


class Masks:
    """What is secret in one attempt besides what the process knows: captured tokens."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def learn(self, values: Iterable[object]) -> None:
        """Take captured values as secrets."""
        self._secrets |= {str(one) for one in values if len(str(one)) >= SHORTEST}

    def text(self, value: str) -> str:
        """Return a text without secrets."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            value = value.replace(secret, MASK)
        return _redacted(value, resolved_secrets())

    def header(self, name: str, value: str) -> tuple[str, str]:
        """Return a header without secrets."""
        return name, self.text(_header(name, value, resolved_secrets()))

    def body(self, content: bytes, charset: str = "utf-8") -> tuple[str, bool]:
        """Return a body as text for people, and whether it was cut."""
        text = content[:MOST_BYTES].decode(charset, "replace")
        if "\0" in text:
            return f"{len(content):,} bytes that are no text", True
        told = self.text(text)
        if len(content) <= MOST_BYTES:
            return told, False
        return told[: max(0, len(told) - EDGE)], True


@lru_cache(maxsize=512)
def _redacted(text: str, _known: frozenset[str]) -> str:
    """Mask a text; what is known as secret is a part of the question, as it grows."""
    return redact(text)


@lru_cache(maxsize=512)
def _header(name: str, value: str, _known: frozenset[str]) -> str:
    return str(masked(value, name))


def kept(
    exchange: Exchange, masks: Masks, keeper: Keeper, *, insecure: bool
) -> tuple[Evidence, ...]:
    """Store request and response of an exchange and return them as evidence."""
    body, is_cut = masks.body(exchange.sent)
    request = {
        "method": exchange.method, "url": masks.text(exchange.url),
        "headers": [masks.header(*pair) for pair in exchange.sent_headers],
        "body": body, "body_bytes": len(exchange.sent), "is_cut": is_cut,
    }  # fmt: skip
    found = [_stored("request", request, keeper)]
    found.append(_stored("response", _response(exchange, masks, insecure), keeper))
    return tuple(found)


def _response(exchange: Exchange, masks: Masks, insecure: bool) -> dict[str, object]:
    body, is_cut = masks.body(exchange.body, exchange.charset)
    return {
        "status": exchange.status, "reason": exchange.reason,
        "headers": [masks.header(*pair) for pair in exchange.headers],
        "body": body, "body_bytes": len(exchange.body), "is_cut": is_cut,
        "redirects": [masks.text(one) for one in exchange.redirects],
        "certificate": _certificate(exchange, insecure),
        "error": masks.text(exchange.error.what) if exchange.error else "",
        "connect_s": _rounded(exchange.connect_s), "first_byte_s": _rounded(exchange.first_byte_s),
        "total_s": _rounded(exchange.total_s),
    }  # fmt: skip


def _certificate(exchange: Exchange, insecure: bool) -> str:
    if not exchange.url.startswith("https:"):
        return "none"
    return "not checked" if insecure else "checked"


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def _stored(kind: str, told: Mapping[str, object], keeper: Keeper) -> Evidence:
    content = json.dumps(told, ensure_ascii=False).encode()
    return Evidence(kind, f"{kind}.json", MEDIA, keeper.put(content), len(content))


def excerpt(exchange: Exchange, masks: Masks) -> str:
    """Return request line, status and the start of the body, for a failure's details."""
    head = f"{exchange.method} {masks.text(exchange.url)}"
    status = (
        f"HTTP {exchange.status} {exchange.reason}".rstrip() if exchange.status else "no answer"
    )
    body = masks.body(exchange.body, exchange.charset)[0][:EXCERPT]
    redirects = (masks.text(one) for one in exchange.redirects)
    return "\n".join(part for part in (head, *redirects, status, "", body) if part or body)
