"""Signing in: with a password at a real registry, and with tokens of a place that it names."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from loopback import Asked, Loopback, Reply, missing, ok, serving
from oci_registry import PASSWORD, USER, Pusher

from assets.load import ingest
from golive_core.errors import SourceAuthError
from golive_core.http import challenge
from golive_core.lake import Lake
from ingest.source import Context, Instance
from ingest.sources.registry import NAMED, Registry


def source(url: str, home: Path, **options: Any) -> Registry:
    given = {"url": url, "user": USER, "token": "env:REGISTRY_TOKEN", **options}
    return Registry(Instance("hub", "registry", "shop", given), Context(home, home))


def test_a_registry_with_passwords_is_read(
    closed_registry: str, lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Pusher(closed_registry, "team/shop", PASSWORD).image("1.0.0")
    monkeypatch.setenv("REGISTRY_TOKEN", PASSWORD)
    reader = source(closed_registry, home)
    assert {one.state for one in reader.check()} == {"ok"}
    assert ingest(lake, reader, reader.instance, processes=1).error is None
    assert lake.rows("core.images") == 1


@pytest.mark.parametrize("user", [USER, ""])
def test_a_wrong_password_is_told(
    user: str, closed_registry: str, lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "hunter2-wrong")
    reader = source(closed_registry, home, user=user)
    error = ingest(lake, reader, reader.instance, processes=1).error
    assert isinstance(error, SourceAuthError)
    assert "hunter2" not in str(error)
    (bad,) = [one for one in reader.check() if one.state == "failed"]
    assert bad.hint


@dataclass
class Tokens(Loopback):
    """Docker Hub in small: no catalog, and a token for each repository from another path."""

    given: list[str] = field(default_factory=list)
    life_s: float = 300

    def answer(self, asked: Asked) -> Reply:
        if asked.path == "token":
            return self.grant(asked)
        scope = f"repository:{'/'.join(asked.path.split('/')[1:3])}:pull"
        if asked.path in ("v2/", "v2/_catalog"):
            scope = "registry:catalog:*" if asked.path.endswith("catalog") else ""
        if asked.headers.get("authorization") not in {f"Bearer {one}" for one in self.given}:
            return self.challenge(scope)
        if asked.path == "v2/_catalog":
            return self.challenge(scope)
        if asked.path.endswith("/tags/list"):
            return ok({"name": "x", "tags": None})
        return ok({}) if asked.path == "v2/" else missing()

    def challenge(self, scope: str) -> Reply:
        told = f'Bearer realm="{self.url}/token",service="hub"'
        told += f',scope="{scope}"' if scope else ""
        body = {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
        return 401, json.dumps(body).encode(), {"WWW-Authenticate": told}

    def grant(self, asked: Asked) -> Reply:
        assert asked.query["service"] == "hub"
        own = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if asked.headers.get("authorization") not in (None, f"Basic {own}"):
            return 401, b'{"details":"incorrect username or password"}', {}
        self.given.append(f"t{len(self.given)}-{asked.query.get('scope', '')}")
        return ok({"token": self.given[-1], "expires_in": self.life_s})


def test_a_token_is_had_once_for_each_repository(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", PASSWORD)
    with serving(Tokens()) as hub:
        names = ["team/a", "team/b"]
        reader = source(hub.url, home, repositories=names, in_flight=1)
        with reader.http() as http:
            for name in (*names, *names, *names):
                http.get_object(f"v2/{name}/tags/list")
        assert [one.partition("-")[2] for one in hub.given] == [
            "repository:team/a:pull", "repository:team/b:pull",
        ]  # fmt: skip
        assert {one.state for one in reader.check()} == {"ok"}


def test_a_token_that_ends_is_renewed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", PASSWORD)
    now = [0.0]
    with serving(Tokens(life_s=60)) as hub:
        reader = source(hub.url, home, in_flight=1)
        auth = challenge.ChallengeAuth(
            USER, PASSWORD, lambda path: path, where="hub", clock=lambda: now[0]
        )
        with reader.client(reader.options, auth=auth) as http:
            for now[0] in (0, 30, 49, 51, 52):
                http.get_object("v2/team/a/tags/list")
        assert len(hub.given) == 2
        assert len(hub.asked("tags/list")) == 7
        hub.given.clear()
        with reader.client(reader.options, auth=auth) as http:
            assert http.get_object("v2/team/a/tags/list")


def test_a_wrong_password_at_the_place_for_tokens_is_told(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "hunter2-wrong")
    with serving(Tokens()) as hub:
        reader = source(hub.url, home, repositories=["team/a"])
        with pytest.raises(SourceAuthError, match="incorrect username"):
            list(reader.pull("images", cursor=None, window=None))


def test_a_closed_catalog_asks_for_names(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", PASSWORD)
    with serving(Tokens()) as hub:
        reader = source(hub.url, home)
        with pytest.raises(SourceAuthError) as caught:
            list(reader.pull("images", cursor=None, window=None))
        assert caught.value.hint == NAMED
        (bad,) = [one for one in reader.check() if one.state == "failed"]
        assert NAMED in bad.hint
