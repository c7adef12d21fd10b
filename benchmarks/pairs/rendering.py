"""Renders pairs of pictures in real Chromium: with a known change, and with none but other pixels.

What differs without a change is what differs between two machines: hinting of fonts, sub-pixel
order and anti-aliasing as fontconfig sets them, glyphs on whole or on broken pixels, a page that
lies a part of a pixel elsewhere or is a layer of its own. Half of the changed pairs have such a
difference as well.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pages
from PIL import Image
from playwright.sync_api import Page as Tab
from playwright.sync_api import Playwright, sync_playwright

SIZE = (1280, 720)
AREA = SIZE[0] * SIZE[1]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
FONTS = {
    "hinting none": ("hintnone", "none", "true"),
    "hinting medium": ("hintmedium", "none", "true"),
    "hinting full": ("hintfull", "none", "true"),
    "sub-pixel order": ("hintslight", "rgb", "true"),
    "no anti-aliasing": ("hintfull", "none", "false"),
}
"""Name to hint style, sub-pixel order and anti-aliasing of fontconfig."""
STYLES = {
    "part of a pixel": "body{transform:translate(.35px,.25px)}",
    "glyphs on broken pixels": "body{text-rendering:geometricPrecision}",
    "layer of its own": "body{will-change:transform}",
    "turned a little": "body{transform:rotate(.004deg)}",
}
DISPLACING = ("hinting medium", "hinting full", "no anti-aliasing")
"""Those that make glyphs wider: words lie up to FARTHEST pixels elsewhere."""
NOISES = (*FONTS, "glyphs on whole pixels", *STYLES)
CONFIGURATION = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<include>/etc/fonts/fonts.conf</include>{matches}</fontconfig>"""
MATCH = """<match target="{target}">
<edit name="hinting" mode="assign"><bool>true</bool></edit>
<edit name="hintstyle" mode="assign"><const>{style}</const></edit>
<edit name="rgba" mode="assign"><const>{order}</const></edit>
<edit name="antialias" mode="assign"><bool>{smooth}</bool></edit></match>"""
FARTHEST = 6.0
"""Pixels by which a word may lie elsewhere for another hinting: farther is another layout."""
PLACES = """() => {
const out = [], walk = document.createTreeWalker(document.body, 4); let node;
while (node = walk.nextNode()) {
  const range = document.createRange(); range.selectNodeContents(node);
  const lines = [...range.getClientRects()], last = lines[lines.length - 1];
  out.push(lines.length ? [lines.length, lines[0].x, lines[0].y, last.right, last.bottom]
                        : [0, 0, 0, 0, 0]) }
return out }"""
"""Where every text begins and ends, and on how many lines."""
VISIBLE = 16
"""Levels of a channel (of 255) by which a pixel has to differ to be seen as changed."""
FEWEST = 40
"""Pixels that a change has to alter so: fewer is nothing that a person would see."""


@dataclass
class Pair:
    """One pair: PNGs, what was changed (or ""), how it was rendered, and the truth.

    `share` is the part of the picture whose pixels the change alters, `box_share` that of the boxes
    which it touches (x, y, width, height).
    """

    kind: str
    noise: str
    before: bytes = b""
    after: bytes = b""
    share: float = 0.0
    box_share: float = 0.0
    boxes: tuple[tuple[float, ...], ...] = ()


def pairs(seed: int, count: int) -> list[Pair]:
    """Return `count` pairs: half with a change, of each kind alike, half without."""
    random = Random(seed)
    made: list[tuple[Pair, pages.Page, str]] = []
    unchanged: list[Pair] = []
    with sync_playwright() as playwright, tabs(playwright, "") as plain:
        for nth in range(count // 2):
            kind = pages.KINDS[nth % len(pages.KINDS)]
            noise = random.choice(NOISES) if nth % 2 else ""
            made.append(_changed(plain, kind, random, noise))
        for nth, noise in enumerate(NOISES):
            with tabs(playwright, noise) as tab:
                for pair, page, script in made:
                    if pair.noise == noise:
                        pair.after = shot(tab, page, script, noise)
                share = len(range(nth, count - count // 2, len(NOISES)))
                unchanged.extend(_unchanged(plain, tab, noise, random) for _ in range(share))
    return [pair for pair, _, _ in made] + unchanged


def _unchanged(plain: Tab, tab: Tab, noise: str, random: Random) -> Pair:
    """Return a pair of a page that the browser itself lays out alike in both renderings."""
    while True:
        page = pages.Maker(random).page()
        before, was = shot(plain, page, "", ""), np.array(plain.evaluate(PLACES))
        after, now = shot(tab, page, "", noise), np.array(tab.evaluate(PLACES))
        if (was[:, 0] == now[:, 0]).all() and np.abs(was - now).max() <= FARTHEST:
            return Pair("", noise, before, after)


def _changed(tab: Tab, kind: str, random: Random, noise: str) -> tuple[Pair, pages.Page, str]:
    """Return a pair whose change is visible and touches more than 0.1 % of the picture."""
    while True:
        page = pages.Maker(random).page()
        before = shot(tab, page, "", "")
        change = pages.change(page, kind, random, least=12 if noise in DISPLACING else 3)
        after = shot(tab, page, change.script, "")
        touched = np.zeros((SIZE[1], SIZE[0]), bool)
        boxes = tab.evaluate("window.touched")
        for x, y, wide, high in boxes:
            touched[max(0, int(y)) : int(y + high + 1), max(0, int(x)) : int(x + wide + 1)] = True
        one, two = pixels(before), pixels(after)
        differs = (np.abs(one - two).max(2) > VISIBLE).sum()
        if differs >= FEWEST and touched.mean() > 0.001:
            pair = Pair(kind, noise, before, after, differs / AREA, float(touched.mean()),
                        tuple(tuple(box) for box in boxes))  # fmt: skip
            return pair, page, change.script


def pixels(png: bytes) -> np.ndarray[Any, Any]:
    """Return the picture, height x width x 3, int16."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(np.int16)


def shot(tab: Tab, page: pages.Page, script: str, noise: str) -> bytes:
    """Return a picture of the page after the change, rendered with the style of `noise`."""
    tab.set_content(page.html)
    if noise in STYLES:
        tab.add_style_tag(content=STYLES[noise])
    tab.evaluate(f"window.touched = ({script or '() => []'})()")
    return tab.screenshot()


@contextmanager
def tabs(playwright: Playwright, noise: str) -> Iterator[Tab]:
    """Lend a tab of a Chromium that renders fonts as `noise` says."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        sys.exit("Chromium is missing: apt-get install chromium")
    flags = ["--disable-font-subpixel-positioning"] if noise == "glyphs on whole pixels" else []
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ)
        if noise in FONTS:
            environment["FONTCONFIG_FILE"] = str(_configured(Path(folder), *FONTS[noise]))
        browser = playwright.chromium.launch(
            executable_path=path, args=FLAGS + flags, env=environment
        )
        yield browser.new_page(viewport={"width": SIZE[0], "height": SIZE[1]})
        browser.close()


def _configured(folder: Path, style: str, order: str, smooth: str) -> Path:
    matches = "".join(
        MATCH.format(target=target, style=style, order=order, smooth=smooth)
        for target in ("pattern", "font")
    )
    path = folder / "fonts.conf"
    path.write_text(CONFIGURATION.format(matches=matches))
    return path
