"""Prompts as versioned files, and data put into them so that it stays data.

A prompt is `prompts/<name>.md`: its version, then the parts System and User. Data goes between two
marks with a number that is made from the data itself, so that no text can hold its own mark; each
item is one line with an id, so that no line break opens a new one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "prompts"
LONGEST = 400
"""Characters of one item of data."""
BREAKS = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
"""Control characters, and letters that nobody sees: they could carry text past a reader."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt; `label` names it in ops.llm_calls."""

    name: str
    version: str
    system: str
    user: str

    @property
    def label(self) -> str:
        """Name, version and hash: `diagnosis 1 (a1b2c3d4)`."""
        digest = hashlib.sha256(f"{self.system}\n{self.user}".encode()).hexdigest()[:8]
        return f"{self.name} {self.version} ({digest})"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of data with the id by which an answer cites it."""

    id: str
    text: str


@cache
def prompt(name: str) -> Prompt:
    """Return a prompt of the folder."""
    text = (FOLDER / f"{name}.md").read_text()
    head, _, rest = text.partition("\n# System\n")
    system, _, user = rest.partition("\n# User\n")
    return Prompt(name, head.removeprefix("version:").strip(), system.strip(), user.strip())


def messages(wanted: Prompt, items: Sequence[Item]) -> list[dict[str, str]]:
    """Return the messages of a call; the texts of the items are masked already."""
    evidence = "\n".join(f"{one.id} | {in_one_line(one.text)}" for one in items)
    nonce = hashlib.sha256(evidence.encode()).hexdigest()[:16]
    filled = {"{nonce}": nonce, "{evidence}": evidence}
    return [
        {"role": "system", "content": _filled(wanted.system, filled)},
        {"role": "user", "content": _filled(wanted.user, filled)},
    ]


def in_one_line(text: str) -> str:
    """Return a text in one line of what can be seen, cut to LONGEST characters."""
    flat = UNSEEN.sub("", BREAKS.sub(" ⏎ ", text.strip()).replace("\t", " "))
    return flat if len(flat) <= LONGEST else f"{flat[:LONGEST]} …"


def _filled(text: str, values: dict[str, str]) -> str:
    """Put values in at once: what stands in a value is not filled in again."""
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], text)
