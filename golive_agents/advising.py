"""The next step that the evidence speaks for: one sentence, why, and the command. No model."""

from __future__ import annotations

import re

from golive_agents.explanation import Explanation, Fix, Step, Suspects

SURELY_FLAKY = 0.9
"""P(flaky) from which a failure may be taken for a flake."""
LIKELY = 0.5
"""P(culprit) from which one commit is named."""
ALIKE = 0.6
"""Likeness from which what ended another failure is worth a look."""
OUTSIDE = ("network", "resource", "environment")
"""Causes that lie outside the code under test."""
PLACE = re.compile(r"((?:[\w.~@+-]*[/\\])*[\w@+-]+\.\w{1,6})[:(]\[?(\d+)")


def next_step(found: Explanation, *, is_outage: bool = False) -> Step:
    """Return what to do next."""
    if is_outage and not _is_accused(found.suspects):
        return Step(
            "Look at the runner and the services first: many unrelated tests failed at once.",
            "marts.build_tests calls the build an outage",
        )
    if found.tests and all(_is_flaky(one.verdict, one.probability) for one in found.tests):
        least = min(one.probability or 0 for one in found.tests)
        return Step(
            "Run the build again: every test that failed is known to be flaky. Then mend them.",
            f"predictions.flaky: P(flaky) is at least {min(least, 0.99):.0%} for each",
            "golive flaky",
        )  # fmt: skip
    return _by_commit(found) or _by_cause(found) or _by_line(found)


def alternatives(found: Explanation) -> tuple[Step, ...]:
    """Return the steps that may be offered, the one that the evidence speaks for first."""
    others = (found.next_step, _by_commit(found), _by_cause(found), _by_line(found))
    return tuple(dict.fromkeys(one for one in others if one is not None))


def _is_accused(suspects: Suspects | None) -> bool:
    """Tell whether one commit is likely, by failures outside of outages too."""
    named = suspects.commits if suspects else ()
    return bool(named) and named[0].probability >= LIKELY and any(one.failed for one in named)


def _is_flaky(verdict: str | None, probability: float | None) -> bool:
    return verdict == "flaky" and (probability or 0) >= SURELY_FLAKY


def _by_commit(found: Explanation) -> Step | None:
    ended = _ended_before(found)
    if ended is not None:
        return Step(
            f"See how {ended.good_sha[:10]} ended it before"
            f"{f' ({ended.subject})' if ended.subject else ''}.",
            str(ended.cite), f"git log {ended.bad_sha[:10]}..{ended.good_sha[:10]}",
        )  # fmt: skip
    if found.suspects is None or not found.suspects.commits:
        return None
    return _accuse(found.suspects)


def _ended_before(found: Explanation) -> Fix | None:
    """Return what ended the very same failure before, unless a commit is accused clearly."""
    named = found.suspects.commits if found.suspects else ()
    top = named[0].probability if named else 0.0
    same = (fix for past in found.past if past.likeness == 1 for fix in past.fixes)
    return next(same, None) if top < LIKELY else None


def _accuse(suspects: Suspects) -> Step | None:
    first = suspects.commits[0]
    if suspects.elsewhere > LIKELY:
        return None
    if first.probability >= LIKELY:
        who = f" by {first.author}" if first.author else ""
        what = f": {first.subject}" if first.subject else ""
        return Step(
            f"Read {first.sha[:10]}{who}{what}",
            f"P(it broke it) = {first.probability:.0%} from the {suspects.basis}",
            f"git show {first.sha[:10]}",
        )
    good, bad = suspects.good_sha[:10], suspects.bad_sha[:10]
    return Step(
        f"Search the {suspects.of} commits between {good} and {bad}: no single one stands out.",
        f"the likeliest has {first.probability:.0%}, from the {suspects.basis}",
        f"golive bisect {good} {bad} -- COMMAND",
    )


def _by_cause(found: Explanation) -> Step | None:
    if found.cause is None or found.cause.name not in OUTSIDE:
        return None
    return Step(
        f"Look at the {found.cause.name} before the code, then run it again.",
        f"its words speak of it ({found.cause.confidence:.0%}): {found.cause.evidence}",
    )


def _by_line(found: Explanation) -> Step:
    if not found.lines:
        return Step("Read its log: nothing that was ingested tells why.", "no line is known")
    line = found.lines[0]
    place = PLACE.search(line.text)
    where = f"Open {place[1]} at line {place[2]}" if place else "Begin with this line"
    return Step(f"{where}: {line.text[:200]}", line.cite)
