"""Real servers of metrics on free loopback ports, as their Debian packages bring them."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SECRET = "hook-secret"
RECEIVER = "shop.pager"
RULES = """\
groups:
- name: shop
  interval: 100ms
  rules:
  - alert: QueueFull
    expr: shop_queue{job="%(job)s"} > 5
    labels: {severity: page, service: cart}
    annotations: {summary: "the queue holds {{ $value }}"}
  - alert: QueueStays
    expr: shop_queue{job="%(job)s"} > 5
    for: 1h
    labels: {severity: warning}
"""
SCRAPES = """\
global: {scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 100ms}
rule_files: [rules.yml]
alerting:
  alertmanagers: [{static_configs: [{targets: ["%(alertmanager)s"]}]}]
scrape_configs:
- {job_name: push, honor_labels: true, static_configs: [{targets: ["%(pushgateway)s"]}]}
- {job_name: node, static_configs: [{targets: ["%(node)s"]}]}
"""
ROUTES = """\
route: {receiver: %(receiver)s, group_by: [alertname], group_wait: 0s, group_interval: 100ms}
receivers:
- name: %(receiver)s
  webhook_configs:
  - url: %(hook)s
    http_config: {authorization: {credentials: %(secret)s}}
"""
INFLUX = """\
reporting-disabled = true
bind-address = "127.0.0.1:%(rpc)d"
[meta]
  dir = "%(folder)s/meta"
[data]
  dir = "%(folder)s/data"
  wal-dir = "%(folder)s/wal"
[http]
  bind-address = "127.0.0.1:%(port)d"
  log-enabled = false
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def running(folder: Path, program: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program as long as the block lasts; the test is skipped where it is not installed."""
    path = shutil.which(program)
    if path is None:
        message = f"{program} is missing: make setup-test installs it"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with (folder / f"{program}.log").open("wb") as log:
        process = subprocess.Popen([path, *arguments], stdout=log, stderr=log, cwd=folder)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def until(what: Callable[[], Any], seconds: float = 30) -> Any:
    """Return the first result of `what` that is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := what():
                return found
        except OSError:
            pass
        time.sleep(0.05)
    raise TimeoutError(what)


def get(url: str, **params: str) -> Any:
    query = f"?{urllib.parse.urlencode(params)}" if params else ""
    with urllib.request.urlopen(url + query, timeout=10) as answer:
        body = answer.read()
    return json.loads(body) if body[:1] in (b"{", b"[") else body or True


def post(url: str, body: bytes, method: str = "POST") -> None:
    urllib.request.urlopen(urllib.request.Request(url, body, method=method), timeout=10).close()


@dataclass
class Hooks:
    """A listener for webhooks: headers and body of each."""

    seen: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""

    def of(self, status: str) -> list[tuple[dict[str, str], bytes]]:
        return [one for one in self.seen if json.loads(one[1])["status"] == status]


@contextmanager
def listening() -> Iterator[Hooks]:
    hooks = Hooks()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hooks.seen.append((dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hooks.url = f"http://127.0.0.1:{server.server_port}/hook"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield hooks
        server.shutdown()


@dataclass
class Stack:
    """Addresses of Pushgateway, node-exporter, Prometheus and Alertmanager, and their hooks."""

    pushgateway: str
    node: str
    prometheus: str
    alertmanager: str
    hooks: Hooks
    job: str = "cart"

    def push(self, value: float) -> None:
        post(f"{self.pushgateway}/metrics/job/{self.job}", f"shop_queue {value}\n".encode())

    def asked(self, path: str, **params: str) -> Any:
        return get(f"{self.prometheus}/api/v1/{path}", **params)

    def groups(self) -> list[Any]:
        return get(f"{self.alertmanager}/api/v2/alerts/groups")


@contextmanager
def stacked(folder: Path) -> Iterator[Stack]:
    """Run all four, Prometheus with a rule that sends to Alertmanager, and that to a listener."""
    names = ("pushgateway", "node", "prometheus", "alertmanager")
    at = {name: f"127.0.0.1:{free_port()}" for name in names}
    with listening() as hooks:
        stack = Stack(**{name: f"http://{host}" for name, host in at.items()}, hooks=hooks)
        routes = {"receiver": RECEIVER, "hook": hooks.url, "secret": SECRET}
        (folder / "rules.yml").write_text(RULES % {"job": stack.job})
        (folder / "prometheus.yml").write_text(SCRAPES % at)
        (folder / "alertmanager.yml").write_text(ROUTES % routes)
        with (
            running(folder, "prometheus-pushgateway", f"--web.listen-address={at['pushgateway']}"),
            running(
                folder, "prometheus-node-exporter", f"--web.listen-address={at['node']}",
                "--collector.disable-defaults", "--collector.loadavg",
            ),
            running(
                folder, "prometheus-alertmanager", "--config.file=alertmanager.yml",
                "--storage.path=alertmanager", f"--web.listen-address={at['alertmanager']}",
                "--cluster.listen-address=",
            ),
            running(
                folder, "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=values",
                f"--web.listen-address={at['prometheus']}",
            ),
        ):  # fmt: skip
            for one in names:
                until(lambda one=one: get(f"{getattr(stack, one)}/metrics"))
            until(lambda: stack.asked("alertmanagers")["data"]["activeAlertmanagers"])
            yield stack


@contextmanager
def influx(folder: Path) -> Iterator[str]:
    """Run an InfluxDB with a database `shop` that keeps 30 days; yield its address."""
    port = free_port()
    ports = {"rpc": free_port(), "port": port, "folder": folder}
    (folder / "influx.conf").write_text(INFLUX % ports)
    url = f"http://127.0.0.1:{port}"
    with running(folder, "influxd", "-config", "influx.conf"):
        until(lambda: get(f"{url}/ping"))
        query = urllib.parse.urlencode({"q": "CREATE DATABASE shop WITH DURATION 30d"})
        post(f"{url}/query?{query}", b"")
        yield url
