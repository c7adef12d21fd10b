"""`golive token` lets a CI job in, `golive upload` hands its reports to a gateway that runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import uvicorn

from golive_core.inbox import Inbox
from golive_gateway.app import create_app
from golive_gateway.routes import webhooks

REPORT = '<testsuite name="a"><testcase classname="a" name="b" time="1"/></testsuite>'


@pytest.fixture
def gateway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the address of a gateway of the folder."""
    (tmp_path / "golive.toml").write_text("[project.shop]\n")
    monkeypatch.setenv("GOLIVE_BASE", str(tmp_path))
    monkeypatch.setenv("GOLIVE_HOME", str(tmp_path / ".golive"))
    config = uvicorn.Config(create_app(), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()
    webhooks.writer(tmp_path / ".golive").close()
    webhooks.writer.cache_clear()


def test_from_a_token_to_reports_in_the_inbox(
    golive: Callable[..., object], gateway: str, tmp_path: Path
) -> None:
    run: Callable = golive
    made = run("token", "create", "jenkins", "--project", "shop")
    token = made.out.strip()
    assert token.startswith("glv_")
    assert "not shown again" in made.err
    (tmp_path / "out").mkdir()
    for name in ("a", "b"):
        (tmp_path / "out" / f"TEST-{name}.xml").write_text(REPORT.replace('"b"', f'"{name}"'))
    jenkins = {"JENKINS_URL": "http://ci", "BUILD_NUMBER": "7", "GIT_COMMIT": "d" * 40,
               "BRANCH_NAME": "main", "GOLIVE_TOKEN": token}  # fmt: skip
    command = ("upload", "out", "--project", "shop", "--url", gateway)
    first = run(*command, "--json", **jenkins)
    assert first.json["files"] == 2
    assert first.json["is_new"]
    assert "known already" in run(*command, **jenkins).err
    (waiting,) = Inbox(tmp_path / ".golive").waiting()
    assert b'"build": "7"' in waiting.body
    assert b"d" * 40 in waiting.body
    listed = run("token", "list", "--json").json
    assert [(one["name"], one["state"]) for one in listed] == [("jenkins", "active")]
    assert run("token", "revoke", listed[0]["token_id"]).code == 0
    refused = run(*command, **jenkins)
    assert refused.code == 1
    assert "401" in refused.err
    assert token not in refused.err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["upload", "nothing", "--project", "shop"], "no file is there"),
        (["token", "create", "x", "--scope", "everything"], "no scope is called everything"),
        (["token", "create", "x", "--project", "none"], "no project is called 'none'"),
        (["token", "revoke", "none"], "no token has the id"),
        (["token", "burn"], "nothing to do with a token"),
    ],
)
def test_wrong_use_is_told(golive: Callable, tmp_path: Path, args: list[str], said: str) -> None:
    done = golive(*args, GOLIVE_TOKEN="glv_x")
    assert done.code == 2
    assert said in done.err


class Tired(BaseHTTPRequestHandler):
    """Wants rest twice, then takes it."""

    seen = 0

    def do_POST(self) -> None:
        type(self).seen += 1
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(202 if self.seen > 2 else 503)
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(b'{"files": 1, "is_new": true}')

    def log_message(self, *_: object) -> None:
        pass


def test_a_gateway_that_wants_rest_is_asked_again(golive: Callable, tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text(REPORT)
    server = HTTPServer(("127.0.0.1", 0), Tired)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    done = golive("upload", "a.xml", "--project", "shop", "--url", url, GOLIVE_TOKEN="glv_x")
    server.shutdown()
    server.server_close()
    assert (done.code, Tired.seen) == (0, 3)
