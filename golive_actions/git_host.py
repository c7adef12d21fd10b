"""What Git hosts share: the words of a commit's state and the one comment that carries a sign."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from golive_actions.target import Json

State = Literal["queued", "running", "passed", "failed", "error", "cancelled"]
"""Words of a commit's state, those of `golive_core.schema.STATUSES`."""
MARKDOWN_COMMENT = "<!-- golive:{} -->"
"""A sign that GitHub and GitLab do not show."""


def signed(body: str, marker: str, form: str = MARKDOWN_COMMENT) -> tuple[str, str]:
    """Return the text of a comment with its sign at the end, and the sign."""
    sign = form.format(marker)
    return f"{body}\n\n{sign}", sign


def made(thing: Json, url: str | None, *, existed: bool = False) -> Json:
    """Return what people need of a thing: its id, its number and where to look at it."""
    number = thing.get("number", thing.get("iid"))
    cells = {"id": thing.get("id"), "number": number, "url": url}
    return {**{key: value for key, value in cells.items() if value}, "existed": existed}


def carrying(comments: Iterable[Json], sign: str) -> Json | None:
    """Return the comment whose `body` carries the sign."""
    return next((one for one in comments if sign in (one.get("body") or "")), None)
