"""GoLive's own gateway, checked by its own REST checks: a document, and its OpenAPI description."""

from __future__ import annotations

from pathlib import Path

import pytest

from golive_core.artifacts import ArtifactStore
from golive_runner import rest
from golive_runner.attempt import Attempt

Running = tuple[str, str]


def attempts(tmp_path: Path, text: str) -> list[Attempt]:
    path = tmp_path / "gateway.yaml"
    path.write_text(text)
    return list(rest.run(path, store=ArtifactStore(tmp_path / "home")))


def test_the_read_api_answers_a_document(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, token = running
    monkeypatch.setenv("GATEWAY_TOKEN", token)
    found = attempts(tmp_path, f"""checks: Read API
base: {base}
rows: [{{resource: builds}}, {{resource: tests}}]
steps:
  - get: /v1/{{resource}}
    name: without a token
    expect: {{status: 401, header: {{www-authenticate: {{present: true}}}}}}
  - get: /v1/{{resource}}
    params: {{limit: 2}}
    headers: {{Authorization: "Bearer ${{GATEWAY_TOKEN}}"}}
    expect: {{status: 200, header: {{content-type: application/json}}, json: {{$: {{length: 2}}}}}}
    capture: {{next: {{header: link, pattern: '<(.*?)>; rel="next"'}}}}
  - get: "{{next}}"
    headers: {{Authorization: "Bearer ${{GATEWAY_TOKEN}}"}}
    expect: {{json: {{$: {{length: 2}}}}}}
""")  # fmt: skip
    assert [(one.status, one.message) for one in found] == [("passed", "")] * 2


def test_it_keeps_to_its_own_description(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base, token = running
    monkeypatch.setenv("GATEWAY_TOKEN", token)
    found = attempts(
        tmp_path,
        f"""checks: Read API by its description
base: {base}
headers: {{Authorization: "Bearer ${{GATEWAY_TOKEN}}"}}
openapi: {{file: "{base}/openapi.json", cases: 8, only: ["GET /v1/builds", "GET /v1/flaky*"]}}
""",
    )
    assert len(found) >= 2
    assert [(one.name, one.message) for one in found if one.status != "passed"] == []
