"""GitLab's webhooks, in the shape of its documentation: their rows are those of a poll."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from gitlab_server import ANN, PROJECT, branch, issue, merge_request, pipeline, sha
from hosted_reader import rows

from golive_core.errors import SourceDataError
from ingest.parse import gitlab_hooks
from ingest.sources.gitlab import Gitlab

Make = Callable[..., Gitlab]
HEAD = {"project": {"path_with_namespace": PROJECT, "default_branch": "main"}, "user": ANN}


def spoken(time: str | None) -> str | None:
    """Return a time of the API as hooks say it."""
    return time.replace("T", " ").replace(".000Z", " UTC") if time else None


def attributes(one: dict, **more: object) -> dict:
    """Return an object of the API as a hook shows it: ids of people, times for people."""
    left = {"author", "assignees", "reviewers", "labels", "milestone", "time_stats", "web_url"}
    told = {key: value for key, value in one.items() if key not in left}
    times = {key: spoken(value) for key, value in one.items() if key.endswith("_at")}
    return {**told, **times, "url": one["web_url"], "author_id": 7, **more}


def hooked(source: Gitlab, told: dict) -> dict[str, list[dict]]:
    """Return rows by table of a hook."""
    found: dict[str, list[dict]] = {}
    for context, body in source.parse_webhook({}, json.dumps(HEAD | told).encode()):
        found |= rows(source, context, body)
    return found


def polled(source: Gitlab, kind: str, body: object) -> dict[str, list[dict]]:
    return rows(source, {"kind": kind, "path": PROJECT}, json.dumps(body).encode())


def test_a_merge_request_is_that_of_a_poll_but_for_the_number_of_comments(source: Make) -> None:
    merged = merge_request(3) | {
        "state": "merged", "merged_at": "2026-03-01T13:00:00.000Z", "merge_commit_sha": sha(9),
    }  # fmt: skip
    told = {
        "object_kind": "merge_request", "assignees": [ANN], "reviewers": [],
        "labels": [{"title": "b"}, {"title": "a"}],
        "object_attributes": attributes(merged, last_commit={"id": sha(3)}, action="merge"),
    }  # fmt: skip
    del told["object_attributes"]["user_notes_count"]
    (mine,) = hooked(source(), told)["core.change_requests"]
    (theirs,) = polled(source(), "merge_requests", [merged])["core.change_requests"]
    assert mine == theirs | {"comments": None}


def test_a_pipeline_is_that_of_a_poll(source: Make) -> None:
    told = {"object_kind": "pipeline", "object_attributes": attributes(pipeline(4))}
    del told["object_attributes"]["started_at"]
    assert hooked(source(), told) == polled(source(), "pipeline", pipeline(4))
    waiting = attributes(pipeline(4), status="pending", queued_duration=None, finished_at=None)
    (build,) = hooked(source(), told | {"object_attributes": waiting})["core.builds"]
    assert (build["status"], build["started_at"]) == ("queued", None)


def test_an_issue_is_that_of_a_poll(source: Make) -> None:
    one = issue(1)
    told = {
        "object_kind": "issue", "assignees": [ANN],
        "labels": [{"title": "type::bug"}, {"title": "priority::high"}],
        "object_attributes": attributes(
            one, milestone_id=11, time_estimate=3600, total_time_spent=0, type="Issue"
        ),
    }  # fmt: skip
    assert hooked(source(), told) == polled(source(), "issues", [one])


def test_a_push_moves_the_head_and_a_deleted_branch_goes(source: Make) -> None:
    commit = {"id": sha(5), "timestamp": "2026-03-01T12:05:00+00:00", "message": "x"}
    push = {"object_kind": "push", "ref": "refs/heads/main", "before": sha(4), "after": sha(5)}
    found = hooked(source(), push | {"commits": [commit]})
    assert found == polled(source(), "branches", [branch("main", 5)])
    (gone,) = hooked(source(), push | {"after": gitlab_hooks.NONE})["core.branches"]
    assert (gone["branch"], gone["is_deleted"], gone["head_sha"]) == ("main", True, sha(4))


@pytest.mark.parametrize(
    "told",
    [
        {"object_kind": "build", "build_id": 1, "build_status": "success"},
        {"object_kind": "deployment", "deployment_id": 1, "status": "success"},
        {"object_kind": "push", "ref": "refs/tags/v1", "before": sha(0), "after": sha(1)},
        {"object_kind": "push", "ref": "refs/heads/b", "before": sha(1), "after": sha(2)},
        {"object_kind": "merge_request", "object_attributes": {"author_id": 99, "state": "opened"}},
        {"object_kind": "pipeline", "object_attributes": {"id": 1, "status": "success"}},
        {"object_kind": "note"},
    ],
)
def test_what_would_make_a_poorer_row_is_left_to_the_poll(source: Make, told: dict) -> None:
    assert hooked(source(), told) == {}


def test_only_who_knows_the_secret_is_heard(source: Make) -> None:
    made = source()
    assert made.verify({"X-Gitlab-Token": "s3cret"}, b"", "s3cret")
    assert made.verify({"x-gitlab-token": "s3crét"}, b"", "s3crét")
    assert not made.verify({"X-Gitlab-Token": "s3cret2"}, b"", "s3cret")
    assert not made.verify({}, b"", "s3cret")
    assert not made.verify({"X-Gitlab-Token": ""}, b"", "")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff"])
def test_a_body_that_is_no_hook_is_refused(source: Make, body: bytes) -> None:
    with pytest.raises(SourceDataError):
        source().parse_webhook({}, body)


@pytest.mark.parametrize(
    "text",
    ["2016-08-12T15:23:28Z", "2016-08-12 15:23:28 UTC", "2016-08-12 15:23:28 +0000"],
)
def test_times_of_hooks_are_read_in_every_form(text: str) -> None:
    assert gitlab_hooks.instant(gitlab_hooks.zoned(text)).isoformat() == "2016-08-12T15:23:28+00:00"
