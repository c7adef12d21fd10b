"""A small shop behind a real uvicorn, and servers that misbehave behind raw sockets."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

TOKEN = "t0psecret-4711-token"


def shop() -> FastAPI:
    app = FastAPI()
    _orders(app)
    _oddities(app)
    return app


def _orders(app: FastAPI) -> None:

    @app.get("/v1/users/{user}")
    def user(user: str, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"error": "who are you?"}, 401)
        body = {"id": len(user), "name": user, "tags": ["a", "b"], "echo": TOKEN, "note": None}
        return JSONResponse(body, headers={"x-count": "3"})

    @app.post("/v1/orders")
    async def order(request: Request) -> Response:
        body = await request.json()
        return JSONResponse({"order": body, "type": type(body["user"]).__name__}, 201)

    @app.post("/login")
    async def login(request: Request) -> Response:
        form = (await request.body()).decode()
        answer = JSONResponse({"access_token": "abc123def456ghi", "form": form})
        answer.set_cookie("session", "s3ss10n-value")
        return answer

    @app.get("/cookie")
    def cookie(request: Request) -> dict[str, str | None]:
        return {"has": str("session" in request.cookies).lower(), "q": request.url.query}


def _oddities(app: FastAPI) -> None:
    flaky = {"count": 0}

    @app.get("/flaky")
    def sometimes() -> Response:
        flaky["count"] += 1
        return JSONResponse({"count": flaky["count"]}, 503 if flaky["count"] % 2 else 200)

    @app.get("/to")
    def to(url: str) -> Response:
        return RedirectResponse(url)

    @app.get("/broken")
    def broken() -> Response:
        return Response('{"a": 1,', media_type="application/json")

    @app.api_route("/echo/{rest:path}", methods=["GET", "PUT", "DELETE", "HEAD"])
    async def echo(rest: str, request: Request) -> dict[str, str]:
        return {"path": request.scope["raw_path"].decode(), "body": (await request.body()).decode()}


@contextmanager
def served(app: object, **options: object) -> Iterator[str]:
    """Serve an app on loopback and yield its address."""
    config = uvicorn.Config(app, port=0, log_level="error", ws="none", **options)  # type: ignore[arg-type]
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.005)
        scheme = "https" if config.is_ssl else "http"
        try:
            yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@contextmanager
def raw(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Listen on a plain socket; `answer` gets each connection after its request was read."""
    stop = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)

    def one(connection: socket.socket) -> None:
        with connection:
            connection.recv(65536)
            try:
                answer(connection)
            except OSError:
                return

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            threading.Thread(target=one, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        stop.set()
        thread.join()
        listening.close()


def self_signed(folder: Path) -> tuple[str, str]:
    """Write a certificate for 127.0.0.1 that nobody vouches for, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.example.org")])
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = folder / "cert.pem", folder / "key.pem"
    pem[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem[1].write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption(),
    ))  # fmt: skip
    return str(pem[0]), str(pem[1])
