"""Webhooks as GitHub sends them: only genuine ones come in, each once, and land in core."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from assets import load
from assets.inbox import drain
from assets.workspace import Workspace
from golive_core.inbox import Inbox
from golive_core.lake import Lake
from golive_core.settings import load as load_settings
from golive_gateway import bodies
from golive_gateway.app import create_app
from golive_gateway.routes import webhooks

SECRET = "not to be told"
SETTINGS = """
[project.shop]
[source.hub]
type = "github"
url = "https://api.github.example"
repositories = ["octo-org/octo-repo", "codertocat/hello-world"]
webhook_secret = "env:HUB_HOOK"
[source.ci]
type = "jenkins"
url = "https://ci.example.org"
webhook_secret = "env:CI_HOOK"
[source.quiet]
type = "jenkins"
url = "https://quiet.example.org"
"""
Post = Callable[..., httpx.Response]


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembering: Path) -> Iterator[Path]:
    (tmp_path / "golive.toml").write_text(SETTINGS)
    for name, value in {
        "GOLIVE_BASE": str(tmp_path), "HUB_HOOK": SECRET, "CI_HOOK": SECRET,
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    yield tmp_path
    webhooks.writer(tmp_path / ".golive").close()
    webhooks.writer.cache_clear()


@pytest.fixture
def post(base: Path) -> Iterator[Post]:
    with TestClient(create_app(), base_url="http://127.0.0.1:8000") as client:

        def send(instance: str, body: bytes, **headers: str) -> httpx.Response:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return client.post(f"/webhooks/{instance}", content=body, headers=named)

        yield send


def signature(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def examples(shared: Callable[[str], Path]) -> Iterator[tuple[str, bytes]]:
    """Yield the webhooks that GitHub itself documents."""
    path = shared("fixtures/github/webhooks-examples.json")
    for event in json.loads(path.read_text()):
        for one in event["examples"]:
            yield event["name"], json.dumps(one).encode()


def inbox(base: Path) -> Inbox:
    return Inbox(base / ".golive")


def test_what_github_sends_lands_in_core_once(
    post: Post, base: Path, shared: Callable[[str], Path]
) -> None:
    sent = list(examples(shared))
    assert len(sent) > 100
    for turn in ("first", "again"):
        for number, (event, body) in enumerate(sent):
            answer = post(
                "hub", body, x_github_event=event, x_github_delivery=f"{number}",
                x_hub_signature_256=signature(body),
            )  # fmt: skip
            assert answer.status_code == 202
            assert answer.json() == {"delivery_id": f"{number}", "is_new": turn == "first"}
    workspace = Workspace.load(load_settings(base))
    done = drain(workspace)
    assert done.told["hub"] > 10
    assert done.refused == 0
    assert inbox(base).depth() == 0
    hub = workspace.instances["hub"]
    load.conform(workspace.lake, workspace.source("hub"), hub, processes=1)
    lake = Lake(base / ".golive" / "lake")
    builds = lake.query("select build_id, status from core.builds")
    assert builds.height == builds["build_id"].n_unique() > 0
    assert drain(workspace).told == {}


def test_a_process_killed_after_the_commit_doubles_nothing(
    post: Post, base: Path, shared: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    event, body = next(one for one in examples(shared) if one[0] == "check_run")
    post("hub", body, x_github_event=event, x_hub_signature_256=signature(body))
    workspace = Workspace.load(load_settings(base))
    with monkeypatch.context() as killed:
        killed.setattr(Inbox, "done", lambda *_: None)
        first = drain(workspace)
    assert first.told["hub"] >= 1
    assert drain(workspace).told == {"hub": first.told["hub"]}
    rows = workspace.lake.query("select payload_id from raw.github")
    assert rows.height == rows["payload_id"].n_unique() == first.told["hub"]


def test_only_who_knows_the_secret_comes_in(post: Post, base: Path) -> None:
    body = b'{"zen": "Keep it logically awesome."}'
    assert post("hub", body).status_code == 401
    assert post("hub", body, x_hub_signature_256=signature(body, "guess")).status_code == 401
    assert post("hub", body, x_hub_signature_256=signature(body + b" ")).status_code == 401
    assert post("ci", body, authorization="Bearer guess").status_code == 401
    assert post("quiet", body).status_code == 404
    assert post("nobody", body).status_code == 404
    assert inbox(base).depth() == 0


def test_any_source_takes_a_signature_that_anybody_can_make(post: Post, base: Path) -> None:
    body = b"build ended"
    assert post("ci", body, x_golive_signature=signature(body)).status_code == 202
    assert post("ci", b"more", authorization=f"Bearer {SECRET}").status_code == 202
    done = drain(Workspace.load(load_settings(base)))
    assert (done.rung, done.told) == ({"ci"}, {})


def test_no_secret_is_kept(post: Post, base: Path) -> None:
    body = b"{}"
    post("hub", body, x_hub_signature_256=signature(body), authorization=SECRET, cookie=SECRET)
    post("ci", body, authorization=f"Bearer {SECRET}", x_api_key=SECRET)
    for path in base.glob(".golive/inbox.db*"):
        assert SECRET.encode() not in path.read_bytes()
        assert signature(body).encode() not in path.read_bytes()


@pytest.mark.parametrize("body", [b"", b"[", b"\xff\xfe", b"null"])
def test_what_is_not_githubs_is_kept_aside_with_the_reason(
    post: Post, base: Path, body: bytes
) -> None:
    answer = post("hub", body, x_github_event="check_run", x_hub_signature_256=signature(body))
    assert answer.status_code == 202
    workspace = Workspace.load(load_settings(base))
    assert drain(workspace).refused == 1
    assert inbox(base).refused()[0].reason
    kept = workspace.lake.query("select instance, stream, reason, content from ops.quarantine")
    assert kept.height == 1
    assert kept["instance"].item() == "hub"
    assert inbox(base).depth() == 0


def test_a_body_may_be_neither_large_nor_slow(
    post: Post, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "MOST_BYTES", 10)
    body = b"x" * (25 * 1024**2 + 1)
    assert post("hub", body, x_hub_signature_256=signature(body)).status_code == 413
    assert inbox(base).depth() == 0


def test_a_source_that_is_gone_keeps_its_deliveries(
    post: Post, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "LOOK_S", 1e-6)
    body = b"{}"
    post("hub", body, x_github_event="ping", x_hub_signature_256=signature(body))
    (base / "golive.toml").write_text("[project.shop]\n")
    assert drain(Workspace.load(load_settings(base))).refused == 1
    assert "any more" in inbox(base).refused()[0].reason
    assert post("hub", body).status_code == 404
