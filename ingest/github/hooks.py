"""Webhooks of GitHub, as payloads that the parsers of polled lists take.

An event becomes what the list would have held: the row is the same, whichever way it came. Events
that are no rows of ours (stars, wikis, teams) become nothing. A push brings the new head of its
branch; its commits lack parents and committer, so they wait for the next poll. A job of a run
comes as the check run that it also is: the run's number, which a stage needs, is not in the event.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from golive_core.errors import SourceDataError
from ingest.parse.github import part
from ingest.parse.github_checks import slim

Json = dict[str, Any]
Told = tuple[Json, object]
"""What the parser is told beside the body, and the body."""
NO_COMMIT = "0" * 40
DELETED = frozenset({"deleted", "transferred"})


def payloads(
    event: str, body: bytes, repository_id: Callable[[str], str]
) -> list[tuple[Json, bytes]]:
    """Return contexts and bodies for an event; raises SourceDataError for what is none.

    `repository_id` gives the id for owner/name in lower case.
    """
    try:
        told: Json = dict(json.loads(body))
        return list(_payloads(event, told, repository_id))
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise SourceDataError(
            f"not a webhook of GitHub: {error!r}", where=event or "no event",
            hint="Let the webhook send application/json",
        ) from error  # fmt: skip


def _payloads(
    event: str, told: Json, repository_id: Callable[[str], str]
) -> Iterator[tuple[Json, bytes]]:
    make = EVENTS.get(event)
    if make is None or not told.get("repository"):
        return
    name = told["repository"]["full_name"].lower()
    shared = {"repository": name, "repository_id": repository_id(name)}
    for context, content in make(told):
        yield {**shared, **context}, json.dumps(content, ensure_ascii=False).encode()


def _push(told: Json) -> Iterator[Told]:
    """Yield the branch or tag with its new head, or gone."""
    _, kind, name = told["ref"].split("/", 2)
    if kind not in ("heads", "tags"):
        return
    context = {"ref": "branch" if kind == "heads" else "tag"}
    context["default"] = told["repository"].get("default_branch")
    if told.get("deleted") or told["after"] == NO_COMMIT:
        yield {"kind": "branches.gone", **context}, {name: told["before"]}
        return
    head = part(told, "head_commit").get("id") or told["after"]
    yield {"kind": "branches", **context}, [{"name": name, "commit": {"sha": head}}]


def _pull_request(told: Json) -> Iterator[Told]:
    yield {"kind": "pulls"}, told["pull_request"]


def _review(told: Json) -> Iterator[Told]:
    review = {**told["review"], "state": told["review"]["state"].upper()}
    yield {"kind": "reviews", "number": told["pull_request"]["number"]}, [review]


def _workflow_run(told: Json) -> Iterator[Told]:
    path = part(told, "workflow").get("path")
    yield {"kind": "runs"}, {"path": path, **told["workflow_run"]}


def _workflow_job(told: Json) -> Iterator[Told]:
    job = told["workflow_job"]
    yield {"kind": "check_runs"}, {"app": {"slug": "github-actions"}, **job}


def _check_run(told: Json) -> Iterator[Told]:
    yield {"kind": "check_runs"}, told["check_run"]


def _status(told: Json) -> Iterator[Told]:
    yield {"kind": "statuses"}, {"sha": told["sha"], "statuses": [told]}


def _deployment(told: Json) -> Iterator[Told]:
    statuses = [told["deployment_status"]] if "deployment_status" in told else []
    yield {"kind": "deployment", "deployment": slim(told["deployment"])}, statuses


def _issues(told: Json) -> Iterator[Told]:
    """Yield the issue, unless it was only pinned: state and labels are left out then."""
    action = told.get("action")
    if action not in ("pinned", "unpinned"):
        yield {"kind": "issues", "is_deleted": action in DELETED}, [told["issue"]]


def _release(told: Json) -> Iterator[Told]:
    """Yield the release, unless it is gone: core keeps what was released."""
    if told.get("action") not in DELETED:
        yield {"kind": "releases"}, [told["release"]]


EVENTS: Mapping[str, Callable[[Json], Iterator[Told]]] = {
    "push": _push,
    "pull_request": _pull_request,
    "pull_request_review": _review,
    "workflow_run": _workflow_run,
    "workflow_job": _workflow_job,
    "check_run": _check_run,
    "status": _status,
    "deployment": _deployment,
    "deployment_status": _deployment,
    "issues": _issues,
    "release": _release,
}
