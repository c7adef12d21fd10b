"""Looks in a real Chromium: new, the same, masked, changed; an element, a whole page, fonts."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from golive_core.artifacts import ArtifactStore
from golive_runner import isolated
from golive_runner.attempt import Attempt, Look
from golive_runner.job import Job
from golive_runner.visual import Place, pixels
from golive_runner.watch import Limits

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang=en><title>Tea</title><style>
body {{ margin: 0; font: 16px/1.5 'DejaVu Sans', sans-serif; height: 1500px }}
header {{ background: #17324d; color: white; padding: 12px }}
.buy {{ position: absolute; left: 40px; top: 200px; padding: 9px }}
.buy {{ background: {colour}; color: white }}
.clock {{ position: absolute; top: 900px; left: 40px; font-size: 30px }}
</style><header>Teashop</header><p style="margin-left: 40px">{words}</p><span class=buy>Buy</span>
<div class=clock></div><script>
document.querySelector('.clock').textContent = performance.timeOrigin + Math.random()</script>"""
LOOKS = """journey: Tea
base: {base}
steps:
  - open: /
  - look: window
  - look: {{name: header, target: {{css: header}}}}
  - look: {{name: whole, full_page: true, mask: [{{css: .clock}}]}}
"""
FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include>/etc/fonts/fonts.conf</include><match target="font"><edit name="hintstyle" mode="assign">
<const>hintnone</const></edit></match><match target="pattern"><edit name="hintstyle" mode="assign">
<const>hintnone</const></edit></match></fontconfig>"""
PLAIN = {"colour": "#0f766e", "words": "First flush, light and floral, from the slopes."}


class Teashop(BaseHTTPRequestHandler):
    """Serves one page."""

    body = PAGE.format(**PLAIN).encode()

    def do_GET(self) -> None:
        """Answer with the page of now."""
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(self.body if self.path == "/" else b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server has it
        """Say nothing."""


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, list[Look]]]:
    """Return the looks of runs: first, again, with other fonts, and after a change."""
    home = tmp_path_factory.mktemp("looks")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Teashop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    document = home / "tea.yaml"
    document.write_text(LOOKS.format(base=f"http://127.0.0.1:{server.server_port}"))
    fonts = home / "fonts.conf"
    fonts.write_text(FONTS)
    told = {"first": run(home, document, {})}
    approved = {place(one).look_id("tea.yaml", "Tea"): one.actual for one in told["first"]}
    told["again"] = run(home, document, approved)
    os.environ["FONTCONFIG_FILE"] = str(fonts)
    try:
        told["fonts"] = run(home, document, approved)
    finally:
        del os.environ["FONTCONFIG_FILE"]
    Teashop.body = PAGE.format(**PLAIN | {"colour": "#b4532a"}).encode()
    told["changed"] = run(home, document, approved)
    yield told
    server.shutdown()
    server.server_close()


def place(look: Look) -> Place:
    return Place(look.name, look.browser, look.size, look.theme)


def run(home: Path, document: Path, approved: dict[str, str]) -> list[Look]:
    job = Job((str(document),), str(home), str(home), keep="none", baselines=approved)
    told: list[Attempt] = []
    finished = isolated.run(job, limits=Limits(), on=told.append)
    assert not finished.wrong
    return [step.look for step in told[0].steps if step.look]


def test_a_look_that_nobody_approved_is_new(looks: dict[str, list[Look]]) -> None:
    assert [(one.name, one.verdict) for one in looks["first"]] == [
        ("window", "new"), ("header", "new"), ("whole", "new"),
    ]  # fmt: skip


def test_the_same_page_is_the_same_though_what_is_masked_changes(
    looks: dict[str, list[Look]],
) -> None:
    first, again = looks["first"][2], looks["again"][2]
    assert [one.verdict for one in looks["again"]] == ["same"] * 3
    assert first.actual != again.actual, "the clock goes on"


def test_other_hinting_of_fonts_is_no_change(looks: dict[str, list[Look]]) -> None:
    window = looks["fonts"][0]
    assert window.actual != looks["again"][0].actual, "the fonts are drawn otherwise"
    assert [one.verdict for one in looks["fonts"]] == ["same"] * 3
    assert window.kinds == ("anti-aliasing",)


def test_a_recoloured_button_is_found_where_it_is_and_ends_the_journey(
    looks: dict[str, list[Look]],
) -> None:
    (window,) = looks["changed"]
    assert (window.verdict, window.kinds) == ("changed", ("colour",))
    ((x, y, _, _),) = window.regions
    assert abs(x - 40) <= 2
    assert abs(y - 200) <= 2
    assert 0 < window.changed_share < 0.01


def test_an_element_and_a_whole_page_have_their_own_sizes(
    looks: dict[str, list[Look]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = ArtifactStore(next(tmp_path_factory.getbasetemp().glob("looks*")))
    sizes = [pixels.read(store.get(one.actual), one.name).shape for one in looks["first"]]
    assert sizes == [(720, 1280, 3), (48, 1280, 3), (1500, 1280, 3)]


def test_a_page_that_looks_as_a_rejected_picture_fails_until_it_is_mended(tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Teashop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    document = tmp_path / "tea.yaml"
    steps = LOOKS.format(base=f"http://127.0.0.1:{server.server_port}").split("  - look: {")[0]
    document.write_text(steps)
    try:
        Teashop.body = PAGE.format(**PLAIN).encode()
        first = run(tmp_path, document, {})[0]
        refused = {place(first).look_id("tea.yaml", "Tea"): (first.actual,)}
        job = Job((str(document),), str(tmp_path), str(tmp_path), rejected=refused)
        told: list[Attempt] = []
        isolated.run(job, limits=Limits(), on=told.append)
        Teashop.body = PAGE.format(**PLAIN | {"words": "Second flush, muscatel."}).encode()
        isolated.run(job, limits=Limits(), on=told.append)
    finally:
        server.shutdown()
        server.server_close()
    assert [(one.status, one.steps[1].look.verdict) for one in told if one.steps[1].look] == [
        ("failed", "rejected"), ("passed", "new"),
    ]  # fmt: skip
    assert told[0].message == "look at “window”: it looks as a picture that was rejected"
