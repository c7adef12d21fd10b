"""What happens at the gateway becomes events in the lake, alerts, and a message to somebody."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from assets.security import take
from assets.workspace import Workspace
from golive_core import access, security, settings
from golive_core.accounts import Accounts
from golive_core.security import Fact, Recorder
from golive_core.tokens import Tokens
from golive_dagster.security import tell
from golive_gateway.app import create_app

ADDRESS = "198.51.100.7"


@pytest.fixture
def home(remembering: Path) -> Path:
    return remembering


@pytest.fixture
def client(home: Path) -> TestClient:
    security.recorder.cache_clear()
    return TestClient(
        create_app(), base_url="http://127.0.0.1:8000", client=(ADDRESS, 4711),
        follow_redirects=False,
    )  # fmt: skip


def noted(home: Path) -> list[tuple[str, str, str, str, int]]:
    """Return the events of a home in short; like ones of several seconds are one here."""
    found = security.recorder(home)
    found.flush()
    counts: dict[tuple[str, str, str, str], int] = {}
    for one in found.waiting():
        key = (one.fact.kind, one.fact.name, one.fact.outcome, one.fact.resource)
        counts[key] = counts.get(key, 0) + one.events
    return [(*key, count) for key, count in counts.items()]


def test_sign_ins_are_noted_whether_they_work_or_not(client: TestClient, home: Path) -> None:
    client.get("/sign-in", params={"token": "wrong"})
    client.get("/sign-in", params={"token": access.make_token("link")})
    assert noted(home) == [
        ("authentication", "sign_in", "refused", "/sign-in", 1),
        ("authentication", "sign_in", "ok", "/sign-in", 1),
    ]


def test_a_sign_in_of_a_program_is_one_and_the_form_or_another_visit_is_none(
    client: TestClient, home: Path
) -> None:
    Accounts(home).add("ada", "viewer", "correct horse battery")
    client.get("/sign-in")
    client.post("/v1/session", json={"name": "ada", "password": "wrong"})
    client.post("/v1/session", json={"name": "ada", "password": "correct horse battery"})
    client.get("/sign-in", params={"token": access.make_token("link")})
    client.get("/sign-in")
    assert noted(home)[1:] == [
        ("authentication", "sign_in", "refused", "/v1/session", 1),
        ("authentication", "sign_in", "ok", "/v1/session", 1),
        ("authentication", "sign_in", "ok", "/sign-in", 1),
    ]


def test_like_events_are_counted_and_paths_that_are_none_are_one(
    client: TestClient, home: Path
) -> None:
    for number in range(40):
        client.get(f"/wp-admin/{number}")
    assert noted(home) == [("limit", "not_found", "refused", "(nothing there)", 40)]


def test_a_token_that_may_not_is_named(client: TestClient, home: Path) -> None:
    _, text = Tokens(home).create("jenkins", ["reports:write"], project="till")
    headers = {"authorization": f"Bearer {text}"}
    answer = client.post("/v1/reports", params={"project": "shop"}, headers=headers, content=b"x")
    assert answer.status_code == 403
    client.post("/v1/reports", params={"project": "shop"}, content=b"x")
    kinds = noted(home)
    assert ("authorisation", "permission", "refused", "/v1/reports", 1) in kinds
    assert ("authentication", "token", "refused", "/v1/reports", 1) in kinds
    assert all(text not in str(one) for one in kinds)


def test_probes_and_answers_to_everybody_are_no_events(client: TestClient, home: Path) -> None:
    client.get("/health/live")
    client.get("/")
    assert noted(home) == []


def test_events_are_written_without_being_asked_for(home: Path) -> None:
    recorder = Recorder(home)
    recorder.note(Fact("limit", "rate", "refused", address=ADDRESS))
    until = time.monotonic() + 20
    while not recorder.waiting() and time.monotonic() < until:
        time.sleep(0.05)
    assert [one.events for one in recorder.waiting()] == [1]


def workspace(base: Path) -> Workspace:
    (base / "golive.toml").write_text(
        '[project.shop]\n[target.chat]\ntype = "notify"\nproject = "shop"\naddress = "env:CHAT"\n'
    )
    return Workspace.load(settings.load(base))


def test_a_flood_of_guesses_becomes_an_alert_and_a_message(
    client: TestClient, home: Path, tmp_path: Path
) -> None:
    work = workspace(tmp_path)
    for _ in range(12):
        client.get("/sign-in", params={"token": "guess"})
    security.recorder(home).flush()
    fresh = take(work.settings, work.lake)
    assert fresh["rule"].to_list() == ["failed_sign_ins"]
    tell(work, fresh)
    row = work.lake.query("select title, recipient, severity from ops.notifications").row(0)
    assert row[0].startswith(f"Security: 12 sign-ins from {ADDRESS} were refused")
    assert row[1:] == ("security", "warning")
    assert work.lake.query("select sum(events) from ops.security_events").item() == 12
    assert security.recorder(home).waiting() == []


def test_what_was_taken_once_is_not_taken_again(
    client: TestClient, home: Path, tmp_path: Path
) -> None:
    work = workspace(tmp_path)
    recorder = security.recorder(home)
    for _ in range(11):
        recorder.note(Fact("authentication", "sign_in", "refused", address=ADDRESS))
    recorder.flush()
    (event,) = recorder.waiting()
    assert take(work.settings, work.lake).height == 1
    # The process was killed before it forgot what it had taken.
    with recorder._open() as db:
        cells = (event.sequence, event.at, event.until_at, *vars_of(event.fact), event.events, 0)
        db.execute(f"insert into events values ({', '.join('?' * len(cells))})", cells)
    assert take(work.settings, work.lake).height == 0
    assert work.lake.query("select sum(events) from ops.security_events").item() == 11


def vars_of(fact: Fact) -> tuple[str, ...]:
    return fact.kind, fact.name, fact.outcome, fact.actor, fact.address, fact.resource


def test_nothing_that_waits_costs_nothing(home: Path, tmp_path: Path) -> None:
    work = workspace(tmp_path)
    assert take(work.settings, work.lake, now=datetime.now(UTC)).is_empty()
    assert not work.lake.exists("ops.security_events")
