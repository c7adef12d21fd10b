"""Webhooks: every example that GitHub's own library brings, and rows equal to the polled ones."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from typing import Any

import polars as pl
import pytest
from github_reader import INSTANCE, Shared, parse, source
from github_server import (
    SIZE,
    check_run,
    deployed,
    deployment,
    issue,
    job,
    milestone,
    pull,
    release,
    run,
    sha,
    status,
)

from golive_core.errors import SourceDataError
from ingest.github.hooks import EVENTS
from ingest.payload import Payload

REPOSITORY = {"full_name": "Acme/Shop", "default_branch": "main"}


def rows(event: str, told: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Return the rows that the source makes of a webhook."""
    made: dict[str, pl.DataFrame] = {}
    for context, body in source().parse_webhook(
        {"X-GitHub-Event": event}, json.dumps(told).encode()
    ):
        payload = Payload(INSTANCE, "id", "webhook", body, context)
        made |= source().parsers[context["kind"]](payload)
    return made


def same(event: str, told: dict[str, Any], polled: dict[str, pl.DataFrame]) -> None:
    hooked = rows(event, {**told, "repository": REPOSITORY})
    assert hooked.keys() == polled.keys()
    for table, frame in polled.items():
        assert hooked[table].equals(frame), table


def test_every_example_is_understood(shared: Shared) -> None:
    examples = json.loads(shared("fixtures/github/webhooks-examples.json").read_text())
    made: Counter[str] = Counter()
    for one in examples:
        for example in one["examples"]:
            for table, frame in rows(one["name"], example).items():
                made[f"{one['name']} {table}"] += frame.height
    assert made == {
        "check_run core.checks": 9, "pull_request_review core.reviews": 4,
        "release core.releases": 11, "status core.checks": 4, "workflow_run core.builds": 5,
        "workflow_run core.pipelines": 5,
    }  # fmt: skip


def test_a_run_is_the_polled_run() -> None:
    one = run(7, attempt=2)
    same("workflow_run", {"action": "completed", "workflow_run": one},
         parse("runs", {"workflow_runs": [one]}))  # fmt: skip


def test_a_run_of_an_old_server_takes_its_file_from_the_workflow() -> None:
    one = run(7)
    path = {"path": one.pop("path")}
    made = rows("workflow_run", {"repository": REPOSITORY, "workflow": path, "workflow_run": one})
    assert made["core.builds"]["build_id"].to_list() == ["hub:acme/shop/ci.yml#7"]


def test_a_pull_request_is_the_polled_pull_request() -> None:
    one = pull(3) | SIZE
    same("pull_request", {"action": "closed", "pull_request": one}, parse("pulls", one))


def test_a_review_is_the_polled_review() -> None:
    one = {"id": 5, "user": {"login": "hubot"}, "state": "APPROVED", "commit_id": sha(1),
           "submitted_at": "2026-03-01T00:00:00Z", "body": "Fine"}  # fmt: skip
    told = {"review": one | {"state": "approved"}, "pull_request": pull(3)}
    same("pull_request_review", told, parse("reviews", [one], number=3))


def test_an_issue_is_the_polled_issue_until_it_is_deleted() -> None:
    one = issue(4, milestone(1))
    same("issues", {"action": "edited", "issue": one}, parse("issues", [one]))
    made = rows("issues", {"action": "deleted", "issue": one, "repository": REPOSITORY})
    assert made["core.issues"]["is_deleted"].to_list() == [True]


def test_a_check_run_is_the_polled_check_run() -> None:
    one = check_run(1, sha(1))
    same("check_run", {"check_run": one}, parse("check_runs", {"check_runs": [one]}))


def test_a_job_is_the_check_run_that_it_also_is() -> None:
    one = job(run(7))
    polled = parse("check_runs", {"check_runs": [{**one, "app": {"slug": "github-actions"}}]})
    same("workflow_job", {"action": "completed", "workflow_job": one}, polled)


def test_a_status_is_the_polled_status() -> None:
    one = status("ci/jenkins", "success")
    same("status", {**one, "sha": sha(1)}, parse("statuses", {"sha": sha(1), "statuses": [one]}))


@pytest.mark.parametrize("event", ["deployment", "deployment_status"])
def test_a_deployment_is_the_polled_deployment(event: str) -> None:
    one, state = deployment(1), deployed(1, "success", 5)
    told = {"deployment": one}
    if event == "deployment_status":
        told["deployment_status"] = state
    context = {**one, "creator": "mona"}
    polled = parse("deployment", [state] if len(told) > 1 else [], deployment=context)
    same(event, told, polled)


def test_a_release_is_the_polled_release() -> None:
    same("release", {"action": "published", "release": release(1)}, parse("releases", [release(1)]))


@pytest.mark.parametrize(
    ("ref", "kind", "branch", "is_default"),
    [
        ("refs/heads/main", "branch", "main", True),
        ("refs/heads/topic/a", "branch", "topic/a", False),
        ("refs/tags/v1", "tag", "v1", False),
    ],
)
def test_a_push_moves_a_head(ref: str, kind: str, branch: str, *, is_default: bool) -> None:
    told = {"ref": ref, "before": sha(1), "after": sha(2), "head_commit": {"id": sha(3)}}
    [row] = rows("push", {**told, "repository": REPOSITORY})["core.branches"].to_dicts()
    assert (row["kind"], row["branch"], row["is_default"]) == (kind, branch, is_default)
    assert (row["head_sha"], row["is_deleted"]) == (sha(3), False)


def test_a_push_that_deletes_marks_the_branch() -> None:
    told = {"ref": "refs/heads/old", "before": sha(1), "after": "0" * 40, "deleted": True}
    [row] = rows("push", {**told, "repository": REPOSITORY})["core.branches"].to_dicts()
    assert (row["branch"], row["is_deleted"]) == ("old", True)


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_an_event_without_its_parts_is_refused(event: str) -> None:
    with pytest.raises(SourceDataError, match="not a webhook of GitHub"):
        source().parse_webhook({"X-GitHub-Event": event}, b'{"repository": {"full_name": "a/b"}}')


@pytest.mark.parametrize("body", [b"", b"payload=%7B%7D", b"[1]", b"null", b"\xff"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(SourceDataError):
        source().parse_webhook({"x-github-event": "push"}, body)


def test_a_signature_is_believed_only_if_the_secret_made_it() -> None:
    body = b'{"zen": "Keep it logically awesome."}'
    digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    hub = source()
    assert hub.verify({"X-Hub-Signature-256": f"sha256={digest}"}, body, "s3cret")
    assert not hub.verify({"X-Hub-Signature-256": f"sha256={digest}"}, body + b" ", "s3cret")
    assert not hub.verify({"X-Hub-Signature-256": f"sha256={digest}"}, body, "other")
    assert not hub.verify({"X-Hub-Signature": f"sha1={digest}"}, body, "s3cret")
    assert not hub.verify({}, body, "s3cret")
    empty = hmac.new(b"", body, hashlib.sha256).hexdigest()
    assert not hub.verify({"X-Hub-Signature-256": f"sha256={empty}"}, body, "")


def test_a_signature_of_githubs_documentation_is_right() -> None:
    told = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"X-Hub-Signature-256": f"sha256={told}"}
    assert source().verify(headers, b"Hello, World!", "It's a Secret to Everybody")
