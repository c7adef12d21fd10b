"""REST checks against Prism, which plays what Atlassian describes and refuses all else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prism_server import prism

from golive_core.artifacts import ArtifactStore
from golive_runner import rest
from golive_runner.attempt import Attempt

PATHS = ("/rest/api/3/myself", "/rest/api/3/serverInfo", "/rest/api/3/priority")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def jira(shared, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Play a few paths of Jira; yield the address and the description."""
    whole = json.loads(shared("fixtures/openapi/jira-cloud-platform-swagger.v3.json").read_text())
    whole["paths"] = {path: unquoted(whole["paths"][path]) for path in PATHS}
    folder = tmp_path_factory.mktemp("jira")
    with prism(whole, folder) as address:
        yield address, folder / "spec.json"


def unquoted(part: Any) -> Any:
    """Return a part of the description with examples as JSON, which stand there as texts."""
    if isinstance(part, list):
        return [unquoted(one) for one in part]
    if not isinstance(part, dict):
        return part
    text = part.get("example")
    is_json = isinstance(text, str) and text[:1] in ("{", "[")
    return {key: json.loads(inner) if key == "example" and is_json else unquoted(inner)
            for key, inner in part.items()}  # fmt: skip


def attempts(folder: Path, text: str) -> list[Attempt]:
    path = folder / "jira.yaml"
    path.write_text(text)
    return list(rest.run(path, store=ArtifactStore(folder / "home")))


def test_a_document_is_answered_and_a_wrong_request_told(jira, tmp_path) -> None:
    address, _ = jira
    found = attempts(
        tmp_path,
        f"""checks: Jira
base: {address}
headers: {{Authorization: "Basic eDp5"}}
rows: [{{key: name}}, {{key: nmae}}]
steps:
  - get: /rest/api/3/priority
    expect: {{json: {{"$[*].name": {{contains: Major}}, "$[0].id": {{type: string}}}}}}
  - get: /rest/api/3/myself
    expect: {{json: {{$.accountId: {{present: true}}}}}}
  - post: /rest/api/3/priority
    json: {{"{{key}}": a, statusColor: "#ffffff", avatarId: 200}}
    expect: {{status: 2xx}}
""",
    )
    assert found[0].status == "passed", found[0].message
    assert found[1].status == "failed"
    assert "status is 4" in found[1].message
    assert "HTTP 400" in found[1].details


def test_operations_of_a_description_of_others_are_tested(jira, tmp_path) -> None:
    address, spec = jira
    found = attempts(
        tmp_path,
        f"""checks: Jira by its description
base: {address}
headers: {{Authorization: "Basic eDp5"}}
openapi: {{file: "{spec}", cases: 6, only: ["GET *"], without: [response_schema_conformance]}}
""",
    )
    assert {one.name for one in found} == {f"GET {path}" for path in PATHS}
    assert [(one.name, one.message) for one in found if one.status == "error"] == []
