"""A person's clicks become a journey that runs: without a display, and in a window under Xvfb."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from golive_runner import isolated
from golive_runner.job import Job
from golive_runner.recorder.writing import Recording
from tests.runner.act_as_person import SECRET
from tests.runner.shop import open_shop

GOLIVE = [sys.executable, "-c", "from golive_cli.main import main; main()"]
RECORD = """
import sys
from threading import Event
from golive_runner.recorder.recorder import Wanted, record
url, port, out = sys.argv[1:]
found = record(Wanted(url, True, int(port)), Event(), print)
open(out, "w").write(found.text("Recorded", "journey.yaml"))
"""
"""With a window there is no port by itself: the test needs one to act through."""


def free_port() -> int:
    """Return a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def display() -> Generator[dict[str, str]]:
    """Run an X server without a screen; yield the environment that shows windows on it."""
    reader, writer = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1400x900x24", "-nolisten", "tcp"],
        pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writer)
    try:
        number = os.read(reader, 16).decode().strip()
        yield {"DISPLAY": f":{number}"}
    finally:
        os.close(reader)
        server.terminate()
        server.wait()


def acted(command: list[str], port: int, shop: str, folder: Path, **extra: str) -> str:
    """Record while somebody acts; return what the recorder said."""
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"} | extra
    recorder = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True,
    )  # fmt: skip
    try:
        person = Path(__file__).with_name("act_as_person.py")
        subprocess.run(
            [sys.executable, str(person), str(port), shop], check=True, timeout=120,
            cwd=Path(__file__).parents[2], env=os.environ | {"PYTHONPATH": "."},
        )  # fmt: skip
        said, _ = recorder.communicate(timeout=60)
    finally:
        recorder.kill()
        recorder.wait()
    return said


@pytest.mark.slow
@pytest.mark.parametrize("is_shown", [False, True], ids=["no display", "window"])
def test_what_a_person_did_runs_as_a_journey(
    tmp_path: Path, is_shown: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, port = tmp_path / "journey.yaml", free_port()
    with open_shop() as shop:
        if is_shown:
            with display() as shown:
                command = [sys.executable, "-c", RECORD, f"http://{shop}/", str(port), str(path)]
                said = acted(command, port, shop, tmp_path, **shown)
                assert path.is_file(), said
        else:
            command = [*GOLIVE, "test", "record", shop, "--port", str(port)]
            said = acted(command, port, shop, tmp_path)
            assert "chrome://inspect" in said
            assert "export PASSWORD=" in said
        text = path.read_text()
        steps = yaml.safe_load(text)["steps"]
        monkeypatch.setenv("PASSWORD", SECRET)
        finished = isolated.run(Job((str(path),), str(tmp_path / "home"), str(tmp_path)))
    assert SECRET not in text
    assert steps[:6] == [
        {"open": "/"}, {"fill": {"label": "Name", "with": "Ada"}},
        {"fill": {"label": "Password", "with": "${PASSWORD}"}},
        {"choose": {"label": "Size", "option": "Large"}}, {"check": {"label": "Agree"}},
        {"click": "Sign in"},
    ]  # fmt: skip
    assert {"popup": "Open shop"} in steps
    assert {"press": {"label": "Name", "key": "Enter"}} in steps
    done = {step.name for attempt in finished.attempts for step in attempt.steps}
    assert "click “Sign in”" in done
    assert finished.attempts[0].steps[5].status == "passed"


def on(**said: object) -> dict[str, object]:
    """Return an element as the page describes it."""
    blank = {"role": "", "name": "", "label": "", "placeholder": "", "test_id": "", "text": ""}
    return {**blank, "css": "main > div", "nth": 0, **said}


@pytest.mark.parametrize(
    ("element", "called"),
    [
        (on(role="button", name="Save"), "Save"),
        (on(role="button", name="Save", nth=2),
         {"role": "button", "name": "Save", "exact": True, "nth": 2}),
        (on(role="button", test_id="save-button"), {"test_id": "save-button"}),
        (on(role="row", name="Ada"), {"role": "row", "name": "Ada"}),
        (on(text="More"), {"text": "More"}),
        (on(), {"css": "main > div"}),
    ],
)  # fmt: skip
def test_elements_are_called_as_people_call_them(element: object, called: object) -> None:
    recording = Recording("http://shop.example/start?a=1#b")
    recording.take({"kind": "click", "on": element})
    assert recording.steps == [{"open": "/start?a=1#b"}, {"click": called}]


def test_what_is_odd_in_a_name_is_still_yaml() -> None:
    recording = Recording("http://shop.example/")
    for name in ("yes", "- a: b", "#1", "“x” {y}", "12"):
        recording.take({"kind": "click", "on": on(role="button", name=name)})
    said = yaml.safe_load(recording.text("A: b", "a.yaml"))
    assert [step["click"] for step in said["steps"][1:]] == ["yes", "- a: b", "#1", "“x” {y}", "12"]
    assert said["journey"] == "A: b"


def test_a_page_that_an_action_led_to_is_expected() -> None:
    recording = Recording("http://shop.example/")
    recording.take({"kind": "page", "on": None, "heading": "Welcome"})
    recording.take({"kind": "click", "on": on(role="link", name="Cart")})
    recording.take({"kind": "page", "on": None, "heading": "Your cart"})
    recording.take({"kind": "page", "on": None, "heading": "Reloaded"})
    assert recording.steps == [{"open": "/"}, {"click": "Cart"}, {"see": "Your cart"}]
