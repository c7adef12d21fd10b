"""Messages go through the outbox: once, late when it is quiet, together in a digest, to owners."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from loopback import Asked, Loopback, Reply, ok, serving

from golive_actions import audit
from golive_actions.action import Action, Outcome, perform
from golive_actions.deliver import deliver, waiting
from golive_actions.hours import Hours, clock, span
from golive_core.errors import SettingsError, UsageError
from golive_core.lake import Lake
from golive_core.settings import Instance

LATER = timedelta(seconds=5)


@dataclass
class Hook(Loopback):
    """A webhook that takes what apprise posts."""

    got: list[Any] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        self.got.append((asked.path, json.loads(asked.body)))
        return ok({})


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with serving(Hook()) as server:
        host = server.url.removeprefix("http://")
        monkeypatch.setenv("TEAM", f"json://{host}/team")
        monkeypatch.setenv("CART", f"json://{host}/cart")
        yield server


class Inbox:
    """What a real SMTP server was given."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 Message accepted for delivery"


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    found, loop = Inbox(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(
        loop.create_server(lambda: SMTP(found, loop=loop), "127.0.0.1", 0), loop
    ).result()
    port = listening.sockets[0].getsockname()[1]
    monkeypatch.setenv(
        "MAIL", f"mailto://127.0.0.1:{port}/?from=golive@example.org&to=ada@example.org"
    )
    yield found
    loop.call_soon_threadsafe(listening.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def instance(**options: object) -> Instance:
    return Instance("team", "notify", "shop", {"address": "env:TEAM", **options})


def tell(lake: Lake, to: Instance, base: Path | None = None, **parameters: object) -> Outcome:
    action = Action("notify.send", to, {"title": "Build 12 is red", **parameters})
    return perform(action, dry_run=False, actor="ada", lake=lake, base=base)


def post(lake: Lake, to: Instance, at: datetime | None = None) -> tuple[int, int, int]:
    done = deliver(lake, {to.name: to}, now=at or datetime.now(UTC) + LATER)
    return done.sent, done.postponed, done.given_up


def statuses(lake: Lake) -> list[str]:
    return lake.query("select status from ops.notifications order by title")["status"].to_list()


def test_a_mail_arrives_once(lake: Lake, inbox: Inbox) -> None:
    to = instance(address="env:MAIL")
    tell(lake, to, body="Two tests fail.", reason_sql="select 1")
    assert inbox.mails == []
    assert post(lake, to) == (1, 0, 0)
    assert post(lake, to) == (0, 0, 0)
    (mail,) = inbox.mails
    assert (mail["subject"], mail["to"]) == ("Build 12 is red", "ada@example.org")
    text = mail.get_body(("plain", "html"))
    assert text
    assert "Two tests fail." in text.get_content()
    assert "select 1" in text.get_content()
    assert statuses(lake) == ["sent"]


def test_a_webhook_is_called_and_every_attempt_recorded(lake: Lake, hook: Hook) -> None:
    to = instance()
    tell(lake, to, body="Two tests fail.", severity="critical")
    post(lake, to)
    ((path, body),) = hook.got
    assert path == "team"
    assert (body["title"], body["message"], body["type"]) == (
        "Build 12 is red", "Two tests fail.", "failure",
    )  # fmt: skip
    phases = lake.query("select action, phase from ops.audit_log order by number").rows()
    assert phases == [
        ("notify.send", "asked"), ("notify.send", "done"), ("notify.deliver", "asked"),
        ("notify.deliver", "done"),
    ]  # fmt: skip
    assert audit.verify(lake).breaks == ()


def test_a_dry_run_puts_nothing_in(lake: Lake, hook: Hook) -> None:
    action = Action("notify.send", instance(), {"title": "Red"})
    shown = perform(action, actor="ada", lake=lake).result
    assert shown["outbox"][0]["title"] == "Red"
    assert waiting(lake, datetime.now(UTC) + LATER) == []


def test_the_same_is_said_once_whoever_says_it(lake: Lake, hook: Hook) -> None:
    to = instance()
    tell(lake, to, dedupe="build-12")
    again = tell(lake, to, dedupe="build-12", body="Said in other words")
    assert again.result["notifications"][0]["is_new"] is False
    assert post(lake, to) == (1, 0, 0)


def test_what_fails_is_tried_again_later_and_given_up(lake: Lake, hook: Hook) -> None:
    to, at = instance(attempts=3), datetime.now(UTC) + LATER
    tell(lake, to)
    hook.fault("team", "500", times=9)
    assert post(lake, to, at) == (0, 1, 0)
    assert post(lake, to, at + timedelta(seconds=59)) == (0, 0, 0)
    assert post(lake, to, at + timedelta(seconds=61)) == (0, 1, 0)
    assert post(lake, to, at + timedelta(minutes=4)) == (0, 0, 1)
    (row,) = lake.query("select status, attempts, error from ops.notifications").to_dicts()
    assert (row["status"], row["attempts"]) == ("failed", 3)
    assert "500" in row["error"]


def test_a_server_that_recovers_gets_the_message(lake: Lake, hook: Hook) -> None:
    to, at = instance(), datetime.now(UTC) + LATER
    tell(lake, to)
    hook.fault("team", "500")
    post(lake, to, at)
    assert post(lake, to, at + timedelta(minutes=2)) == (1, 0, 0)
    assert len(hook.got) == 2  # the fault answers, and the world has seen it


def test_a_digest_is_one_message_but_what_is_critical_goes_alone(lake: Lake, hook: Hook) -> None:
    to, at = instance(digest=["09:00"]), datetime.now(UTC) + LATER
    for title in ("One", "Two"):
        tell(lake, to, title=title)
    tell(lake, to, title="Now", severity="critical")
    assert post(lake, to, at) == (1, 0, 0)
    assert post(lake, to, at + timedelta(days=1)) == (2, 0, 0)
    assert [body["title"] for _, body in hook.got] == ["Now", "2 messages: One ..."]


def test_owners_of_paths_are_told(lake: Lake, hook: Hook, tmp_path: Path) -> None:
    (tmp_path / "CODEOWNERS").write_text("* @team\n/cart/ @team/cart\n")
    to = instance(codeowners="CODEOWNERS", recipients={"@team/cart": "env:CART"})
    done = tell(lake, to, base=tmp_path, paths=["cart/total.py", "README.md"])
    assert [one["recipient"] for one in done.result["notifications"]] == ["@team/cart", "@team"]
    post(lake, to)
    assert sorted(path for path, _ in hook.got) == ["cart", "team"]


def test_a_channel_that_is_gone_drops_its_messages(lake: Lake, hook: Hook) -> None:
    tell(lake, instance())
    done = deliver(lake, {}, now=datetime.now(UTC) + LATER)
    assert (done.sent, done.given_up) == (0, 1)
    assert statuses(lake) == ["dropped"]


def test_one_channel_in_trouble_stops_no_other(lake: Lake, hook: Hook) -> None:
    broken = Instance("broken", "notify", "shop", {"address": "env:NOT_SET"})
    tell(lake, broken)
    tell(lake, instance())
    channels = {"broken": broken, "team": instance()}
    done = deliver(lake, channels, now=datetime.now(UTC) + LATER)
    assert (done.sent, done.postponed) == (1, 1)


def test_messages_of_a_channel_that_is_configured_wrong_wait(lake: Lake, hook: Hook) -> None:
    to, at = instance(), datetime.now(UTC) + LATER
    tell(lake, to)
    assert post(lake, instance(quiet="late"), at) == (0, 1, 0)
    assert post(lake, to, at + timedelta(hours=1)) == (1, 0, 0)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"address": "json://user:secret@host"}, "env:NAME"),
        ({"recipients": {"@a": "json://host"}}, "env:NAME"),
        ({"quiet": "22:00"}, "quiet"),
        ({"digest": ["9 o'clock"]}, "9 o'clock"),
        ({"timezone": "Mars/Olympus"}, "Mars"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_options_are_named_without_their_secrets(
    lake: Lake, options: dict[str, object], said: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        tell(lake, instance(**options))
    assert said in str(caught.value)
    assert "user:secret" not in str(caught.value)


def test_paths_without_a_codeowners_file_are_refused(lake: Lake, hook: Hook) -> None:
    with pytest.raises(UsageError, match="CODEOWNERS"):
        tell(lake, instance(), paths=["a.py"])


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-01-05T12:00", "2026-01-05T12:00"),
        ("2026-01-05T21:30", "2026-01-06T06:00"),  # 22:30 in Zürich
        ("2026-01-06T05:59", "2026-01-06T06:00"),
        ("2026-01-06T06:00", "2026-01-06T06:00"),
        ("2026-07-05T20:30", "2026-07-06T05:00"),  # summer time
    ],
)
def test_quiet_hours_are_local(now: str, due: str) -> None:
    from zoneinfo import ZoneInfo

    hours = Hours(span("22:00-07:00"), (), ZoneInfo("Europe/Zurich"))
    at, then = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now, due))
    assert hours.due(at, "warning") == then
    assert hours.due(at, "critical") == at


def test_a_digest_that_falls_into_quiet_hours_waits_for_their_end() -> None:
    hours = Hours(span("22:00-07:00"), (clock("6:00"),))
    at = datetime(2026, 1, 5, 12, tzinfo=UTC)
    assert hours.due(at, "info") == datetime(2026, 1, 6, 7, tzinfo=UTC)


def test_a_late_run_does_not_wake_anybody(lake: Lake, hook: Hook) -> None:
    to = instance(quiet="00:00-23:59")
    noon = datetime.now(UTC).replace(hour=12) + timedelta(days=2)
    tell(lake, to)
    assert post(lake, to, noon) == (0, 1, 0)
    assert hook.got == []
