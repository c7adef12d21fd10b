"""A waiting look as an agent gets it: its changed regions cut out, with what is masked blank."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from golive_agents.calls import Reply
from golive_agents.client import Told
from golive_agents.visual_judge import MOST_REGIONS, Difference, Judgement, Part, judge
from golive_core.artifacts import ArtifactStore
from golive_core.lake import Lake
from golive_core.settings import Settings
from golive_runner.visual import masks, pixels

if TYPE_CHECKING:
    from PIL.Image import Image

AROUND = 24
"""Pixels around a region that are sent with it, so that it can be understood."""
LONGEST = 768
"""Pixels of the longer side of what is sent; larger regions are made smaller."""
BLANK = (128, 128, 128)
Row = Mapping[str, Any]
Box = Sequence[float]


def judged(lake: Lake, known: Settings, row: Row, on_text: Told | None = None) -> Reply[Judgement]:
    """Return what the configured model says of a waiting look (a row of `baselines.waiting`).

    Raises LakeError if a picture of it is missing, SettingsError for a wrong reference.
    """
    from assets.model_calls import client_of

    client = client_of(lake, known)
    if why := client.why_not(pictures=True):
        return Reply(None, why)
    return judge(difference(ArtifactStore(known.home), row), client, on_text)


def difference(store: ArtifactStore, row: Row) -> Difference:
    """Return the difference with its largest regions; raises LakeError for a missing picture."""
    boxes: list[Box] = json.loads(row["regions"] or "[]")
    if not row["baseline"] or not boxes:
        return Difference(row["look_id"], row["name"], 0.0, ())
    bodies = store.get(row["baseline"]), store.get(row["actual"])
    blank = [box for body in bodies for box in masks.noted_in(body)]
    before, after = (_blanked(body, blank) for body in bodies)
    parts = tuple(_parts(before, after, row, boxes))
    return Difference(row["look_id"], row["name"], row["changed_share"], parts)


def _parts(before: Image, after: Image, row: Row, boxes: Sequence[Box]) -> Iterator[Part]:
    largest = sorted(range(len(boxes)), key=lambda nth: -boxes[nth][2] * boxes[nth][3])
    for nth in largest[:MOST_REGIONS]:
        yield Part(
            _nth(row["kinds"], nth), _nth(row["told"], nth),
            (int(boxes[nth][2]), int(boxes[nth][3])),
            _cut(before, boxes[nth]), _cut(after, boxes[nth]),
        )  # fmt: skip


def _nth(texts: Sequence[str] | None, nth: int) -> str:
    return texts[nth] if texts and nth < len(texts) else ""


def _blanked(png: bytes, boxes: Sequence[Box]) -> Image:
    """Return the picture with the boxes painted over."""
    from PIL import Image

    picture = Image.fromarray(pixels.read(png, "picture of a look"))
    for left, top, width, height in boxes:
        picture.paste(BLANK, (int(left), int(top), int(left + width) + 1, int(top + height) + 1))
    return picture


def _cut(picture: Image, box: Box) -> bytes:
    """Return a region with its surroundings as PNG; what lies outside of the picture is blank."""
    left, top, width, height = map(int, box)
    part = picture.crop((
        max(0, left - AROUND), max(0, top - AROUND),
        left + width + AROUND, top + height + AROUND,
    ))  # fmt: skip
    part.thumbnail((LONGEST, LONGEST))
    out = io.BytesIO()
    part.save(out, "PNG")
    return out.getvalue()
