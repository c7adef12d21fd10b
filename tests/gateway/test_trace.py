"""Evidence and the trace viewer: to those who may see the test, inert, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from fastapi.testclient import TestClient

from golive_core.artifacts import ArtifactStore
from golive_core.lake import Lake
from golive_core.tokens import Tokens
from golive_gateway.app import create_app

BODY = b"<script>alert(1)</script>"


@pytest.fixture
def sha(home: Path, lake: Lake) -> str:
    """Return the hash of a file that a test of the project shop left."""
    found = ArtifactStore(home).put_bytes(BODY)
    row = {
        "project_id": "shop", "build_id": "b", "test_id": 1, "environment": "", "attempt": 1,
        "ordinal": -1, "nth": 0, "day": datetime.now(UTC).date(), "kind": "trace",
        "name": 'tr"ace\r\n.zip', "media": "text/html", "sha256": found, "size_bytes": 9,
    }  # fmt: skip
    lake.insert("core.test_artifacts", pl.DataFrame([row]))
    return found


def client(home: Path, project: str = "") -> TestClient:
    """Return a client with a token, for one project or for all."""
    _, token = Tokens(home).create(f"t{project}", ("read",), project=project)
    headers = {"Authorization": f"Bearer {token}"}
    return TestClient(create_app(), base_url="http://127.0.0.1", headers=headers)


def test_a_file_is_given_as_what_runs_nothing(home: Path, sha: str) -> None:
    answer = client(home).get(f"/v1/artifacts/{sha}")
    assert (answer.status_code, answer.content) == (200, BODY)
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["content-disposition"] == 'attachment; filename="tr_ace_.zip"'


def test_who_may_not_see_the_project_gets_nothing(home: Path, sha: str) -> None:
    assert client(home, "shop").get(f"/v1/artifacts/{sha}").status_code == 200
    assert client(home, "other").get(f"/v1/artifacts/{sha}").status_code == 404
    stranger = TestClient(create_app(), base_url="http://127.0.0.1")
    assert stranger.get(f"/v1/artifacts/{sha}").status_code == 401


def test_what_no_test_left_is_not_given(home: Path, sha: str) -> None:
    raw = ArtifactStore(home).put_bytes(b"a payload")
    answer = client(home).get(f"/v1/artifacts/{raw}")
    assert answer.status_code == 404
    assert client(home).get("/v1/artifacts/..%2f..%2fsigning.key").status_code in (404, 422)


def test_the_viewer_is_served_from_here_alone(home: Path, sha: str) -> None:
    asked = client(home)
    opened = asked.get(f"/trace/{sha}", follow_redirects=False)
    assert opened.headers["location"] == f"/trace-viewer/index.html?trace=/v1/artifacts/{sha}"
    page = asked.get("/trace-viewer/index.html")
    assert "Playwright Trace Viewer" in page.text
    assert "'sha256-" in page.headers["content-security-policy"]
    assert "unsafe-inline" not in page.headers["content-security-policy"].partition("script-src")[2]
    for path in ("../../package.json", "..%2f..%2fpackage.json", "no.js", ""):
        assert asked.get(f"/trace-viewer/{path}").status_code == 404
