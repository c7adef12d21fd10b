"""Who scores a project: the heuristic, the champion, or the challenger just fitted.

The heuristic is the champion of every project at first. A learned model takes over where it was
better on the project's own past and that is hardly luck; it stays while it is better more likely
than not. Between the two bars nothing changes, so that a project does not go back and forth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from models.walk_forward import FEWEST_GROUPS, Comparison

WIN = 0.95
"""Share of resamples that a challenger must win to take over from the heuristic."""
STAY = 0.5
"""Share below which a learned champion gives way to the heuristic."""
BEHIND = 0.95
"""Share of resamples that an older champion must win for a newer fit not to take its place."""

Word = Literal["promote", "keep", "retire"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a challenger, and why, in a sentence."""

    word: Word
    reason: str


def decide(now: Comparison, *, is_learned: bool, champion_wins: float | None = None) -> Decision:
    """Return what becomes of the challenger.

    `is_learned` tells whether the champion is a learned one. `champion_wins` is the share of
    resamples, over rows that the champion had not seen, in which it is better than the challenger;
    None where there are too few.
    """
    lift = f"{100 * now.lift:.1f} % less {now.loss} loss than the heuristic over {now.rows} cases"
    told = f"{lift} in {now.groups} groups, better in {100 * now.win:.0f} % of resamples"
    if now.groups < FEWEST_GROUPS:
        return Decision("keep", f"{now.groups} groups are too few to compare on")
    if now.brier >= now.brier_constant:
        return _without(is_learned, f"no better than a constant forecast ({told})")
    if is_learned and now.win < STAY:
        return Decision("retire", f"the heuristic is as good by now ({told})")
    if not is_learned and now.win < WIN:
        return Decision("keep", f"not surely better ({told})")
    if champion_wins is not None and champion_wins >= BEHIND:
        return Decision("keep", "the champion is better on what it has not seen")
    return Decision("promote", told)


def _without(is_learned: bool, reason: str) -> Decision:
    return Decision("retire" if is_learned else "keep", reason)
