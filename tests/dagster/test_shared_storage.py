"""Dagster's runs in a real PostgreSQL: seen from another machine, with no password on a disk."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import util
from pathlib import Path

import dagster as dg
import httpx
import psycopg
import pytest

from golive_core import settings
from golive_core.database.postgres import close
from golive_core.errors import SettingsError
from golive_dagster.instance import ensure_instance, open_instance
from golive_dagster.shared_storage import address
from tests import postgres


@pytest.fixture
def url(
    home: Path, postgres_server: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    made = postgres_server.made().replace("golive@", "golive:dont-tell@")
    monkeypatch.setenv("DATABASE_URL", made)
    monkeypatch.setenv("GOLIVE_DATABASE_URL", "env:DATABASE_URL")
    monkeypatch.setenv("GOLIVE_DATABASE_DAGSTER", "true")
    yield made
    close()


@dg.asset
def answer() -> int:
    return 42


def test_runs_are_seen_from_another_machine(
    home: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_instance(home) as instance:
        done = dg.materialize([answer], instance=instance)
        key = dg.AssetKey("answer")
        assert instance.get_latest_materialization_event(key) is not None
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("GOLIVE_HOME", str(elsewhere))
    with open_instance(elsewhere) as instance:
        assert [one.run_id for one in instance.get_runs()] == [done.run_id]
        assert instance.get_latest_materialization_event(key) is not None
        assert not instance.schedule_storage.all_instigator_state()
    with psycopg.connect(url) as db:
        said = db.execute("select distinct schemaname from pg_tables where tablename = 'runs'")
        assert said.fetchall() == [("golive_dagster",)]
    files = [path for path in (elsewhere / "dagster").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"dont-tell" in path.read_bytes()]
    assert not [path for path in files if path.suffix == ".db"]


def test_a_run_s_own_process_opens_the_same_storage(home: Path, url: str) -> None:
    """As the daemon hands an instance on: by its reference, in text."""
    code = (
        "import sys, dagster as dg; from dagster._serdes import deserialize_value as read\n"
        "from dagster._core.instance.ref import InstanceRef\n"
        "with dg.DagsterInstance.from_ref(read(sys.argv[1], InstanceRef)) as one:"
        " print(len(one.get_runs()))"
    )
    from dagster._serdes import serialize_value

    with open_instance(home) as instance:
        dg.materialize([answer], instance=instance)
        text = serialize_value(instance.get_ref())
    assert "dont-tell" not in text
    assert subprocess.check_output([sys.executable, "-c", code, text], text=True) == "1\n"


@pytest.mark.slow
@pytest.mark.parametrize("service", ["dagster", "dagster-daemon"])
def test_a_service_of_dagster_works_on_it(
    home: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("GOLIVE_BASE", str(tmp_path))
    monkeypatch.setenv("GOLIVE_PORT_DAGSTER", str(port))
    (tmp_path / "golive.toml").write_text("[project.shop]\n")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "golive"), "serve", service], stdout=log, stderr=log
        )
    try:
        until = time.monotonic() + 120
        while not works(service, port, url):
            text = (tmp_path / "log").read_text()[-3000:]
            assert process.poll() is None, text
            assert time.monotonic() < until, text
            time.sleep(0.5)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def works(service: str, port: int, url: str) -> bool:
    """Tell whether the pages answer from the storage, or the daemon beats in it."""
    if service == "dagster-daemon":
        with psycopg.connect(url) as db:
            there = "select to_regclass('golive_dagster.daemon_heartbeats')"
            if (db.execute(there).fetchone() or (None,))[0] is None:
                return False
            beats = db.execute("select count(*) from golive_dagster.daemon_heartbeats").fetchone()
            return beats is not None and beats[0] > 0
    try:
        asked = {"query": "{ runsOrError { ... on Runs { count } } }"}
        told = httpx.post(f"http://127.0.0.1:{port}/graphql", json=asked, timeout=10)
    except httpx.HTTPError:
        return False
    return told.json()["data"]["runsOrError"] == {"count": 0}


def test_files_of_the_home_stay_the_default(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "storage" not in (ensure_instance(home) / "dagster.yaml").read_text()
    monkeypatch.setenv("GOLIVE_DATABASE_URL", "postgresql:///golive")
    settings.load()
    assert "SharedStorage" not in (ensure_instance(home) / "dagster.yaml").read_text()


def test_without_the_packages_it_says_which(
    home: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("golive_dagster.instance.find_spec", lambda name: None)
    assert util.find_spec("dagster_postgres")
    with pytest.raises(SettingsError, match="dagster-postgres") as caught:
        ensure_instance(home)
    assert "requirements-postgres.lock" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("postgresql://u:p%40ss@db:5433/golive?sslmode=require",
         "postgresql+psycopg2://u:p%40ss@db:5433/golive"
         "?options=-c+search_path%3Dgolive_dagster&sslmode=require"),
        ("postgresql://u@/golive?host=/run/pg",
         "postgresql+psycopg2://u@/golive?host=%2Frun%2Fpg"
         "&options=-c+search_path%3Dgolive_dagster"),
        ("host=db dbname=golive",
         "postgresql+psycopg2://db/golive?options=-c+search_path%3Dgolive_dagster"),
    ],
)  # fmt: skip
def test_an_address_becomes_sqlalchemy_s(given: str, wanted: str) -> None:
    assert address(given) == wanted
