"""Hostile requests to webhooks and uploads: nothing crashes, grows without bound or gets outside.

    python benchmarks/hostile_input.py [--requests 1000000] [--seed 1]

Seeded mutations of real requests, straight into the gateway's application (no socket in between):
broken and endless headers, wrong encodings, deep JSON, hostile XML, archives with paths that climb
and with bombs in them, SQL in every parameter, lengths that lie, bodies that end in the middle.
Printed: answers by status, requests a second, growth of memory against the limit of 200 MB, and
files that appeared outside of .golive (limit 0). A server error (500) is a failure.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import io
import os
import random
import resource
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

MOST_GROWTH_MB = 200
TOGETHER = 16
Headers = list[tuple[bytes, bytes]]
Asked = tuple[str, str, bytes, Headers, list[bytes]]
"""Method, path, query, headers, and the pieces of the body."""
SQL = ("' or 1=1 --", "\"; drop table core.builds; --", "$$select 1$$", "../../etc/passwd", "\x00",
       "%00", "{{7*7}}", "<script>alert(1)</script>", "\u202e\ud7ff", "A" * 5000)  # fmt: skip


def xml(dice: random.Random) -> bytes:
    """Return a report that means harm."""
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><testsuite>&b;</testsuite>',
        lambda: b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><testsuite/>',
        lambda: b"<testsuite>" * dice.randrange(1, 5000),
        lambda: b'<testsuite><testcase name="' + bytes(dice.randrange(256) for _ in range(200)),
        lambda: "<testsuite name='ä'/>".encode("utf-16"),
        lambda: b"<testsuite><testcase name='a'><failure>" + b"x" * dice.randrange(100_000),
    )
    return dice.choice(kinds)()


def archive(dice: random.Random) -> bytes:
    """Return an archive with a path that climbs, a bomb, or a cut end."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        name = dice.choice(["../../../tmp/golive-escape", "/tmp/golive-escape", "a/../../b.xml",
                            "C:\\x.xml", "ok.xml", "\u202exml.exe"])  # fmt: skip
        file.writestr(name, b"0" * dice.choice([10, 5_000_000]))
    body = buffer.getvalue()
    return body if dice.random() < 0.7 else body[: dice.randrange(1, len(body))]


def json_body(dice: random.Random) -> bytes:
    """Return a webhook's body that is deep, wrong or large."""
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: b"[" * dice.randrange(1, 20_000),
        lambda: b'{"a":' * 3000 + b"1" + b"}" * 3000,
        lambda: b'{"repository": {"full_name": 1}, "action": null}',
        lambda: bytes(dice.randrange(256) for _ in range(300)),
        lambda: b'{"n": 1e999999, "big": ' + b"9" * 5000 + b"}",
        lambda: b"",
    )
    return dice.choice(kinds)()


def asked(dice: random.Random, token: str) -> Asked:
    """Return the next request."""
    headers: Headers = [(b"host", b"127.0.0.1:8000")]
    if dice.random() < 0.5:
        path = dice.choice(["/webhooks/hub", "/webhooks/any", f"/webhooks/{dice.choice(SQL)}"])
        body, query = json_body(dice), b""
        headers += [(b"x-github-event", dice.choice(SQL).encode(errors="replace")),
                    (b"x-hub-signature-256", b"sha256=" + b"0" * 64)]  # fmt: skip
        if dice.random() < 0.5:
            headers.append((b"authorization", b"Bearer a-webhook-secret"))
    else:
        path = "/v1/reports"
        body = dice.choice([xml, archive, lambda d: gzip.compress(b"0" * 3_000_000)])(dice)
        names = ("project", "build", "commit", "branch", "environment")
        given = {name: dice.choice([*SQL, "shop"]) for name in names if dice.random() < 0.6}
        given.setdefault("project", "shop")
        query = "&".join(f"{k}={quote(v, errors='replace')}" for k, v in given.items()).encode()
        headers += [(b"authorization", f"Bearer {token}".encode()),
                    (b"x-file-name", dice.choice(SQL).encode(errors="replace"))]  # fmt: skip
        if dice.random() < 0.3:
            headers.append((b"content-type", b"multipart/form-data; boundary=x"))
    if dice.random() < 0.2:
        headers.append((b"content-length", dice.choice([b"-1", b"99999999999999", b"x", b"0"])))
    if dice.random() < 0.1:
        headers += [(f"x-{n}".encode(), b"y" * 500) for n in range(100)]
    cut = dice.randrange(0, len(body) + 1)
    return dice.choice(["POST"] * 9 + ["PUT"]), path, query, headers, [body[:cut], body[cut:]]


async def answered(app: Any, request: Asked, *, ends: bool) -> int:  # noqa: ANN401 - ASGI
    """Send one request; return the status, 0 where the client went away first."""
    method, path, query, headers, pieces = request
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "path": path, "raw_path": path.encode(errors="replace"), "query_string": query,
        "root_path": "", "scheme": "http", "server": ("127.0.0.1", 8000),
        "client": ("198.51.100.7", 1), "headers": headers, "state": {},
    }  # fmt: skip
    messages: Iterator[dict[str, Any]] = iter([
        *({"type": "http.request", "body": one, "more_body": True} for one in pieces),
        {"type": "http.request", "body": b"", "more_body": False} if ends
        else {"type": "http.disconnect"},
    ])  # fmt: skip
    status = 0

    async def receive() -> dict[str, Any]:
        return next(messages, {"type": "http.disconnect"})

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]

    try:
        await app(scope, receive, send)
    except Exception as error:  # noqa: BLE001 - what the server would log as a crash
        if type(error).__name__ == "ClientDisconnect":
            return 0
        print(f"crash: {error!r} at {method} {path[:80]!r}", file=sys.stderr)
        return 500
    return status


async def driven(app: Any, number: int, seed: int, token: str) -> Counter[int]:  # noqa: ANN401
    """Send so many requests, TOGETHER at a time; return answers by status."""
    dice, statuses = random.Random(seed), Counter[int]()
    left = number
    while left > 0:
        batch = [asked(dice, token) for _ in range(min(TOGETHER, left))]
        left -= len(batch)
        answers = await asyncio.gather(
            *(answered(app, one, ends=dice.random() < 0.95) for one in batch)
        )
        statuses.update(answers)
    return statuses


def memory_mb() -> float:
    """Return the largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Attack a gateway over an empty home."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "golive.toml").write_text(
            '[project.shop]\n[source.hub]\ntype = "github"\nproject = "shop"\n'
            'repositories = ["team/shop"]\nwebhook_secret = "env:HUB_SECRET"\n'
            '[source.any]\ntype = "jenkins"\nproject = "shop"\nurl = "http://127.0.0.1:9"\n'
            'webhook_secret = "env:HUB_SECRET"\n'
        )
        os.environ |= {
            "GOLIVE_HOME": str(folder / ".golive"), "GOLIVE_BASE": str(folder),
            "HUB_SECRET": "a-webhook-secret", "GOLIVE_LOG_LEVEL": "critical",
            **{f"GOLIVE_GATEWAY_{one}": "100000000/second"
               for one in ("REQUESTS", "WEBHOOKS", "REFUSALS")},
        }  # fmt: skip
        attacked(folder, given.requests, given.seed)


def attacked(folder: Path, number: int, seed: int) -> None:
    """Send the requests and print what became of them."""
    from golive_core.tokens import Tokens
    from golive_gateway.app import create_app

    _, token = Tokens(folder / ".golive").create("fuzz", ["reports:write"])
    app = create_app()
    asyncio.run(driven(app, 2_000, seed + 1, token))
    outside = {path for path in folder.iterdir() if path.name != ".golive"}
    before, started = memory_mb(), time.perf_counter()
    statuses = asyncio.run(driven(app, number, seed, token))
    took = time.perf_counter() - started
    growth = memory_mb() - before
    escaped = {path for path in folder.iterdir() if path.name != ".golive"} - outside
    escaped |= {path for path in (Path("/tmp/golive-escape"),) if path.exists()}
    errors = sum(count for status, count in statuses.items() if status >= 500 and status != 503)
    told = dict(sorted(statuses.items()))
    print(f"{number:,} requests, seed {seed}, {number / took:,.0f}/s: {told}")
    print(f"server errors: {errors} (limit 0); files outside of .golive: {len(escaped)} (limit 0)")
    print(f"ratio growth of memory / {MOST_GROWTH_MB} MB: {growth / MOST_GROWTH_MB:.2f}")
    if errors or escaped or growth > MOST_GROWTH_MB:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
