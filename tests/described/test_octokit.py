"""What Octokit collected of GitHub: every webhook example, and a recorded walk over pages.

Examples are of github.com and of five versions of Enterprise Server. `test_recorded.py` of GitHub's
tests replays single exchanges; here the source itself walks the recorded pages.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from github_reader import INSTANCE, Reader, source
from loopback import Asked, Loopback, Reply, ok, serving
from prism_server import node_package

from ingest.github.hooks import EVENTS
from ingest.payload import Payload

EXAMPLES = "@octokit/webhooks-examples/{}/index.json"
PAGES = "@octokit/fixtures/scenarios/api.github.com/paginate-issues/normalized-fixture.json"
EDITIONS = ("api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35")
READ = {
    "check_run": {"checks"},
    "deployment": {"deployments"},
    "deployment_status": {"deployments"},
    "issues": {"issues", "sprint_issues"},
    "pull_request": {"change_requests"},
    "pull_request_review": {"reviews"},
    "push": {"branches"},
    "release": {"releases"},
    "status": {"checks"},
    "workflow_job": {"checks"},
    "workflow_run": {"builds", "pipelines"},
}
"""The tables of each event that is read."""
OF_PULLS = {"issues milestoned": 1, "issues demilestoned": 1}
SILENT = {
    "api.github.com": {
        "issues milestoned": 2, "issues demilestoned": 2, "issues pinned": 1, "issues unpinned": 1,
        "release deleted": 2,
    },
    "ghes-34": OF_PULLS,
    "ghes-35": OF_PULLS,
}  # fmt: skip
"""Examples of events that are read which tell nothing, by their action.

Milestones of pull requests come as issues, what is only pinned lacks its state, and core keeps what
was released.
"""


def examples(edition: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield events with their bodies."""
    for one in json.loads(node_package(EXAMPLES.format(edition)).read_bytes()):
        for example in one["examples"]:
            yield one["name"], example


def rows(event: str, body: dict[str, Any]) -> Counter[str]:
    """Return how many rows by table the source makes of a webhook; none may be rejected."""
    hub, found = source(), Counter[str]()
    told = json.dumps(body).encode()
    for context, content in hub.parse_webhook({"X-GitHub-Event": event}, told):
        payload = Payload(INSTANCE, "id", "webhook", content, context)
        made = hub.parsers[payload.kind](payload)
        found.update({name.removeprefix("core."): frame.height for name, frame in made.items()})
    return found


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_event_that_is_read_gives_rows_and_no_other(edition: str) -> None:
    silent: Counter[str] = Counter()
    for event, body in examples(edition):
        made = rows(event, body)
        assert made.keys() <= READ.get(event, set()), event
        if event in READ and not made.total():
            silent[f"{event} {body.get('action')}"] += 1
    assert silent == SILENT.get(edition, {})


def test_an_example_of_every_event_is_there() -> None:
    assert (
        EVENTS.keys() == READ.keys() == {event for event, _ in examples(EDITIONS[0])} & READ.keys()
    )


@dataclass
class Recorded(Loopback):
    """Answers the pages of a list as they were recorded, conditionally; other lists are empty."""

    pages: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Reply:
        number = asked.query.get("page", "1")
        if not asked.path.endswith("/issues"):
            return ok([])
        one = self.pages[number]
        if asked.headers.get("if-none-match") == one["headers"]["etag"]:
            return 304, b"", {}
        link = one["headers"]["link"].replace("https://api.github.com", self.url)
        headers = {"ETag": one["headers"]["etag"], "Link": link}
        return 200, json.dumps(one["response"]).encode(), headers


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    found = json.loads(node_package(PAGES).read_bytes())
    with serving(Recorded(pages={str(n): one for n, one in enumerate(found, 1)})) as server:
        yield server


def test_recorded_pages_are_walked_and_not_asked_for_again(recorded: Recorded) -> None:
    asker = Reader(recorded, {"repositories": ["octokit-fixture-org/paginate-issues"]})
    issues = asker.pull("issues")["core.issues"]
    assert sorted(issues["key"]) == sorted(f"#{number}" for number in range(1, 14))
    assert len(recorded.asked("/issues?")) == 5
    recorded.seen.clear()
    assert asker.pull("issues") == {}
    assert len(recorded.asked("/issues?")) == 1
    assert not asker.source().has_news("issues", asker.cursors["issues"])
