"""Agents propose, people approve: the comment goes out once, and the audit log shows both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import polars as pl
import pytest
from worded import SHA, explanation

from assets import proposals
from golive_actions import audit
from golive_agents.evidence import Evidence
from golive_agents.explanation import Explanation
from golive_agents.proposing import Proposal, body, comment
from golive_core import schema, settings
from golive_core.errors import UsageError
from golive_core.lake import Lake
from golive_core.settings import Settings

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)


@dataclass
class Host:
    """A Git host that keeps the comments it gets; `status` is what it answers a post with."""

    url: str = ""
    status: int = 201
    posted: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(200, [])

        def do_POST(self) -> None:
            text = self.rfile.read(int(self.headers["Content-Length"]))
            made.posted.append({"path": self.path, **json.loads(text)})
            self._answer(made.status, {"id": 7, "html_url": "https://example.org/c/7"})

        def _answer(self, status: int, value: object) -> None:
            content = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join(10)


@pytest.fixture
def known(host: Host, home: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings that name the host as the source `gh`."""
    monkeypatch.setenv("GH_TOKEN", "token-of-the-bot")
    source = f'type = "github"\nurl = "{host.url}"\ntoken = "env:GH_TOKEN"\n'
    text = f"[project.shop]\n[source.gh]\n{source}"
    return settings.parse(text.encode(), base=home.parent, home=home)


@pytest.fixture
def asked(lake: Lake) -> Explanation:
    """Return an explanation of the head of an open pull request."""
    row = {
        "change_request_id": "gh:team/shop#5", "project_id": "shop", "repository_id": "gh",
        "source": "github", "day": NOW.date(), "number": 5, "title": "Drop total",
        "status": "open", "source_branch": "drop", "target_branch": "main", "head_sha": SHA,
        "opened_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    spec = schema.CHANGE_REQUESTS
    with lake.transaction("test") as txn:
        txn.merge(spec.name, schema.conform(spec, pl.DataFrame([row])))
    return replace(explanation(), commit_sha=SHA, branch="drop")


def proposed(lake: Lake, asked: Explanation) -> Proposal:
    made = comment(asked, Evidence(lake))
    assert made is not None
    return made


def steps(lake: Lake) -> list[tuple[str, str, str]]:
    rows = lake.query("select action, actor, phase from ops.audit_log order by number")
    return rows.rows()  # type: ignore[return-value]


def test_an_approved_proposal_is_performed_once_and_audited(
    lake: Lake, known: Settings, host: Host, asked: Explanation
) -> None:
    made = proposed(lake, asked)
    assert proposals.put(lake, made, now=NOW)
    assert not proposals.put(lake, made)
    assert host.posted == []
    row = proposals.approve(lake, known, made.proposal_id[:8], by="ada", note="right")
    assert (row["status"], row["decided_by"], row["note"]) == ("done", "ada", "right")
    assert [one["path"] for one in host.posted] == ["/repos/team/shop/issues/5/comments"]
    assert "undefined reference" in host.posted[0]["body"]
    assert steps(lake) == [
        ("proposals.propose", "agent:error_resolver", "done"),
        ("proposals.approve", "ada", "done"),
        ("github.set_comment", "agent:error_resolver", "asked"),
        ("github.set_comment", "agent:error_resolver", "done"),
    ]
    assert audit.verify(lake).breaks == ()
    with pytest.raises(UsageError, match="done by ada already"):
        proposals.approve(lake, known, made.proposal_id, by="bob")
    assert len(host.posted) == 1


def test_a_rejected_proposal_sends_nothing_and_is_not_made_again(
    lake: Lake, known: Settings, host: Host, asked: Explanation
) -> None:
    made = proposed(lake, asked)
    proposals.put(lake, made)
    assert proposals.reject(lake, made.proposal_id, by="ada", note="no")["status"] == "rejected"
    assert not proposals.put(lake, made)
    with pytest.raises(UsageError, match="rejected by ada"):
        proposals.approve(lake, known, made.proposal_id, by="ada")
    assert host.posted == []
    assert proposals.listed(lake, status="open") == []
    assert steps(lake)[-1] == ("proposals.reject", "ada", "done")


def test_one_that_fails_says_so_and_can_be_tried_again(
    lake: Lake, known: Settings, host: Host, asked: Explanation
) -> None:
    made = proposed(lake, asked)
    proposals.put(lake, made)
    host.status = 422
    row = proposals.approve(lake, known, made.proposal_id, by="ada")
    assert row["status"] == "failed"
    assert "422" in row["result"]
    host.status = 201
    assert proposals.approve(lake, known, made.proposal_id, by="ada")["status"] == "done"


@pytest.mark.parametrize("by", ["", "agent:error_resolver"])
def test_an_agent_cannot_decide(
    by: str, lake: Lake, known: Settings, host: Host, asked: Explanation
) -> None:
    made = proposed(lake, asked)
    proposals.put(lake, made)
    with pytest.raises(UsageError, match="a person has to decide"):
        proposals.approve(lake, known, made.proposal_id, by=by)
    assert host.posted == []
    assert proposals.find(lake, made.proposal_id)["status"] == "open"


def test_without_a_change_request_nothing_is_proposed(lake: Lake, asked: Explanation) -> None:
    assert comment(replace(asked, commit_sha="0" * 40, branch="other"), Evidence(lake)) is None
    with pytest.raises(UsageError, match="no proposal"):
        proposals.find(lake, "12345678")


def test_what_others_wrote_mentions_links_and_leaks_nothing_in_a_comment() -> None:
    evil = "```\n@team ![x](https://evil.example) password=hunter-7731 `code` <img src=x>"
    text = body(explanation(line=evil, subject=f"Fix {evil}"))
    outside = text.split("```")[::2]
    assert len(text.split("```")) == 3
    assert not any("@team" in part.replace("`", "") and "`" not in part for part in outside)
    assert "hunter-7731" not in text
    assert text.count("`") % 2 == 0
