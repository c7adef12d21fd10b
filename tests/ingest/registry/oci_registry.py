"""A real registry (Debian's docker-registry) with its configuration, and what pushes images to it.

Pushing is the API of the distribution specification: blobs by POST and PUT, manifests by PUT.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from loopback import Asked, Loopback, Reply, ok

Json = dict[str, Any]
USER, PASSWORD = "bot", "right-token"
HTPASSWD = "bot:$2b$04$ilShAtSwtPIm4ZUGMhnoBe6eyr4uKnFhZGm1/CgJ4SBlttXAwj7b6\n"
OCI = "application/vnd.oci.image"
DOCKER = "application/vnd.docker"
MANIFEST, INDEX = f"{OCI}.manifest.v1+json", f"{OCI}.index.v1+json"
DOCKER_MANIFEST = f"{DOCKER}.distribution.manifest.v2+json"
DOCKER_LIST = f"{DOCKER}.distribution.manifest.list.v2+json"
CONFIGS = {MANIFEST: f"{OCI}.config.v1+json", DOCKER_MANIFEST: f"{DOCKER}.container.image.v1+json"}
SECRET = "hook-secret"
CLIENT = httpx.Client(verify=False, trust_env=False)
"""One for all: reading certificates takes longer than pushing an image."""
CONFIG = """
version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  filesystem: {{rootdirectory: {folder}/data}}
  delete: {{enabled: true}}
http: {{addr: "127.0.0.1:{port}", secret: s, relativeurls: true}}
"""
CLOSED = """
auth: {{htpasswd: {{realm: it, path: {folder}/htpasswd}}}}
"""
NOTIFYING = """
notifications:
  endpoints:
    - name: golive
      url: {listener}/hook
      headers: {{Authorization: [Bearer {secret}]}}
      timeout: 1s
      threshold: 3
      backoff: 100ms
"""


@dataclass
class Listener(Loopback):
    """Keeps the notifications that it is sent, as headers and body."""

    heard: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        self.heard.append((asked.headers, asked.body))
        return ok({})

    def of(self, name: str, action: str, count: int) -> list[tuple[dict[str, str], bytes]]:
        """Return the notifications of a repository once there are `count` of an action."""
        for _ in range(200):
            found = [one for one in list(self.heard) if events(one[1], name)]
            told = [e for one in found for e in events(one[1], name) if e["action"] == action]
            if len(told) >= count:
                return found
            time.sleep(0.02)
        raise AssertionError(f"not {count} notifications of {action} for {name}: {self.heard}")


def events(body: bytes, name: str) -> list[Json]:
    """Return what a notification tells of manifests of a repository."""
    return [
        one for one in json.loads(body)["events"]
        if one["target"].get("repository") == name and "octet-stream" not in
        one["target"].get("mediaType", "")
    ]  # fmt: skip


@contextmanager
def registry(folder: Path, *, listener: str = "", is_closed: bool = False) -> Iterator[str]:
    """Run a registry on files below `folder` and give its url."""
    program = shutil.which("docker-registry")
    if program is None:
        message = "docker-registry is missing: apt-get install docker-registry"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    text = CONFIG + (CLOSED if is_closed else "") + (NOTIFYING if listener else "")
    (folder / "htpasswd").write_text(HTPASSWD)
    file = folder / "registry.yml"
    file.write_text(text.format(folder=folder, port=port, listener=listener, secret=SECRET))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([str(program), "serve", str(file)], stdout=log, stderr=log)
    try:
        started(process, port, folder / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def started(process: subprocess.Popen, port: int, log: Path) -> None:
    """Wait until the registry listens."""
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        time.sleep(0.02)
    raise AssertionError(f"the registry does not listen: {log.read_text()}")


def digest(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def descriptor(body: bytes, kind: str, **more: Any) -> Json:
    return {"mediaType": kind, "digest": digest(body), "size": len(body), **more}


@dataclass
class Pusher:
    """Pushes into the repository `name` of a registry; `password` for one that wants it."""

    url: str
    name: str
    password: str = ""

    def send(self, method: str, path: str, **more: Any) -> httpx.Response:
        pair = base64.b64encode(f"{USER}:{self.password}".encode()).decode()
        headers = {"authorization": f"Basic {pair}"} if self.password else {}
        url = path if "://" in path else f"{self.url}/v2/{self.name}/{path}"
        answer = CLIENT.request(method, url, headers={**headers, **more.pop("headers", {})}, **more)
        assert answer.is_success, (answer.status_code, answer.text)
        return answer

    def blob(self, body: bytes) -> None:
        place = httpx.URL(self.url).join(self.send("POST", "blobs/uploads/").headers["location"])
        self.send("PUT", str(place.copy_merge_params({"digest": digest(body)})), content=body)

    def manifest(self, value: Json, reference: str = "") -> bytes:
        """Put a manifest under a tag, or under its digest; return it as it was sent."""
        body = json.dumps(value).encode()
        self.send(
            "PUT", f"manifests/{reference or digest(body)}", content=body,
            headers={"content-type": value["mediaType"]},
        )  # fmt: skip
        return body

    def image(
        self, tag: str = "", *, layers: tuple[bytes, ...] = (b"layer",), kind: str = MANIFEST,
        architecture: str = "amd64", labels: Json | None = None, **more: Any,
    ) -> bytes:  # fmt: skip
        """Push an image whole and return its manifest."""
        config = json.dumps({
            "os": "linux", "architecture": architecture, "created": "2026-03-01T12:00:00.5Z",
            "config": {"Labels": labels or {}}, "rootfs": {"type": "layers", "diff_ids": []},
        }).encode()  # fmt: skip
        for one in (config, *layers):
            self.blob(one)
        return self.manifest({
            "schemaVersion": 2, "mediaType": kind, "config": descriptor(config, CONFIGS[kind]),
            "layers": [descriptor(one, f"{OCI}.layer.v1.tar+gzip") for one in layers], **more,
        }, tag)  # fmt: skip

    def index(self, tag: str, children: list[Json], *, kind: str = INDEX) -> bytes:
        """Put an index of manifests that are there."""
        return self.manifest({"schemaVersion": 2, "mediaType": kind, "manifests": children}, tag)

    def delete(self, reference: str) -> None:
        self.send("DELETE", f"manifests/{reference}")
