"""Documents: what is wrong in one is named with its line and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from golive_core.errors import UsageError
from golive_runner.journeys.document import load

GOOD = "journey: A\nsteps:\n  - open: /\n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    """Return the path of a document."""
    path = tmp_path / "one.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("journey: A\nsteps: []\n", ":2: steps is empty: a journey has at least one step"),
        ("journey: A\n", "at least one step"),
        (
            "journey: A\nsteps:\n  - clcik: B\n",
            ":3: steps.1.clcik is no action. Did you",
        ),
        ("journey: A\nsteps:\n  - click: {rol: button}\n", "rol is not known. Did you mean role?"),
        ("journey: A\nsteps:\n  - click: {}\n", "0 ways to find it"),
        ("journey: A\nsteps:\n  - click: {label: a, text: b}\n", "2 ways to find it"),
        ("journey: A\nsteps:\n  - fill: Name\n", "does not say what it acts on"),
        ("journey: A\nsteps:\n  - open: {url: /}\n", "takes a plain text"),
        ("journey: A\nsteps:\n  - {open: /, click: B}\n", "one action"),
        ("journey: A\nsize: large\nsteps:\n  - open: /\n", ":2: size is not width"),
        ("journey: A\ntimout_s: 3\nsteps:\n  - open: /\n", "timout_s is not known. Did you mean"),
        ("journey: A\nretries: 99\nsteps:\n  - open: /\n", ":2: retries is wrong"),
        ("journey: [\n", ":2: not valid YAML"),
        ("- a\n- b\n", "no mapping"),
        ("", "is empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"a: " + b"x" * (1 << 20), "larger than 1 MiB"),
        ("journey: A\nsteps: &a [*a]\n", "unfolds to more than"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str | bytes, words: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as raised:
        load(path)
    assert str(path) in str(raised.value)
    assert words in str(raised.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            load(path)


def test_a_step_reads_as_a_person_says_it(tmp_path: Path) -> None:
    steps = """
  - click: {role: button, name: Save, nth: 2}
  - press: Enter
  - press: {label: Name, key: Enter}
  - fill: {label: Password, with: "${SECRET}"}
  - look: front page
  - dialog: accept
  - close
"""
    journey = load(written(tmp_path, GOOD + steps.lstrip("\n")))
    assert [str(step) for step in journey.steps] == [
        "open /", "click button “Save”", "press Enter", "press Enter in label “Name”",
        "fill label “Password” with “•••”", "look at “front page”", "dialog accept", "close",
    ]  # fmt: skip
