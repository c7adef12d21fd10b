"""One visual check: a picture of now against the approved one, with what shows the difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from golive_core.artifacts import ArtifactStore
from golive_core.errors import GoLiveError
from golive_core.ids import look_id
from golive_runner.attempt import Evidence, Look, Verdict
from golive_runner.visual.masks import noted, noted_in

PNG = "image/png"


@dataclass(frozen=True, slots=True)
class Place:
    """What a look is of: its name in a test, and how it was rendered ("1280x720")."""

    name: str
    browser: str
    size: str
    theme: str

    def look_id(self, suite: str, test: str) -> str:
        """Return the key of the look, under which its approved picture is known."""
        return look_id(suite, test, self.name, (self.browser, self.size, self.theme))


def check(
    store: ArtifactStore, place: Place, actual: bytes, baseline: bytes | None,
    masks: Sequence[Sequence[float]] = (), rejected: Sequence[bytes] = (),
) -> tuple[Look, list[Evidence]]:  # fmt: skip
    """Compare two PNGs and keep what tells of it; without a baseline the look is new.

    It is rejected, and not new, where it looks as one of the pictures that were rejected.
    Masks are boxes in pixels: left, top, width and height; those of the baseline count too. A
    baseline that cannot be read is as
    good as none. Raises UsageError if the picture of now is no PNG.
    """
    actual = noted(actual, masks)
    kept = [_kept(store, "actual", place, actual)]
    if baseline is None:
        is_fault = any(check(store, place, actual, one, masks)[0].is_same for one in rejected)
        verdict: Verdict = "rejected" if is_fault else "new"
        return _look(place, verdict, 1.0, actual=kept[0].sha256), kept
    was = _kept(store, "baseline", place, baseline)
    if was.sha256 == kept[0].sha256:
        return _look(place, "same", 0.0, was.sha256, kept[0].sha256), [was, *kept]
    return _compared(store, place, (actual, baseline), [was, *kept], masks)


def _compared(
    store: ArtifactStore, place: Place, pictures: tuple[bytes, bytes], kept: list[Evidence],
    masks: Sequence[Sequence[float]],
) -> tuple[Look, list[Evidence]]:  # fmt: skip
    from golive_runner.visual import kinds, picture, pixels
    from golive_runner.visual.compare import compare

    now = pixels.read(pictures[0], f"picture of now of {place.name}")
    try:
        before = pixels.read(pictures[1], f"baseline of {place.name}")
    except GoLiveError:
        return _look(place, "new", 1.0, actual=kept[1].sha256), kept[1:]
    found = compare(before, now, [*masks, *noted_in(pictures[1])])
    was, is_now = (one.sha256 for one in kept)
    if not found.regions:
        same = _look(place, "same", 0.0, was, is_now)
        return replace(same, kinds=("anti-aliasing",) if found.touched.any() else ()), kept
    what = kinds.classified(found.before, found.after, found.regions)
    words = tuple(one.word for one in what)
    kept.append(_kept(store, "difference", place, pixels.write(picture.drawn(found, words))))
    changed = replace(
        _look(place, "changed", found.changed_share, was, is_now), difference=kept[-1].sha256,
        regions=tuple((one.x, one.y, one.width, one.height) for one in found.regions),
        kinds=words, told=tuple(one.told for one in what),
    )  # fmt: skip
    return changed, kept


def _look(
    place: Place, verdict: Verdict, share: float, baseline: str = "", actual: str = ""
) -> Look:
    return Look(place.name, place.browser, place.size, place.theme, verdict, share, baseline,
                actual, "")  # fmt: skip


def _kept(store: ArtifactStore, kind: str, place: Place, body: bytes) -> Evidence:
    return Evidence(kind, f"{place.name}.{kind}.png", PNG, store.put_bytes(body), len(body))
