"""A shop to test: pages that behave, and pages that do what pages must not do."""

from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HEAD = "<!doctype html><html lang=en><title>Shop</title><body>"
PAGES = {
    "/": """<h1>Welcome</h1><label>Name <input id=n></label>
        <label>Password <input type=password></label>
        <label>Size <select><option>Small<option>Large</select></label>
        <label><input type=checkbox> Agree</label>
        <button onclick="document.getElementById('out').textContent = 'Hello ' + n.value">Sign in
        </button><p id=out></p><p id=gone>Loading</p><script>
        setTimeout(() => gone.remove(), 200); console.error('a warning for testers')</script>""",
    "/dialog": "<button onclick=\"document.title = confirm('Sure?') ? 'yes' : 'no'\">Ask</button>",
    "/download": "<a download=report.csv href='data:text/csv,a,b'>Report</a>",
    "/popup": "<a target=_blank href=/>Open shop</a>",
    "/loop": "<button>Go</button><script>setTimeout(() => { while (true); }, 900)</script>",
    "/noise": "<button>Go</button><script>const s = 'x'.repeat(1e5);"
    "setInterval(() => { for (let i = 0; i < 20; i++) console.log(s + i) }, 50)</script>",
    "/twins": "<button>Save</button><button>Save</button>",
}


class Shop(BaseHTTPRequestHandler):
    """Serves the pages."""

    hang = threading.Event()

    def do_GET(self) -> None:
        """Answer as the path asks."""
        path = self.path.partition("?")[0]
        if path == "/never":
            self.hang.wait(30)
        elif path.startswith("/to/"):
            self._head(302, ("location", f"http://{path.removeprefix('/to/')}/"))
        elif path == "/broken":
            self._head(500, ("content-type", "text/html"))
            self.wfile.write(b"out of order")
        elif path in PAGES:
            self._head(200, ("content-type", "text/html"))
            self.wfile.write(f"{HEAD}{PAGES[path]}".encode())
        else:
            self._head(404)

    def _head(self, status: int, *headers: tuple[str, str]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server has it
        """Say nothing."""


@contextmanager
def open_shop(*, certificate: Path | None = None) -> Generator[str]:
    """Serve the shop on a free port; yield host:port. A certificate makes it https."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        Shop.hang.set()
        server.shutdown()
        server.server_close()


def self_signed(folder: Path) -> Path:
    """Return the path of a new certificate that nobody trusts, with its key."""
    path = folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
         "/CN=127.0.0.1", "-keyout", str(path), "-out", str(folder / "only.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    path.write_bytes(path.read_bytes() + (folder / "only.pem").read_bytes())
    return path
