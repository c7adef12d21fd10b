"""A PostgreSQL that several gateways share: restarts, races, what it cannot hold."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from golive_core import access, settings
from golive_core.accounts import Accounts
from golive_core.database import exists, opened, place
from golive_core.database import postgres as shared_postgres
from golive_core.errors import GoLiveError, SettingsError
from golive_core.inbox import Delivery, Inbox
from golive_core.inbox import postgres as inbox_postgres
from tests import postgres


@pytest.fixture
def url(
    home: Path, postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The address of an empty database that the settings of `home` name."""
    address = postgres_server.made()
    monkeypatch.setenv("GOLIVE_DATABASE_URL", address)
    yield address
    shared_postgres.close()


def told(*numbers: int, body: bytes = b"{}") -> list[Delivery]:
    return [Delivery("hub", str(number), "webhook", body) for number in numbers]


def test_two_gateways_that_are_told_the_same_take_it_once(home: Path, url: str) -> None:
    """In opposite orders, as two that wait for each other would."""
    both, start = [Inbox(home), Inbox(home)], threading.Barrier(8)

    def put(number: int) -> int:
        wanted = told(*range(300)) if number % 2 else told(*reversed(range(300)))
        start.wait(30)
        return sum(both[number % 2].put(wanted))

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(put, range(8))) == 300
    ids = [one.delivery_id for one in both[0].waiting()]
    assert sorted(map(int, ids)) == list(range(300))


def test_bodies_that_are_too_much_for_one_statement_come_in_order_of_their_ids(
    home: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_postgres, "BYTES", 1000)
    assert Inbox(home).put(told(2, 1, 2, body=b"\0" * 600)) == [True, True, False]
    assert [one.body for one in Inbox(home).waiting()] == [b"\0" * 600] * 2


def test_a_server_that_restarts_is_found_again(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with postgres.running(*postgres.QUICK) as server:
        monkeypatch.setenv("GOLIVE_DATABASE_URL", server.made())
        inbox = Inbox(home)
        inbox.put(told(1))
        server.stop()
        with pytest.raises(GoLiveError, match="the inbox cannot be") as caught:
            inbox.put(told(2))
        assert "golive@" not in str(caught.value)
        server.start()
        assert inbox.put(told(1, 2)) == [False, True]
        assert inbox.depth() == 2
        shared_postgres.close()


def test_what_fails_in_the_middle_leaves_nothing(home: Path, url: str) -> None:
    schema = "create table if not exists counts (n integer not null) strict"

    def insert(*numbers: int | None) -> None:
        with opened(home, schema) as db:
            for number in numbers:
                db.execute("insert into counts values (?)", (number,))
                assert number != 0

    with pytest.raises(AssertionError):
        insert(1, 0)
    with pytest.raises(GoLiveError, match="the accounts"):
        insert(1, None)
    with opened(home, schema) as db:
        assert db.execute("select count(*) from counts").fetchone() == (0,)


def test_who_decides_alone_is_alone(home: Path, url: str) -> None:
    schema = "create table if not exists counts (n integer not null) strict"

    def count(_: int) -> None:
        with opened(home, schema, is_alone=True) as db:
            (most,) = db.execute("select coalesce(max(n), 0) from counts").fetchone()
            db.execute("insert into counts values (?)", (most + 1,))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(40)))
    with opened(home, schema) as db:
        assert db.execute("select count(distinct n) from counts").fetchone() == (40,)


def test_processes_that_start_together_make_the_tables_once(home: Path, url: str) -> None:
    script = (
        "from golive_core import access, settings; from golive_core.inbox import Inbox\n"
        "Inbox(settings.home()).depth(); print(access.signing_key().hex())"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    keys = {process.communicate(timeout=60)[0] for process in running}
    assert keys == {f"{access.signing_key().hex()}\n"}
    assert not list(home.iterdir())


def test_a_text_that_postgresql_cannot_hold_is_nobody(home: Path, url: str) -> None:
    assert Accounts(home).check("ada\0", "wrong") is None
    assert Inbox(home).put([Delivery("hub", "1\0", "webhook", b"\0", {"x": "\0"})]) == [True]
    (one,) = Inbox(home).waiting()
    assert (one.body, one.headers) == (b"\0", {"x": "\0"})


def test_a_role_that_may_make_no_tables_uses_those_that_there_are(
    home: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Inbox(home).put(told(1))
    with psycopg.connect(url) as db:
        db.execute("drop role if exists guest")
        db.execute("create role guest login")
        db.execute("grant usage on schema golive to guest")
        db.execute("grant all on all tables in schema golive to guest")
    monkeypatch.setenv("GOLIVE_DATABASE_URL", url.replace("golive@", "guest@"))
    assert Inbox(home).put(told(1, 2)) == [False, True]
    with psycopg.connect(url) as db:
        db.execute("drop owned by guest")


def test_more_threads_than_connections_take_turns(home: Path, url: str) -> None:
    inbox = Inbox(home)
    with ThreadPoolExecutor(3 * shared_postgres.MOST) as threads:
        assert all(threads.map(lambda n: inbox.put(told(n))[0], range(100)))
    with psycopg.connect(url) as db:
        said = db.execute("select count(*) from pg_stat_activity where application_name = 'golive'")
        assert 1 <= (said.fetchone() or (0,))[0] <= shared_postgres.MOST


def test_an_address_that_is_none_is_told_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in ("nonsense", "postgresql://golive:dont-tell@127.0.0.1:1/golive"):
        monkeypatch.setenv("GOLIVE_DATABASE_URL", wrong)
        with pytest.raises(GoLiveError) as caught:
            Inbox(home).depth()
        assert "dont-tell" not in str(caught.value)
    assert Inbox(home).where == "postgresql://127.0.0.1:1/golive"


@pytest.mark.parametrize("toml", ['[database]\nurl = "postgresql://u:dont-tell@db/golive"\n',
                                  '[database]\nurl = 5\n'])  # fmt: skip
def test_settings_that_speak_of_a_database_and_cannot_be_read_use_no_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, toml: str
) -> None:
    monkeypatch.setenv("GOLIVE_BASE", str(tmp_path))
    (tmp_path / "golive.toml").write_text(toml)
    with pytest.raises(SettingsError) as caught:
        Inbox(home)
    assert "dont-tell" not in str(caught.value)
    (tmp_path / "golive.toml").write_text("[nonsense]\n")
    assert Inbox(home).where == str(home / "inbox.db")


def test_another_home_than_that_of_the_settings_remembers_in_files(
    home: Path, url: str, tmp_path: Path
) -> None:
    assert place.url_of(home) == url
    assert exists(home)
    assert not exists(tmp_path / "elsewhere")
    assert settings.load().database.url == "env:GOLIVE_DATABASE_URL"
    assert url in settings.resolved_secrets()


def test_an_address_of_something_else_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLIVE_DATABASE_URL", "mysql://db/golive")
    with pytest.raises(SettingsError, match="no address of a PostgreSQL"):
        place.url_of(home)
