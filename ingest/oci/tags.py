"""What the name of a tag tells. A registry lists names; where one points to costs a request each.

A tag that names a whole version, a commit, a date or a build is meant to stay; `latest`, `main` or
`1.2` are meant to move. That is a guess, so it only decides how often a tag is asked about.
"""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

SUBJECT = re.compile(r"sha256-([0-9a-f]{64})(\.(?:sig|att|sbom))?")
"""Tags for what refers to a digest: cosign's three, and without an ending the list of referrers
of a registry without that API (OCI distribution specification, "Referrers Tag Schema")."""
STAYS = re.compile(
    r"\d+\.\d+\.\d+"  # a whole version
    r"|\d{4}-\d\d-\d\d|\d{3,}"  # a date, a build number
    r"|(?:^|[-_.])(?=[a-f]*\d)[0-9a-f]{7,64}(?:$|[-_.])"  # a commit
)
MOVES = re.compile(r"latest|snapshot|stable|edge|canary", re.IGNORECASE)
MOVING_SHARE, STAYING_SHARE = 20, 50
"""One in so many of a repository's tags is asked about in a pull: of those that are likely to move
(at least one), and of the others. With that an unchanged repository of 20 tags or more costs at
most 5 % of the first pull, which takes three requests a tag (digest, manifest, configuration), or
four where the registry lists referrers."""


def subject(tag: str) -> tuple[str, str] | None:
    """Return the digest that a tag refers to and its ending, None for the tag of an image."""
    found = SUBJECT.fullmatch(tag)
    return (f"sha256:{found[1]}", found[2] or "") if found else None


def is_signature(tag: str) -> bool:
    """Tell whether the tag's being there says everything, so that it need not be asked about."""
    found = subject(tag)
    return found is not None and bool(found[1])


def signatures(tags: Iterable[str]) -> dict[str, int]:
    """Return how many of cosign's tags each digest has."""
    counts: dict[str, int] = {}
    for tag in tags:
        found = subject(tag)
        if found and found[1]:
            counts[found[0]] = counts.get(found[0], 0) + 1
    return counts


def is_moving(tag: str) -> bool:
    """Tell whether a tag is likely to be set again; lists of referrers are."""
    if subject(tag):
        return True
    return bool(MOVES.search(tag)) or not STAYS.search(tag)


@dataclass(frozen=True, slots=True)
class Revisits:
    """Chooses which known tags a pull asks about again; at most `most` of a repository by guess.

    Tags that fit one of `watched` (patterns such as `release-*`) are asked about each time.
    """

    most: int
    watched: Sequence[str] = ()
    dice: random.Random = field(default_factory=random.Random)

    def __call__(self, tags: Collection[str], moved: Sequence[str]) -> list[str]:
        """Return tags of `tags`, sorted; `moved` are those that were seen to move, the last last.

        First those, then a sample of those that are likely to move; and a sample of the others,
        so that each has its turn. A sample and no rota: an unchanged pull leaves nothing behind
        that a rota could go on from.
        """
        watched = {tag for tag in tags if any(fnmatchcase(tag, one) for one in self.watched)}
        proven = [tag for tag in reversed(moved) if tag in tags and tag not in watched]
        likely = {tag for tag in tags if is_moving(tag)} - watched - set(proven)
        others = set(tags) - watched - set(proven) - likely
        limit = min(self.most, max(1, len(tags) // MOVING_SHARE))
        chosen = proven[:limit]
        chosen += self._sample(likely, limit - len(chosen))
        whole, rest = divmod(len(others), STAYING_SHARE)
        count = whole + (self.dice.random() * STAYING_SHARE < rest)
        return sorted([*watched, *chosen, *self._sample(others, min(count, self.most))])

    def _sample(self, tags: Collection[str], count: int) -> list[str]:
        return self.dice.sample(sorted(tags), min(count, len(tags)))
