"""Bitbucket's webhooks, in the shape of its documentation: their rows are those of a poll."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from bitbucket_server import REPOSITORY, branch, commit, pull_request, sha, status
from hosted_reader import rows

from golive_core.errors import SourceDataError
from ingest.sources.bitbucket import Bitbucket

Make = Callable[..., Bitbucket]
HEAD = {"repository": {"full_name": REPOSITORY}, "actor": {"nickname": "ann"}}


def hooked(source: Bitbucket, key: str, told: dict) -> dict[str, list[dict]]:
    """Return rows by table of a hook."""
    found: dict[str, list[dict]] = {}
    body = json.dumps(HEAD | told).encode()
    for context, part in source.parse_webhook({"X-Event-Key": key}, body):
        for name, mine in rows(source, context, part).items():
            found.setdefault(name, []).extend(mine)
    return found


def polled(source: Bitbucket, kind: str, *values: dict) -> dict[str, list[dict]]:
    body = json.dumps({"values": values}).encode()
    return rows(source, {"kind": kind, "path": REPOSITORY}, body)


@pytest.mark.parametrize("key", ["created", "updated", "approved", "rejected", "comment_created"])
def test_a_pull_request_is_that_of_a_poll(source: Make, key: str) -> None:
    one = pull_request(3, "DECLINED" if key == "rejected" else "OPEN")
    told = hooked(source(), f"pullrequest:{key}", {"pullrequest": one})
    assert told == polled(source(), "pull_requests", one)


def test_when_a_pull_request_was_merged_only_the_merge_tells(source: Make) -> None:
    told = {"pullrequest": pull_request(3, "MERGED")}
    (row,) = hooked(source(), "pullrequest:fulfilled", told)["core.change_requests"]
    assert (row["status"], row["merged_at"]) == ("merged", row["updated_at"])
    assert hooked(source(), "pullrequest:comment_created", told) == {}


@pytest.mark.parametrize("key", ["repo:commit_status_created", "repo:commit_status_updated"])
def test_a_status_is_that_of_a_poll(source: Make, key: str) -> None:
    told = hooked(source(), key, {"commit_status": status(1)})
    assert told == polled(source(), "statuses", status(1))


def test_a_push_moves_heads_brings_commits_and_takes_branches_away(source: Make) -> None:
    tag = {"type": "tag", "name": "v1", "target": commit(5)}
    changes = [
        {"new": branch("main", 5), "old": branch("main", 4), "commits": [commit(5)]},
        {"new": None, "old": branch("b1", 3), "closed": True, "commits": []},
        {"new": tag, "old": None, "commits": [commit(5)]},
    ]
    found = hooked(source(), "repo:push", {"push": {"changes": changes}})
    heads = [(one["branch"], one["head_sha"], one["is_deleted"]) for one in found["core.branches"]]
    assert heads == [("main", sha(5), False), ("b1", sha(3), True)]
    assert (
        found["core.branches"][:1]
        == polled(source(), "branches", branch("main", 5))["core.branches"]
    )
    assert found["core.commits"] == polled(source(), "commits", commit(5))["core.commits"]


@pytest.mark.parametrize("key", ["repo:fork", "issue:created", "", "repo:commit_comment_created"])
def test_other_events_tell_nothing(source: Make, key: str) -> None:
    assert hooked(source(), key, {}) == {}


def test_only_what_is_signed_is_heard(source: Make) -> None:
    made, body = source(), b'{"x": 1}'
    right = "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert made.verify({"X-Hub-Signature": right}, body, "s3cret")
    assert not made.verify({"X-Hub-Signature": right}, body + b" ", "s3cret")
    assert not made.verify({"X-Hub-Signature": right}, body, "other")
    assert not made.verify({}, body, "s3cret")
    assert not made.verify({"X-Hub-Signature": right}, body, "")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_hook_is_refused(source: Make, body: bytes) -> None:
    with pytest.raises(SourceDataError):
        source().parse_webhook({"X-Event-Key": "repo:push"}, body)
