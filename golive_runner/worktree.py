"""Work trees to run things in: the person's own checkout stays as it is."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from golive_core.errors import SourceError, UsageError
from ingest.git_command import Git


@dataclass(frozen=True)
class Repository:
    """The repository around `path`, and what a search asks of it."""

    path: Path

    @property
    def git(self) -> Git:
        """Git in that repository; nothing in it can run a program or reach the network."""
        return Git(str(self.path), ("-C", str(self.path)))

    def commit(self, name: str) -> str:
        """Return the sha of a commit; raises UsageError if there is none of that name."""
        said = self.git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}",
            accept=(0, 1, 128),
        )  # fmt: skip
        if not said:
            raise UsageError(f"there is no commit {name!r}", where=str(self.path))
        return said.decode().strip()

    def parents(self, good: str, bad: str, *, first_parent: bool) -> dict[str, list[str]]:
        """Return the parents of every commit that `bad` reaches and `good` does not.

        On the first-parent line alone each commit has the one before it for its only parent.
        """
        options = ["--first-parent"] if first_parent else []
        said = self.git.run("rev-list", "--parents", *options, bad, f"^{good}").decode()
        rows = [line.split() for line in said.splitlines()]
        return {sha: above[:1] if first_parent else above for sha, *above in rows}

    def is_ancestor(self, good: str, bad: str) -> bool:
        """Tell whether `bad` has `good` in its past."""
        return self.git.run("merge-base", good, bad, accept=(0, 1)).decode().strip() == good

    def about(self, sha: str) -> tuple[str, str, str]:
        """Return author, time (ISO 8601) and subject of a commit."""
        said = self.git.run("show", "-s", "--format=%aN%x00%aI%x00%s", sha)
        author, at, subject = said.decode(errors="backslashreplace").rstrip("\n").split("\0")
        return author, at, subject


@dataclass(frozen=True)
class WorkTree:
    """One work tree of a repository at `path`."""

    repository: Repository
    path: Path

    def check_out(self, sha: str) -> None:
        """Bring the work tree to a commit, without anything that an earlier run left there."""
        if not (self.path / ".git").exists():
            self.remove()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.repository.git.run("worktree", "add", "--detach", "--force", str(self.path), sha)
            return
        git = Git(str(self.path), ("-C", str(self.path)))
        git.run("checkout", "--detach", "--force", "--quiet", sha)
        git.run("clean", "-ffdxq")

    def remove(self) -> None:
        """Remove it, and what the repository knows of it."""
        try:
            self.repository.git.run("worktree", "remove", "--force", "--force", str(self.path))
        except SourceError:
            shutil.rmtree(self.path, ignore_errors=True)
            self.repository.git.run("worktree", "prune")
