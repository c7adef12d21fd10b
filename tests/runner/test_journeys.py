"""Journeys in a real Chromium against a real shop, well-behaved pages and others."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from golive_core.artifacts import ArtifactStore
from golive_runner import isolated
from golive_runner.attempt import Attempt, Evidence
from golive_runner.job import Job
from golive_runner.scratch import scratch
from golive_runner.watch import Limits
from tests.runner.shop import open_shop, self_signed

pytestmark = pytest.mark.slow

SECRET = "hunter-22-battery"
SIGN_IN = """
steps:
  - open: /
  - gone: Loading
  - fill: {label: Name, with: Ada}
  - fill: {label: Password, with: "${SHOP_PASSWORD}"}
  - choose: {label: Size, option: Large}
  - check: Agree
  - click: Sign in
  - see: Hello Ada
  - value: {label: Name, is: Ada}
"""
DOCUMENTS = {
    "sign_in": SIGN_IN,
    "absent": "timeout_s: 1\nretries: 1\nsteps:\n  - open: /\n  - see: Farewell\n"
    "  - click: Sign in\n",
    "near": "timeout_s: 1\nsteps:\n  - open: /\n  - click: Sing in\n",
    "twins": "timeout_s: 1\nsteps:\n  - open: /twins\n  - click: Save\n",
    "second": "steps:\n  - open: /twins\n  - click: {role: button, name: Save, nth: 2}\n",
    "never": "timeout_s: 1\nsteps:\n  - open: /never\n",
    "broken": "steps:\n  - open: /broken\n",
    "unset": 'steps:\n  - open: /\n  - fill: {label: Name, with: "${NOT_SET}"}\n',
    "accepted": "steps:\n  - open: /dialog\n  - dialog: accept\n  - click: Ask\n",
    "download": "steps:\n  - open: /download\n  - download: Report\n",
    "popup": "steps:\n  - open: /popup\n  - popup: Open shop\n  - see: Welcome\n  - close\n"
    "  - see: Open shop\n",
    "refused": "steps:\n  - open: /to/{other}\n",
    "allowed": 'allow: ["{other}"]\nsteps:\n  - open: /to/{other}\n  - see: Welcome\n',
    "untrusted": "timeout_s: 3\nsteps:\n  - open: https://{tls}/\n",
    "insecure": "insecure: true\nsteps:\n  - open: https://{tls}/\n  - see: Welcome\n",
    "refusing": "steps:\n  - open: http://127.0.0.1:1/\n",
    "loop": "limit_s: 4\ntimeout_s: 2\nsteps:\n  - open: /loop\n  - see: Stop\n",
    "noise": "limit_s: 3\ntimeout_s: 1\nsteps:\n  - open: /noise\n  - see: Stop\n",
    "after": "steps:\n  - open: /\n  - see: Welcome\n",
}


LONG = "journey: long\ntimeout_s: 60\nsteps:\n  - open: about:blank\n  - see: Never\n"


@dataclass(frozen=True)
class Ran:
    """What came of all documents, and where their evidence is."""

    attempts: Mapping[str, list[Attempt]]
    wrong: Mapping[str, str]
    store: ArtifactStore
    remains: list[str]
    """Processes and folders of the run when it was over."""

    def one(self, name: str) -> Attempt:
        """Return the only attempt of a document."""
        (attempt,) = self.attempts[name]
        return attempt

    def body(self, evidence: Evidence) -> bytes:
        """Return what was kept."""
        return self.store.get(evidence.sha256)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """Run every document once, in one process as a user's folder of journeys would."""
    folder = tmp_path_factory.mktemp("journeys")
    home = tmp_path_factory.mktemp("home")
    with (
        scratch("golive-") as runs, pytest.MonkeyPatch.context() as patch,
        open_shop() as shop, open_shop() as other,
        open_shop(certificate=self_signed(home)) as tls,
    ):  # fmt: skip
        patch.setattr(tempfile, "tempdir", str(runs))
        patch.setenv("SHOP_PASSWORD", SECRET)
        for name, text in DOCUMENTS.items():
            body = text.replace("{other}", other).replace("{tls}", tls)
            head = f"journey: {name}\nbase: http://{shop}\n"
            (folder / f"{name}.yaml").write_text(head + body)
        (folder / "wrong.yaml").write_text("journey: wrong\nsteps:\n  - clik: Sign in\n")
        files = [str(folder / f"{name}.yaml") for name in (*DOCUMENTS, "wrong")]
        job = Job(tuple(files), str(home), str(folder))
        finished = isolated.run(job, limits=Limits(grace_s=3))
        remains = [*left(runs), *map(str, runs.iterdir())]
    attempts: dict[str, list[Attempt]] = {name: [] for name in DOCUMENTS}
    for attempt in finished.attempts:
        attempts[Path(attempt.suite).stem].append(attempt)
    wrong = {Path(file).stem: error for file, error in finished.wrong.items()}
    return Ran(attempts, wrong, ArtifactStore(home), remains)


def kinds(attempt: Attempt) -> set[str]:
    """Return what was kept of an attempt as a whole."""
    return {one.kind for one in attempt.evidence}


def test_a_journey_passes_and_every_step_has_its_picture(ran: Ran) -> None:
    attempt = ran.one("sign_in")
    assert (attempt.status, attempt.message) == ("passed", "")
    assert [step.name for step in attempt.steps][:3] == [
        "open /", "gone text “Loading”", "fill label “Name” with “Ada”",
    ]  # fmt: skip
    for step in attempt.steps:
        assert ran.body(step.evidence[0])[:2] == b"\xff\xd8"
    trees = [one for step in attempt.steps for one in step.evidence[1:]]
    assert len(trees) == 3
    assert all(b"Welcome" in ran.body(tree) for tree in trees)
    assert kinds(attempt) >= {"trace", "har", "console", "vitals"}


def test_a_video_is_kept_where_there_is_ffmpeg(ran: Ran) -> None:
    (video,) = [one for one in ran.one("sign_in").evidence if one.kind == "video"]
    assert ran.body(video)[:4] == b"\x1a\x45\xdf\xa3"


def test_no_secret_is_in_any_evidence(ran: Ran) -> None:
    attempt = ran.one("sign_in")
    assert "•••" in attempt.steps[3].name
    evidence = [*attempt.evidence, *(one for step in attempt.steps for one in step.evidence)]
    for one in evidence:
        body = ran.body(one)
        assert SECRET.encode() not in body
        if one.kind == "trace":
            with zipfile.ZipFile(BytesIO(body)) as trace:
                assert not any(SECRET.encode() in trace.read(name) for name in trace.namelist())


def test_har_has_requests_and_no_bodies(ran: Ran) -> None:
    (har,) = [one for one in ran.one("sign_in").evidence if one.kind == "har"]
    entries = json.loads(ran.body(har))["log"]["entries"]
    assert entries
    assert not any("text" in entry["response"]["content"] for entry in entries)


def test_console_and_web_vitals_are_told(ran: Ran) -> None:
    kept = {one.kind: ran.body(one) for one in ran.one("sign_in").evidence}
    assert b"a warning for testers" in kept["console"]
    (vitals,) = [one for url, one in json.loads(kept["vitals"]).items() if url.startswith("http")]
    assert vitals["fcp"] > 0
    assert vitals["ttfb"] > 0


def test_an_absent_text_fails_each_attempt_and_the_steps_behind_it_are_skipped(ran: Ran) -> None:
    first, second = ran.attempts["absent"]
    for attempt in (first, second):
        assert (attempt.status, attempt.type) == ("failed", "NotFound")
        assert [step.status for step in attempt.steps] == ["passed", "failed", "skipped"]


def test_what_is_called_nearly_so_is_named(ran: Ran) -> None:
    attempt = ran.one("near")
    assert attempt.status == "failed"
    assert "“Sing in” did not appear within 1 s. The page says “Sign in”" in attempt.message
    assert attempt.steps[-1].evidence, "the failed step has its picture too"


def test_several_of_one_name_are_not_guessed(ran: Ran) -> None:
    assert "2 elements are “Save”" in ran.one("twins").message
    assert ran.one("second").status == "passed"


@pytest.mark.parametrize(
    ("name", "status", "kind", "words"),
    [
        ("never", "error", "NoAnswer", "did not answer in time"),
        ("broken", "failed", "Unmet", "answered 500"),
        ("unset", "error", "SettingsError", "NOT_SET"),
        ("refused", "error", "RefusedAddress", "private address"),
        ("untrusted", "error", "NoAnswer", "insecure: true"),
        ("refusing", "error", "", "http"),
    ],
)
def test_what_goes_wrong_is_a_recorded_attempt(
    ran: Ran, name: str, status: str, kind: str, words: str
) -> None:
    attempt = ran.one(name)
    assert attempt.status == status
    assert kind in attempt.type
    assert words in attempt.message


@pytest.mark.parametrize("name", ["accepted", "download", "popup", "allowed", "insecure", "after"])
def test_what_a_journey_foresees_passes(ran: Ran, name: str) -> None:
    attempt = ran.one(name)
    assert (attempt.status, attempt.message) == ("passed", "")


def test_a_dialog_is_answered_as_the_step_says(ran: Ran) -> None:
    kept = {one.kind: ran.body(one) for one in ran.one("accepted").evidence}
    assert "confirm “Sure?”: accept" in kept["console"].decode()


def test_a_download_is_kept(ran: Ran) -> None:
    (file,) = [one for one in ran.one("download").steps[1].evidence if one.kind == "download"]
    assert (file.name, ran.body(file)) == ("report.csv", b"a,b")


def test_a_page_that_hangs_ends_as_an_attempt(ran: Ran) -> None:
    attempt = ran.one("loop")
    assert attempt.type in {"NotFound", "Ended"}, "as it hangs before or while it is looked at"


def test_a_noisy_page_leaves_a_bounded_console(ran: Ran) -> None:
    attempt = ran.one("noise")
    assert attempt.status != "passed"
    assert all(one.size_bytes < 60_000_000 for one in attempt.evidence)


def test_a_wrong_document_is_named_with_its_line_and_a_hint(ran: Ran) -> None:
    assert "wrong.yaml:3: steps.1.clik is no action" in ran.wrong["wrong"]
    assert "click" in ran.wrong["wrong"]


def test_the_same_content_is_stored_once(ran: Ran) -> None:
    first, second = ran.attempts["absent"]
    (one,), (other,) = (
        [kept.sha256 for kept in attempt.steps[1].evidence if kept.kind == "accessibility"]
        for attempt in (first, second)
    )
    assert one == other


def test_nothing_is_left_behind(ran: Ran) -> None:
    assert not ran.remains


def left(folder: Path) -> list[str]:
    """Return the processes of runs whose folders were made in this one."""
    return [
        place.parent.name for place in Path("/proc").glob("[0-9]*/environ")
        if f"TMPDIR={folder}/golive-run-".encode() in _bytes(place)
    ]  # fmt: skip


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_who_started_it_is_killed_and_nothing_is_left() -> None:
    """The process of a run has a session of its own: it must see by itself that it is alone."""
    code = (
        "import sys\nfrom golive_runner.isolated import run\nfrom golive_runner.job import Job\n"
        "print(run(Job((sys.argv[1],), sys.argv[2], sys.argv[2])))"
    )
    with scratch("golive-") as home:
        path, out = home / "long.yaml", home / "out.txt"
        path.write_text(LONG)
        with out.open("wb") as said:
            started = subprocess.Popen(
                [sys.executable, "-c", code, str(path), str(home)],
                env=os.environ | {"TMPDIR": str(home)}, stdout=said, stderr=said,
            )  # fmt: skip
        wait_until(lambda: started.poll() is not None or len(left(home)) > 3)
        assert started.poll() is None, out.read_text()
        started.kill()
        started.wait()
        wait_until(lambda: not left(home))


def test_a_long_path_of_temporary_files_is_no_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chromium ends where the path of its socket is longer than the system lets it be."""
    far = tmp_path / ("long" * 20)
    far.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(far))
    path = tmp_path / "blank.yaml"
    path.write_text("journey: blank\nsteps:\n  - open: about:blank\n")
    (attempt,) = isolated.run(Job((str(path),), str(tmp_path), str(tmp_path))).attempts
    assert attempt.status == "passed", attempt.details


def wait_until(holds: Callable[[], bool]) -> None:
    """Return once it holds; fails after half a minute."""
    for _ in range(300):
        if holds():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come to pass in 30 s")


def test_too_much_memory_ends_the_attempt(tmp_path: Path) -> None:
    """Far below what Chromium takes: the watch must end it, and say what it took."""
    path = tmp_path / "large.yaml"
    path.write_text("journey: large\nlimit_s: 60\nsteps:\n  - open: about:blank\n  - see: Never\n")
    finished = isolated.run(
        Job((str(path),), str(tmp_path), str(tmp_path)), limits=Limits(memory_bytes=50 << 20)
    )
    (attempt,) = finished.attempts
    assert (attempt.status, attempt.type) == ("error", "Ended")
    assert "MiB of memory, 50 are allowed" in attempt.message
