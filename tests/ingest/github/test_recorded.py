"""Exchanges with api.github.com that Octokit recorded, replayed over the loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from github_reader import Shared, parse, source
from loopback import Asked, Loopback, Reply, missing, serving

from golive_core.errors import SourceThrottledError
from golive_core.http import Request, next_link
from ingest.source import Instance

Recording = dict[str, Any]
LOCAL = ("connection", "content-length", "content-encoding", "date", "transfer-encoding")
"""Headers that belong to the wire of the recording."""


@dataclass
class Octokit(Loopback):
    """Answers each GET as it was recorded, conditionally by its ETag."""

    recorded: dict[str, Recording] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Reply:
        query = "&".join(f"{key}={value}" for key, value in asked.query.items())
        one = self.recorded.get(asked.path + (f"?{query}" if query else ""))
        if one is None:
            return missing()
        told = {name: str(value) for name, value in one["headers"].items() if name not in LOCAL}
        told = {name: value.replace("https://api.github.com", self.url)
                for name, value in told.items()} | self.extra  # fmt: skip
        if "x-ratelimit-remaining" in self.extra:
            return 403, b'{"message": "API rate limit exceeded"}', told
        if asked.headers.get("if-none-match") == told.get("etag"):
            return 304, b"", told
        return one["status"], json.dumps(one["response"]).encode(), told


def recordings(folder: Path) -> list[Recording]:
    files = sorted(folder.glob("*.json"))
    return [one for path in files for one in json.loads(path.read_text())]


@pytest.fixture
def octokit(shared: Shared) -> Iterator[Octokit]:
    """Return a server of all recorded GETs."""
    found = recordings(shared("fixtures/github/octokit-fixtures"))
    gets = {one["path"].lstrip("/"): one for one in found if one["method"] == "get"}
    with serving(Octokit(recorded=gets)) as server:
        yield server


def asked(octokit: Octokit, request: Request) -> Any:
    told = {"url": octokit.url, "repositories": ["octokit-fixture-org/x"]}
    with source(Instance("hub", "github", "shop", told)).http() as http:
        return http.fetch(request)


def test_every_recorded_get_is_read_and_unchanged_the_second_time(octokit: Octokit) -> None:
    for path, one in octokit.recorded.items():
        answer = asked(octokit, Request(path))
        assert answer.json() == one["response"]
        if answer.validators:
            again = asked(octokit, Request(path, validators=answer.validators))
            assert again.is_unchanged
        following = next_link(answer)
        assert (following is None) == ('rel="next"' not in one["headers"].get("link", ""))
        if following:
            assert asked(octokit, following).status == 200


def test_recorded_statuses_are_checks(octokit: Octokit) -> None:
    [path] = [path for path in octokit.recorded if path.endswith("/status")]
    answer = asked(octokit, Request(path))
    told = answer.object()
    rows = parse("statuses", told)["core.checks"]
    assert set(rows["name"]) == {one["context"] for one in told["statuses"]}
    assert set(rows["status"]) <= {"passed", "failed"}
    assert set(rows["commit_sha"]) == {"0" * 39 + "1"}


def test_a_recorded_release_and_issue_are_rows(shared: Shared) -> None:
    found = recordings(shared("fixtures/github/octokit-fixtures"))
    release = next(
        one["response"] for one in found if one["path"].endswith("/releases/tags/v1.0.0")
    )
    issue = next(one["response"] for one in found if one["path"].endswith("/issues"))
    assert parse("releases", [release])["core.releases"]["tag"].to_list() == ["v1.0.0"]
    [row] = parse("issues", [issue])["core.issues"].to_dicts()
    assert (row["key"], row["status"]) == (f"#{issue['number']}", "todo")


def test_a_spent_quota_is_told_with_the_time_to_wait(octokit: Octokit) -> None:
    octokit.extra = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "99999999999"}
    with pytest.raises(SourceThrottledError, match="asked to come back"):
        asked(octokit, Request(next(iter(octokit.recorded))))
