"""The browser engine beside plain Playwright on the same 20 journeys, and what its evidence costs.

    python benchmarks/journeys.py [--rounds 3]

Four ways, in turns: plain Playwright that records nothing; the engine that keeps nothing; plain
Playwright that records trace, video, HAR and a screenshot at the end, as `--tracing on --video on
--screenshot on` of pytest-playwright do; the engine with all of that, a picture of every step,
accessibility trees and web vitals, masked and stored by content. Limit: 1.10. Printed too: how much
of the evidence was stored once.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from golive_core.artifacts import ArtifactStore
from golive_runner.journeys import document, launch
from golive_runner.journeys.engine import Engine, Options
from tests.runner.shop import open_shop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

JOURNEYS = 20
LIMIT = 1.10
TEXT = """journey: Shop {n}
base: http://{shop}
steps:
  - open: /
  - gone: Loading
  - fill: {{label: Name, with: Ada {n}}}
  - fill: {{label: Password, with: battery}}
  - choose: {{label: Size, option: Large}}
  - check: Agree
  - click: Sign in
  - see: Hello Ada {n}
"""


def plain(browser: Browser, shop: str, n: int, folder: Path | None) -> None:
    """Do what a journey does; record into the folder, if there is one."""
    options: dict[str, Any] = {"viewport": {"width": 1280, "height": 720}}
    if folder:
        options |= {
            "record_har_path": folder / f"{n}.har", "record_har_content": "omit",
            "record_video_dir": folder / f"video{n}",
            "record_video_size": {"width": 800, "height": 450},
        }  # fmt: skip
    context = browser.new_context(**options)
    if folder:
        context.tracing.start(screenshots=True, snapshots=True)
    page = context.new_page()
    page.goto(f"http://{shop}/")
    page.get_by_text("Loading").wait_for(state="hidden")
    page.get_by_label("Name").fill(f"Ada {n}")
    page.get_by_label("Password").fill("battery")
    page.get_by_label("Size").select_option(label="Large")
    page.get_by_label("Agree").check()
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text(f"Hello Ada {n}").wait_for()
    if folder:
        page.screenshot(path=folder / f"{n}.png")
        context.tracing.stop(path=folder / f"{n}.zip")
    context.close()


def by_hand(shop: str, record: bool) -> Callable[[Path], float]:
    """Return what runs the journeys in plain Playwright and gives the seconds."""

    def run(folder: Path) -> float:
        from playwright.sync_api import sync_playwright

        with sync_playwright() as playwright:
            browser = launch.launch(playwright, "chromium")
            plain(browser, shop, 0, None)
            begun = time.perf_counter()
            for n in range(JOURNEYS):
                plain(browser, shop, n, folder if record else None)
            taken = time.perf_counter() - begun
            browser.close()
        return taken

    return run


def by_engine(shop: str, record: bool) -> Callable[[Path], float]:
    """Return what runs the journeys in the engine and gives the seconds."""

    def run(folder: Path) -> float:
        paths = [folder / f"{n}.yaml" for n in range(JOURNEYS)]
        for n, path in enumerate(paths):
            path.write_text(TEXT.format(n=n, shop=shop))
        journeys = [document.load(path) for path in paths]
        options = Options(keep="all" if record else "none", is_full=record)
        with Engine(ArtifactStore(folder), options) as engine:
            engine.attempt(journeys[0])
            begun = time.perf_counter()
            attempts = [engine.attempt(journey) for journey in journeys]
            taken = time.perf_counter() - begun
        assert all(one.status == "passed" for one in attempts)
        if record:
            kept = [one for attempt in attempts for one in attempt.evidence] + [
                one for attempt in attempts for step in attempt.steps for one in step.evidence
            ]
            told = sum(one.size_bytes for one in kept)
            once = sum({one.sha256: one.size_bytes for one in kept}.values())
            print(
                f"  evidence: {len(kept)} files, {told:,} bytes, stored {once / told:.2f} of them"
            )
        return taken

    return run


def main() -> None:
    """Measure in turns and print the medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home, open_shop() as shop:
        os.environ.update(launch.with_ffmpeg(Path(home)))
        ways = {
            "plain, nothing recorded": by_hand(shop, False),
            "engine, nothing kept": by_engine(shop, False),
            "plain, trace, video ...": by_hand(shop, True),
            "engine, all evidence": by_engine(shop, True),
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, run in ways.items():
                with tempfile.TemporaryDirectory() as folder:
                    taken[name].append(run(Path(folder)))
    middle = {name: statistics.median(found) for name, found in taken.items()}
    for name, seconds in middle.items():
        print(f"{name:28} {seconds / JOURNEYS * 1000:7.0f} ms a journey")
    bare, kept = list(middle.values())[::2], list(middle.values())[1::2]
    for label, one, other in zip(("nothing", "everything"), kept, bare, strict=True):
        verdict = "ok" if one / other <= LIMIT else "MISSED"
        print(f"{label} recorded: {one / other:.2f} x plain (limit {LIMIT}) {verdict}")


if __name__ == "__main__":
    main()
