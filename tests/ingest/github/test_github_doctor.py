"""What doctor says of a GitHub: limits, permissions of the token, when it ends, repositories."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from github_reader import source
from github_server import Github
from loopback import Asked, Reply, missing

from golive_core.redact import redact
from ingest.source import Instance


def test_doctor_is_content_with_a_server_without_limits(
    world: Github, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = world.found

    def unlimited(asked: Asked) -> Reply:
        return missing() if asked.path == "rate_limit" else found(asked)

    monkeypatch.setattr(world, "found", unlimited, raising=False)
    told = {"url": world.url, "repositories": ["acme/shop"]}
    findings = list(source(Instance("hub", "github", "shop", told)).check())
    assert {one.state for one in findings} == {"ok"}
    assert ("quota", "the server tells of no limit") in {
        (one.check, one.detail) for one in findings
    }


def test_doctor_warns_before_the_quota_is_spent(world: Github) -> None:
    world.limits = {"X-RateLimit-Limit": "60", "X-RateLimit-Remaining": "3",
                    "X-RateLimit-Reset": f"{time.time() + 600:.0f}"}  # fmt: skip
    told = {"url": world.url, "repositories": ["acme/shop", "acme/none"]}
    found = list(source(Instance("hub", "github", "shop", told)).check())
    (quota,) = [one for one in found if one.check == "quota"]
    assert quota.state == "warning"
    assert "3 of 60" in quota.detail
    lost = [one for one in found if one.state == "failed"]
    assert [one.detail.partition(":")[0] for one in lost] == ["acme/none"]


def test_doctor_tells_what_a_token_lacks_and_when_it_ends(
    world: Github, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = world.found

    def guarded(asked: Asked) -> Reply:
        if asked.path.endswith("/pulls"):
            wanted = {"X-Accepted-GitHub-Permissions": "pull_requests=read"}
            return 403, b'{"message": "Resource not accessible by personal access token"}', wanted
        return found(asked)

    monkeypatch.setattr(world, "found", guarded, raising=False)
    ends = datetime.now(UTC) + timedelta(days=5.5)
    world.limits = {
        "X-OAuth-Scopes": "repo, read:org",
        "GitHub-Authentication-Token-Expiration": f"{ends:%Y-%m-%d %H:%M:%S} UTC",
    }
    told = {"url": world.url, "repositories": ["acme/shop"]}
    findings = list(source(Instance("hub", "github", "shop", told)).check())
    (lost,) = [one for one in findings if one.state == "failed"]
    assert lost.detail.startswith("pull_requests: HTTP 403 for ")
    assert "not accessible by personal access token" in lost.detail
    assert "The token needs Pull requests: read" in redact(lost.hint)
    readable = next(one for one in findings if one.check == "scopes" and one.state == "ok")
    assert "runs" in readable.detail
    assert "pull_requests" not in readable.detail
    assert readable.detail.endswith("(the token has repo, read:org)")
    (token,) = [one for one in findings if one.check == "token"]
    assert (token.state, token.detail) == ("warning", "expires in 5 days")
