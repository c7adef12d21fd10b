"""What the cursor of a registry knows: of each repository its tags and the images they point to.

An image's row is written whole, and a registry forgets what it deleted: so the facts of each image
with a tag are kept here (about 0.5 kB), and an image that loses its last tag is told from them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.source import Cursor

Json = dict[str, Any]
MOVED = 50
"""Tags of a repository that were seen to move and are remembered for it, the last ones."""


@dataclass(slots=True)
class Repository:
    """One repository. `tags` has the digest of each tag, empty where nobody asked for it.

    `images` has, of each digest with a tag, its `facts` (`ingest.parse.oci.facts`), the number of
    its `referrers`, and `seen_at`; `moved` the tags that were set again while we looked;
    `validators` those of the list of tags.
    """

    tags: dict[str, str] = field(default_factory=dict[str, str])
    images: dict[str, Json] = field(default_factory=dict[str, Json])
    moved: list[str] = field(default_factory=list[str])
    validators: dict[str, str] = field(default_factory=dict[str, str])

    def to_json(self) -> Json:
        """Return the fields that are not empty."""
        cells = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in cells.items() if value}

    def copy(self) -> Repository:
        """Return a copy that stays as it is."""
        images = {digest: dict(one) for digest, one in self.images.items()}
        return Repository(dict(self.tags), images, list(self.moved), dict(self.validators))

    def become(self, other: Repository) -> None:
        """Take everything from another."""
        self.tags, self.images = other.tags, other.images
        self.moved, self.validators = other.moved, other.validators

    def move(self, tag: str, digest: str) -> None:
        """Let a tag point to a digest; one that pointed elsewhere has moved."""
        if self.tags.get(tag):
            self.moved = [*(one for one in self.moved if one != tag), tag][-MOVED:]
        self.tags[tag] = digest


@dataclass(slots=True)
class State:
    """All repositories; `is_whole` once a first pull came to its end.

    `has_referrers` tells whether the registry lists what refers to a digest, None before it was
    asked. `hot` is the repository whose tag moved last.
    """

    repositories: dict[str, Repository] = field(default_factory=dict[str, Repository])
    is_whole: bool = False
    has_referrers: bool | None = None
    hot: str = ""

    @classmethod
    def of(cls, cursor: Cursor | None) -> State:
        """Return the state that a cursor stores."""
        stored: Mapping[str, Any] = cursor or {}
        found: Mapping[str, Json] = stored.get("repositories", {})
        return cls(
            {name: Repository(**cells) for name, cells in found.items()},
            stored.get("is_whole", False), stored.get("has_referrers"), stored.get("hot", ""),
        )  # fmt: skip

    def to_json(self) -> Json:
        """Return the cursor."""
        found = {name: one.to_json() for name, one in self.repositories.items()}
        return {
            "repositories": found, "is_whole": self.is_whole,
            "has_referrers": self.has_referrers, "hot": self.hot,
        }  # fmt: skip
