"""Colours that everybody can read and tell apart: WCAG contrast, and colour blindness simulated.

Contrast: WCAG 2.2, success criteria 1.4.3 (text, 4.5) and 1.4.11 (parts of the interface, 3).
Colour blindness: Machado, Oliveira and Fernandes 2009, doi 10.1109/TVCG.2009.113, severity 1.
"""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import pytest

from dashboards import theme

CONFIG = tomllib.loads(
    (Path(theme.__file__).parent / ".streamlit" / "config.toml").read_text()
)["theme"]  # fmt: skip
SCHEMES = ("light", "dark")
TEXT, PART = 4.5, 3.0
QUIET = 0.72
"""The faintest opacity of text in style.css."""
CHIP_INK, CHIP_GROUND = 0.5, 0.14
"""Shares of the tone in the text and the ground of a chip, as in style.css."""
BLIND = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216),
                   (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413),
                     (-0.011820, 0.042940, 0.968881)),
    "tritanopia": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602),
                   (0.004733, 0.691367, 0.303900)),
}  # fmt: skip
TOLD_APART = 9.0
"""Distance in CIELAB above which two colours side by side are seen as two (2.3 is just noticed)."""
BESIDE = [
    ("passed", "failed"), ("passed", "error"), ("failed", "error"), ("passed", "cancelled"),
    ("failed", "cancelled"), ("passed", "skipped"), ("failed", "skipped"), ("flaky", "healthy"),
    ("flaky", "broken"), ("broken", "healthy"), ("infrastructure", "broken"), ("ok", "degraded"),
    ("ok", "failed"), ("degraded", "failed"),
]  # fmt: skip
"""Pairs that stand beside each other in a chart or a list."""

Colour = tuple[float, float, float]


def parsed(text: str) -> Colour:
    """Return #rrggbb as shares of 1."""
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def linear(colour: Colour) -> Colour:
    """Return linear light of sRGB."""
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in colour
    )
    return red, green, blue


def mixed(over: Colour, under: Colour, share: float) -> Colour:
    """Return a colour laid over another with an opacity."""
    red, green, blue = (a * share + b * (1 - share) for a, b in zip(over, under, strict=True))
    return red, green, blue


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    light, dark = sorted(
        (sum(w * part for w, part in zip((0.2126, 0.7152, 0.0722), linear(colour), strict=True))
         for colour in (one, other)), reverse=True,
    )  # fmt: skip
    return (light + 0.05) / (dark + 0.05)


def lab(light: Colour) -> Colour:
    """Return CIELAB (D65) of linear sRGB."""
    rows = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    x, y, z = (
        cube(sum(w * part for w, part in zip(row, light, strict=True)) / white)
        for row, white in zip(rows, (0.9505, 1.0, 1.089), strict=True)
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def cube(value: float) -> float:
    """Return the cube root of CIELAB, straight near zero."""
    return value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116


def as_seen(light: Colour, matrix: tuple[Colour, ...]) -> Colour:
    """Return what an eye of this kind makes of linear light."""
    red, green, blue = (
        min(1.0, max(0.0, sum(w * part for w, part in zip(row, light, strict=True))))
        for row in matrix
    )
    return red, green, blue


def distance(one: str, other: str, matrix: tuple[Colour, ...]) -> float:
    """Return how far apart two colours are in CIELAB for an eye of this kind."""
    seen = [lab(as_seen(linear(parsed(colour)), matrix)) for colour in (one, other)]
    return sum((a - b) ** 2 for a, b in zip(*seen, strict=True)) ** 0.5


@pytest.mark.parametrize("scheme", SCHEMES)
def test_text_has_contrast_also_where_it_stands_back(scheme: str) -> None:
    colours = {name: parsed(value) for name, value in CONFIG[scheme].items()
               if isinstance(value, str)}  # fmt: skip
    sidebar = parsed(CONFIG[scheme]["sidebar"]["backgroundColor"])
    for ground in (colours["backgroundColor"], colours["secondaryBackgroundColor"], sidebar):
        assert contrast(colours["textColor"], ground) >= TEXT
        assert contrast(mixed(colours["textColor"], ground, QUIET), ground) >= TEXT
        assert contrast(colours["linkColor"], ground) >= TEXT
        assert contrast(colours["primaryColor"], ground) >= PART


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_chip_can_be_read(scheme: str) -> None:
    ink, ground = (parsed(CONFIG[scheme][name]) for name in ("textColor", "backgroundColor"))
    for word, tone in (theme.STATUS | theme.VERDICT | theme.HEALTH).items():
        text = mixed(parsed(tone), ink, CHIP_INK)
        behind = mixed(parsed(tone), ground, CHIP_GROUND)
        assert contrast(text, behind) >= TEXT, word


def test_the_shares_are_those_of_the_stylesheet() -> None:
    assert f"var(--tone) {CHIP_INK:.0%}, currentColor" in theme.CSS
    assert f"var(--tone) {CHIP_GROUND:.0%}, transparent" in theme.CSS
    assert ".gl-quiet { opacity: .72; }" in theme.CSS
    assert ":focus-visible" in theme.CSS


@pytest.mark.parametrize("kind", BLIND)
def test_statuses_beside_each_other_are_told_apart_without_full_colour_vision(kind: str) -> None:
    colours = theme.STATUS | theme.VERDICT | theme.HEALTH | {"failed": theme.STATUS["failed"]}
    close = {
        f"{one}/{other}": round(distance(colours[one], colours[other], BLIND[kind]), 1)
        for one, other in BESIDE
        if distance(colours[one], colours[other], BLIND[kind]) < TOLD_APART
    }
    assert close == {}


def test_every_status_has_a_sign_that_needs_no_colour() -> None:
    for words in (theme.STATUS, theme.VERDICT, theme.HEALTH):
        assert set(words) <= set(theme.SYMBOL)
    for one, other in itertools.combinations(("passed", "failed", "error", "cancelled"), 2):
        assert theme.SYMBOL[one] != theme.SYMBOL[other]
