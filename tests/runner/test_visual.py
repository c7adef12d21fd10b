"""Comparing pictures: what is a change, what is another rendering, masks, sizes, bad input.

Real pages in real Chromium are in benchmarks/visual.py and, a few of them, in test_looks.py.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from golive_core.artifacts import ArtifactStore
from golive_core.errors import UsageError
from golive_runner.visual import Place, check, masks, pixels
from golive_runner.visual.compare import compare
from golive_runner.visual.kinds import classified
from golive_runner.visual.pixels import Box

PLACE = Place("front", "chromium", "400x240", "light")


def page(text: str = "All tests passed", *, at: float = 20.0, fill: str = "#2563eb") -> np.ndarray:
    """Return a page of a heading, a paragraph and a button, 400 x 240."""
    image = Image.new("RGB", (400, 240), "white")
    pen = ImageDraw.Draw(image)
    pen.text((20, 12), text, fill="#17202b", font=ImageFont.load_default(22))
    for line in range(4):
        pen.text((20, 60 + 20 * line), "The quick brown fox jumps over it", fill="#444",
                 font=ImageFont.load_default(13))  # fmt: skip
    pen.rounded_rectangle((at, 170, at + 90, 205), 6, fill=fill)
    return np.asarray(image)


def kinds(before: np.ndarray, after: np.ndarray) -> list[str]:
    found = compare(before, after)
    return [one.word for one in classified(found.before, found.after, found.regions)]


def test_the_same_page_has_no_region() -> None:
    found = compare(page(), page())
    assert (found.regions, found.changed_share) == ((), 0.0)


def test_a_shift_by_part_of_a_pixel_is_no_change() -> None:
    wide = Image.fromarray(page()).resize((4000, 2400), Image.Resampling.BOX)
    moved = wide.transform(wide.size, Image.Transform.AFFINE, (1, 0, -4, 0, 1, -3))
    after = np.asarray(moved.resize((400, 240), Image.Resampling.BOX))
    assert (after != page()).any()
    found = compare(page(), after)
    assert found.touched.any()
    assert [box for box in found.regions if box.x > 2 and box.y > 2] == []


@pytest.mark.parametrize(
    ("after", "kind"),
    [
        (page("All tests failed"), "text"),
        (page(fill="#d97706"), "colour"),
        (page(at=60.0), "layout"),
        (page(fill="white"), "layout"),
    ],
    ids=["text", "colour", "moved", "removed"],
)
def test_a_change_is_found_and_told_by_its_kind(after: np.ndarray, kind: str) -> None:
    assert kinds(page(), after)[0] == kind
    assert kinds(after, page())[0] == kind


def test_the_region_is_where_the_change_is() -> None:
    found = compare(page(), page(fill="#d97706"))
    (box,) = found.regions
    assert abs(box.x - 20) <= 2
    assert abs(box.y - 170) <= 2
    assert abs(box.width - 91) <= 4
    assert found.changed_share == pytest.approx(90 * 35 / (400 * 240), rel=0.1)


def test_what_is_masked_is_not_looked_at_and_not_counted() -> None:
    after = page(fill="#d97706")
    assert compare(page(), after, [(18, 168, 95, 40)]).regions == ()
    half = compare(page(), after, [(0, 0, 400, 120)])
    whole = compare(page(), after)
    assert half.changed_share == pytest.approx(2 * whole.changed_share, rel=0.01)
    assert compare(page(), after, [(-50, -50, 10, 10), (390, 230, 900, 900)]).regions


@pytest.mark.parametrize("cut", [(slice(0, 200), slice(None)), (slice(None), slice(0, 350))])
def test_another_size_is_a_change_of_what_one_of_them_lacks(cut: tuple[slice, slice]) -> None:
    small = page()[cut]
    for one, two in ((page(), small), (small, page())):
        found = compare(one, two)
        lacking = 1 - small.size / page().size
        assert found.changed.shape == (240, 400)
        assert found.changed_share == pytest.approx(lacking, rel=0.1)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 360), st.integers(0, 200), st.integers(8, 40), st.integers(8, 40),
    st.integers(0, 215),
)  # fmt: skip
def test_any_box_that_can_be_seen_is_found_whatever_is_below(
    x: int, y: int, wide: int, high: int, grey: int
) -> None:
    after = page().copy()
    below = after[y : y + high, x : x + wide].astype(int)
    after[y : y + high, x : x + wide] = grey
    differs = np.abs(below - grey).max(axis=2) > 40
    if differs.mean() < 0.5:
        return
    found = compare(page(), after)
    assert any(
        box.x < x + wide and x < box.right and box.y < y + high and y < box.bottom
        for box in found.regions
    )
    assert not found.changed[:, : max(0, x - 3)].any()


def test_a_check_keeps_what_shows_the_difference(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    before, after = pixels.write(page()), pixels.write(page("All tests failed"))
    look, kept = check(store, PLACE, after, before)
    assert (look.verdict, look.kinds) == ("changed", ("text",))
    assert [one.kind for one in kept] == ["baseline", "actual", "difference"]
    shown = pixels.read(store.get(look.difference), "")
    assert shown.shape == page().shape
    assert {one.sha256 for one in kept} == {look.baseline, look.actual, look.difference}


def test_a_look_without_baseline_is_new_and_the_same_bytes_are_the_same(tmp_path: Path) -> None:
    store, png = ArtifactStore(tmp_path), pixels.write(page())
    look, kept = check(store, PLACE, png, None)
    assert (look.verdict, look.baseline, [one.kind for one in kept]) == ("new", "", ["actual"])
    assert check(store, PLACE, png, png)[0].verdict == "same"


def test_bad_pictures_are_told(tmp_path: Path) -> None:
    store, png = ArtifactStore(tmp_path), pixels.write(page())
    for bad in (b"", b"\x89PNG\r\n\x1a\n", png[:900], b"GIF89a"):
        with pytest.raises(UsageError, match="picture of now of front: it is not a PNG"):
            check(store, PLACE, bad, png)
        look, _ = check(store, PLACE, png, bad)
        assert look.verdict == "new", "a broken baseline has to be approved again"


def test_a_picture_that_would_fill_the_memory_is_refused() -> None:
    bomb = bytearray(pixels.write(np.zeros((1, 1, 3), np.uint8)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    import zlib

    bomb[29:33] = zlib.crc32(bytes(bomb[12:29])).to_bytes(4, "big")
    with pytest.raises(UsageError, match="60000 x 60000 pixels"):
        pixels.read(bytes(bomb), "it")


def test_what_can_be_seen_through_lies_on_white() -> None:
    import io

    out = io.BytesIO()
    Image.new("RGBA", (2, 2), (0, 0, 0, 0)).save(out, "PNG")
    assert (pixels.read(out.getvalue(), "it") == 255).all()


def test_a_box_stays_in_the_picture() -> None:
    assert Box(2, 3, 10, 10).grown(5, 12, 11) == Box(0, 0, 11, 12)


def test_masks_of_the_approved_picture_count_too(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    wide, narrow = [(18.0, 168.0, 95.5, 40.0)], [(18.0, 168.0, 10.0, 40.0)]
    first, _ = check(store, PLACE, pixels.write(page()), None, wide)
    before = store.get(first.actual)
    assert masks.noted_in(before) == wide
    assert (pixels.read(before, "it") == page()).all()
    after = pixels.write(page(fill="#d97706"))
    assert check(store, PLACE, after, before, narrow)[0].verdict == "same"
    assert check(store, PLACE, after, pixels.write(page()), narrow)[0].verdict == "changed"


@pytest.mark.parametrize("said", [b"{", b"[1]", b"[[1, 2]]", b'[["a", 1, 2, 3]]', b"{}", b"\xff"])
def test_masks_that_nobody_here_wrote_are_none(said: bytes) -> None:
    import zlib

    png, body = pixels.write(page()), b"tEXt" + masks.KEY + said
    chunk = (len(body) - 4).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")
    assert masks.noted_in(png[:33] + chunk + png[33:]) == []
    assert masks.noted_in(b"no PNG") == []
