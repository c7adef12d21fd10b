"""A small repository with a history to review: fixes, owners, a renamed file, a change."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CART = (
    "def total(items):\n    return sum(items)\n\n\ndef mean(items):\n    return total(items) / 2\n"
)
CHANGED = CART.replace("total(items) / 2", "total(items) / len(items)")


@dataclass
class Made:
    """A repository that grows by commits, a day apart, and ends at NOW."""

    folder: Path
    days: int = 60

    def git(self, *args: str, author: str = "Ada", stdin: str = "") -> str:
        """Run git as a person on the day that it is now."""
        at = (NOW - timedelta(days=self.days)).isoformat()
        who = ["-c", f"user.name={author}", "-c", f"user.email={author.lower()}@example.org"]
        return subprocess.run(
            ["git", *who, *args], cwd=self.folder, check=True, capture_output=True, text=True,
            input=stdin, env={"PATH": "/usr/bin:/bin:/usr/local/bin", "GIT_AUTHOR_DATE": at,
                              "GIT_COMMITTER_DATE": at, "HOME": str(self.folder)},
        ).stdout.strip()  # fmt: skip

    def commit(self, files: Mapping[str, str], subject: str, author: str = "Ada") -> str:
        """Write files and commit them; return the sha."""
        self.days -= 1
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject, author=author)
        return self.git("rev-parse", "HEAD")


def made(folder: Path) -> Made:
    """Return a repository whose branch `feature` changes shop/cart.py and renames a file."""
    folder.mkdir(parents=True, exist_ok=True)
    found = Made(folder)
    found.git("init", "-q", "-b", "main")
    found.commit({"shop/cart.py": "def total(items):\n    return 0\n", "shop/a.py": "A = 1\n" * 9},
                 "Begin")  # fmt: skip
    found.commit({"shop/cart.py": CART.replace("/ 2", "/ 3")}, "Add mean")
    found.commit({"shop/cart.py": CART}, "Fix mean", author="Bob")
    found.git("checkout", "-q", "-b", "feature")
    found.git("mv", "shop/a.py", "shop/b.py")
    found.commit({"shop/cart.py": CHANGED, "näme.txt": "new\n"}, "Mean of any", author="Cy")
    return found
