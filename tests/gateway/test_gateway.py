"""The gateway: probes, the sign-in link, the landing page."""

from __future__ import annotations

import json
import os
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient

from golive_core import access
from golive_core.lake import Lake
from golive_gateway.app import create_app


@pytest.fixture
def client(home: Path) -> TestClient:
    return TestClient(create_app(), base_url="http://127.0.0.1:8000", follow_redirects=False)


def test_it_lives_and_names_its_version(client: TestClient) -> None:
    answer = client.get("/health/live")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert answer.json()["version"]


def test_it_is_ready_when_the_lake_can_be_read(client: TestClient, lake: Lake) -> None:
    lake.merge("core.projects", pl.DataFrame({"project_id": ["shop"], "name": ["Shop"]}))
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    told = answer.json()["checks"]["lake"]
    assert told == {"status": "healthy", "lake_version": lake.version(), "tables": 1}


def test_it_is_ready_before_the_first_row(client: TestClient) -> None:
    assert client.get("/health/ready").json()["checks"]["lake"]["lake_version"] == 0


def test_a_lake_of_a_newer_version_is_not_ready_and_says_so(
    client: TestClient, lake: Lake, home: Path
) -> None:
    lake.merge("core.projects", pl.DataFrame({"project_id": ["shop"]}))
    for path in (home / "lake").rglob("*.json"):
        found = json.loads(path.read_text().splitlines()[0])
        if "format" in found:
            path.write_text(json.dumps({**found, "format": 999}))
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["status"] == "unhealthy"
    assert answer.json()["checks"]["lake"]["hint"]


def test_a_link_opens_a_session_and_leads_to_the_dashboards(client: TestClient) -> None:
    answer = client.get("/sign-in", params={"token": access.make_token("link")})
    assert answer.status_code == 303
    assert answer.headers["location"] == "http://127.0.0.1:8501/"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert access.is_signed_in(dict(client.cookies))


def test_the_dashboards_are_found_where_settings_put_them(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOLIVE_PORT_DASHBOARDS", "9123")
    answer = client.get("/sign-in", params={"token": access.make_token("link")})
    assert answer.headers["location"] == "http://127.0.0.1:9123/"


def test_a_link_works_once(client: TestClient) -> None:
    token = access.make_token("link")
    assert client.get("/sign-in", params={"token": token}).status_code == 303
    client.cookies.clear()
    assert client.get("/sign-in", params={"token": token}).status_code == 403


def test_who_is_signed_in_may_open_the_link_again(client: TestClient) -> None:
    token = access.make_token("link")
    client.get("/sign-in", params={"token": token})
    assert client.get("/sign-in", params={"token": token}).status_code == 303


@pytest.mark.parametrize("token", [" ", "nonsense", "link.9999999999.x.y", "ü" * 300])
def test_a_wrong_link_opens_nothing_and_says_what_to_do(client: TestClient, token: str) -> None:
    answer = client.get("/sign-in", params={"token": token})
    assert answer.status_code == 403
    assert "golive up" in answer.text
    assert "set-cookie" not in answer.headers


def test_a_session_token_is_no_link(client: TestClient) -> None:
    answer = client.get("/sign-in", params={"token": access.make_token("session")})
    assert answer.status_code == 403


def test_signing_out_forgets_the_cookie(client: TestClient) -> None:
    client.get("/sign-in", params={"token": access.make_token("link")})
    client.post("/sign-out")
    assert not access.is_signed_in(dict(client.cookies))


def test_the_landing_page_shows_the_way(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "http://127.0.0.1:8501/" in client.get("/").text
    monkeypatch.setenv("GOLIVE_SIGN_IN", "1")
    assert "You are not signed in" in client.get("/").text
    client.get("/sign-in", params={"token": access.make_token("link")})
    assert "http://127.0.0.1:3000/" in client.get("/").text


def test_a_foreign_host_name_is_refused(client: TestClient) -> None:
    answer = client.get("/", headers={"Host": "evil.example.org"})
    assert answer.status_code == 400


def test_every_answer_carries_the_guarding_headers(client: TestClient) -> None:
    headers = client.get("/").headers
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]


def test_a_home_without_room_for_a_key_is_explained(
    client: TestClient, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "file").write_text("")
    monkeypatch.setenv("GOLIVE_HOME", str(home / "file" / "below"))
    answer = client.get("/sign-in", params={"token": f"link.1.a.b{os.getpid()}"})
    assert answer.status_code == 503
    assert "GOLIVE_HOME" in answer.json()["error"]["hint"]
