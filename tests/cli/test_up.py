"""`golive up` from beginning to end, with its real processes."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from golive_cli.serve import ready
from golive_core.lake import Lake
from tests.cli.conftest import GOLIVE, Run, environment
from tests.cli.test_serve import free_port, is_running

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PATIENCE_S = 300.0


@dataclass
class Up:
    """A `golive up` with ports and a home of its own."""

    folder: Path
    repository: Path
    ports: dict[str, int] = field(
        default_factory=lambda: {name: free_port() for name in ("gateway", "dashboards", "dagster")}
    )

    def start(self, *args: str) -> None:
        self.said = (self.folder / "said.txt").open("wb")
        self.process = subprocess.Popen(
            [*GOLIVE, *self.words(), *args], cwd=self.folder, env=environment(),
            stdout=subprocess.DEVNULL, stderr=self.said, process_group=0,
        )  # fmt: skip

    def words(self) -> list[str]:
        ports = [
            part for name, port in self.ports.items() for part in (f"--port-{name}", str(port))
        ]
        return ["up", "--no-browser", "--repo", str(self.repository), *ports]

    @property
    def text(self) -> str:
        return (self.folder / "said.txt").read_text()

    def wait(self, holds: Callable[[], bool]) -> None:
        until = time.monotonic() + PATIENCE_S
        while not holds():
            assert self.process.poll() is None, self.text
            assert time.monotonic() < until, self.text
            time.sleep(0.2)

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def url(self, name: str, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.ports[name]}{path}"

    def get(self, name: str, path: str = "/", cookie: str = "") -> ready.Answer:
        return asyncio.run(ready.get(self.url(name, path), cookie=cookie))


@pytest.fixture
def up(tmp_path: Path, repository: Path) -> Iterator[Up]:
    """Return a `golive up` that is not started yet; whatever it leaves is ended."""
    folder = tmp_path / "golive"
    folder.mkdir()
    one = Up(folder, repository)
    yield one
    if one.process.poll() is None:
        one.process.send_signal(signal.SIGTERM)
        one.process.wait(30)
    one.said.close()


def test_from_a_repository_to_pages_and_down_again(up: Up, golive: Run) -> None:
    before = sorted(path for path in up.repository.rglob("*") if ".git/" not in str(path))
    up.start()
    up.wait(lambda: "sign-in?token=" in up.text)
    (link,) = re.findall(r"http://\S+sign-in\?token=\S+", up.text)

    opened = asyncio.run(ready.get(link))
    cookie = opened.header("set-cookie").partition(";")[0]
    assert (opened.status, opened.header("location")) == (303, up.url("dashboards"))
    assert b"Dashboards" in up.get("gateway", cookie=cookie).body
    assert up.get("dashboards").status == 200
    for path in ("/v1/builds", "/v1/session", "/auth/dashboards", "/auth/dagster"):
        assert up.get("gateway", path).status == 401  # closed to who has no link
        assert up.get("gateway", path, cookie=cookie).status in (200, 204)
    assert b"You are not signed in" in up.get("gateway").body
    assert asyncio.run(ready.get(link)).status == 403
    lake = Lake(up.folder / ".golive" / "lake")
    assert lake.rows("core.commits") == 2
    assert lake.rows("core.test_results") == 3  # real ones: no demo beside them
    assert lake.rows("marts.test_health") == 3

    again = golive(*up.words(), cwd=up.folder)
    assert (again.code, "up here already" in again.err) == (0, True)
    assert "sign-in?token=link." in again.err
    taken = golive(*up.words(), cwd=up.repository.parent)
    assert taken.code == 1
    assert f"port {up.ports['gateway']} is in use by" in taken.err

    up.wait(lambda: "Ctrl-C ends everything" in up.text)
    family = up.family()
    assert len(family) >= 6
    started = time.monotonic()
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(30) == 0
    assert time.monotonic() - started < 10
    assert [one for one in family if is_running(one)] == []
    after = sorted(path for path in up.repository.rglob("*") if ".git/" not in str(path))
    assert after == before


def test_killed_outright_it_leaves_nothing_behind(up: Up) -> None:
    up.start()
    up.wait(lambda: len(up.family()) >= 4)
    family = up.family()
    up.process.kill()
    up.process.wait()
    _, alive = psutil.wait_procs(family, timeout=20)
    assert [one for one in alive if is_running(one)] == []


def test_ended_in_the_middle_of_the_first_run_it_can_be_started_again(up: Up) -> None:
    up.start()
    up.wait((up.folder / ".golive" / "lake").exists)
    family = up.family()
    up.process.send_signal(signal.SIGTERM)
    assert up.process.wait(30) == 0
    assert [one for one in family if is_running(one)] == []


def test_check_looks_at_every_page_and_ends_by_itself(up: Up, golive: Run) -> None:
    for report in up.repository.rglob("TEST-*.xml"):
        report.unlink()  # so that the demo project has to fill the pages
    up.start("--version")  # the fixture wants a process
    up.process.wait()
    done = golive(*up.words(), "--check", cwd=up.folder)
    assert done.code == 0, done.out + done.err
    for said in ("sign-in link", "page Today", "page Tests", "Dagster's assets", "ok"):
        assert said in done.out
    assert "failed" not in done.out
    assert "Demo (simulated)" in str(
        Lake(up.folder / ".golive" / "lake").query("select name from core.projects").rows()
    )
