"""What doctor says that only one system can tell: permissions, hidden things, ends of tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from contract_stage import Stage
from loopback import Asked, Reply

from ingest.source import Finding

Ask = Callable[[Asked], Reply]


def only(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("name", [name])


def answering(stage: Stage, path: str, status: int, body: object) -> None:
    """Let the world answer one path like that."""
    real: Ask = stage.world.answer
    stage.world.answer = lambda asked: (
        (status, json.dumps(body).encode(), {}) if asked.path.endswith(path) else real(asked)
    )


def not_well(stage: Stage, **options: object) -> list[Finding]:
    return [one for one in stage.source(**options).check() if one.state != "ok"]


@only("gitlab")
def test_a_token_of_gitlab_tells_its_scopes_and_its_end(guarded: Stage) -> None:
    ends = (datetime.now(UTC) + timedelta(days=3, hours=1)).date().isoformat()
    told = {"id": 1, "scopes": ["read_user"], "expires_at": ends}
    answering(guarded, "personal_access_tokens/self", 200, told)
    scopes, end = not_well(guarded)
    assert (scopes.check, scopes.state, scopes.detail) == ("token", "failed", "scopes: read_user")
    assert "read_api" in scopes.hint
    assert (end.check, end.state) == ("token", "warning")
    assert end.detail in ("expires in 2 days", "expires in 3 days")


@only("gitlab")
def test_a_job_token_that_tells_nothing_of_itself_is_no_fault(guarded: Stage) -> None:
    answering(guarded, "personal_access_tokens/self", 401, {})
    assert not_well(guarded) == []


@only("gitlab")
def test_a_project_of_gitlab_that_is_hidden_is_named(filled: Stage) -> None:
    first = filled.source().options.repositories
    (lost,) = not_well(filled, repositories=[*first, "shop/secret"])
    assert "shop/secret: HTTP 404" in lost.detail
    assert "member" in lost.hint


@only("bitbucket")
def test_a_scope_of_bitbucket_that_lacks_is_named(filled: Stage) -> None:
    filled.world.limits = {"X-OAuth-Scopes": "repository"}
    filled.world.fault("/pullrequests?", "403", times=99)
    (lost,) = not_well(filled)
    assert lost.detail.startswith("pull_requests: HTTP 403")
    assert "The token needs pullrequest" in lost.hint
    readable = [one.detail for one in filled.source().check() if one.check == "scopes"]
    assert any(one.endswith("(the token has repository)") for one in readable)


@only("jira")
def test_a_project_of_jira_that_may_not_be_browsed_is_named(filled: Stage) -> None:
    (lost,) = not_well(filled, projects=["SHOP", "SECRET"], sprints=False)
    assert lost.detail == "issues: SECRET is not shown to this user"
    assert "Browse Projects in SECRET" in lost.hint


@only("sonarqube")
def test_a_project_of_sonarqube_that_is_hidden_is_named(filled: Stage) -> None:
    (lost,) = not_well(filled, projects=["shop-web", "secret"])
    assert "secret: HTTP 404" in lost.detail
    assert "Browse" in lost.hint


@only("sonarqube")
def test_sonarqube_takes_an_unknown_token_for_nobody(guarded: Stage) -> None:
    answering(guarded, "authentication/validate", 200, {"valid": False})
    (lost,) = not_well(guarded)
    assert (lost.check, lost.detail) == ("authorised", "the token is not known")


@only("confluence")
def test_a_space_that_is_hidden_is_named(filled: Stage) -> None:
    answering(filled, "rest/api/space/SHOP", 404, {})
    (lost,) = not_well(filled)
    assert lost.detail.startswith("space SHOP: HTTP 404")


@only("jira")
def test_an_answer_of_another_shape_is_a_finding(filled: Stage) -> None:
    answering(filled, "mypermissions", 200, {"permissions": []})
    answering(filled, "api/3/field", 200, [1])
    answering(filled, "api/2/field", 200, [1])
    found = not_well(filled)
    assert {one.check for one in found} == {"scopes"}
    assert len(found) == 2
    assert all("not what" in one.detail for one in found)
