"""Is a text that a model wrote fit to be shown: plain, about what it cites, and nothing else.

An answer is taken or thrown away as a whole; each of these says why, or "" for nothing wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from golive_agents.calls import UnfitAnswerError
from golive_core.redact import MASK, redact

Shape = TypeVar("Shape", bound=BaseModel)
LINK = re.compile(r"\w+://|www\.|\bdata:|\bjavascript:|\bmailto:|\]\(|\bhttps?\b", re.IGNORECASE)
MARKUP = re.compile(r"<[A-Za-z!/]|&#?\w+;|`|!\[|\*\*|^\s*#|\[\[SECRET_")
UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
SECRET_PLACE = "[[SECRET_"  # noqa: S105 - the beginning of a placeholder
WORD = re.compile(r"[^\W\d_]{4,}")
DENSE = re.compile(r"[A-Za-z0-9+/=_-]{40,}")
"""A run of letters and digits that no sentence has: something encoded."""
COMMAND = re.compile(
    r"\b(?:curl|wget|sudo|chmod|chown|powershell|invoke-\w+|netcat|base64|eval|exec|rm|nc|ssh|scp)\b"
    r"(?=\s+[-/~$\w])|\|\s*(?:ba|z)?sh\b|\$\(|&&",
    re.IGNORECASE,
)
NAME = re.compile(r"[\w@$%~+-]*[\w)\]][./\\=:@][\w@$%~+./\\=:-]*\w")
"""A name with a sign in it: a path, a host, an address, an assignment."""
ECHO_WORDS = 8
"""Words in a row that an answer may not share with the instructions to the model."""


def parsed(shape: type[Shape], text: str) -> Shape:
    """Return an answer as the shape that was asked for; raises UnfitAnswerError."""
    body = text.strip()
    if body.startswith("```"):
        body = body.strip("`").removeprefix("json").strip()
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "it"
        raise UnfitAnswerError(
            f"the answer is not as asked for: {place}: {first['msg']}"
        ) from error


def wrong(text: str, cited: Sequence[str], system: str) -> str:
    """Return what is wrong with a sentence about cited texts, "" for nothing.

    `system` are the instructions to the model, which no sentence repeats.
    """
    said = "\n".join(cited)
    if why := unfit(text) or echoes(text, system):
        return why
    invented = [name for name in NAME.findall(text) if name not in said]
    if invented:
        return f"names what it does not cite: {invented[0][:40]}"
    shown = {word.lower() for word in WORD.findall(said)}
    is_about = shown & {word.lower() for word in WORD.findall(text)}
    return "" if is_about else "has no word in common with what it cites"


def echoes(text: str, system: str) -> str:
    """Return whether a text repeats the instructions to the model."""
    said = " ".join(text.lower().split())
    words = system.lower().split()
    runs = (" ".join(words[at : at + ECHO_WORDS]) for at in range(len(words) - ECHO_WORDS + 1))
    return "repeats its instructions" if any(run in said for run in runs) else ""


def unfit(text: str) -> str:
    """Return what is wrong with a sentence that a model wrote, "" for nothing."""
    checks = (
        (LINK.search(text), "has a link in it"),
        (SECRET_PLACE in text, "speaks of a masked secret"),
        (MARKUP.search(text) or UNSEEN.search(text), "has markup in it"),
        (COMMAND.search(text), "has a command in it"),
        (DENSE.search(text), "has something encoded in it"),
        (redact(text) != text and MASK not in text, "has a secret in it"),
    )
    return next((why for is_so, why in checks if is_so), "")
