"""A bare copy of a remote repository below `.golive/mirrors`, brought up to date by fetching.

What the refs mean and which commits are new is decided by the source, which reads a mirror as it
reads any local repository. Objects that the remote has dropped stay: a payload that names them can
be parsed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from golive_core.errors import SourceAuthError
from ingest.git_command import NETWORK, Git
from ingest.parse.git_refs import HEAD, Refs, from_remote

SHA256_DIGITS = 64
DETACHED = "refs/golive/head"
ASK_S, FETCH_S = 60.0, 7200.0
"""Seconds after which a listing or a fetch is given up; a stalled transfer ends sooner."""
HELPER = (
    '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" '
    '"$GOLIVE_GIT_USER" "$GOLIVE_GIT_TOKEN"; }; f'
)
"""A credential helper that answers from the environment: nothing is on a command line or disk."""
STALLED = (("http.lowSpeedLimit", "1000"), ("http.lowSpeedTime", "60"))
KEEPING = (("gc.auto", "6700"), ("gc.autoDetach", "false"), ("gc.pruneExpire", "never"))


@dataclass(frozen=True, slots=True)
class Mirror:
    """The copy of `url` (which holds no secret) that `home` keeps for an instance."""

    home: Path
    name: str
    url: str
    where: str
    prefixes: Sequence[str]
    user: str = ""
    token: str = field(default="", repr=False)

    @property
    def folder(self) -> Path:
        """Where it is; another URL is another folder, so that no two are ever mixed."""
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        return self.home / "mirrors" / f"{self.name}-{digest}.git"

    def exists(self) -> bool:
        """Tell whether it has been fetched before."""
        return (self.folder / "HEAD").is_file()

    def reader(self) -> Git:
        """Return git for reading the copy."""
        return Git(self.where, ("--git-dir", str(self.folder)))

    def ask(self) -> Refs:
        """Return the remote's refs, by one request."""
        parent = self.folder.parent
        parent.mkdir(parents=True, exist_ok=True)
        # Above `home` may lie a repository, whose settings have no say in this.
        alone = {"GIT_CEILING_DIRECTORIES": str(self.home.resolve())}
        listing = ("ls-remote", "--symref", "--", self.url)
        said = self._network(folder=parent, variables=alone).run(*listing, timeout_s=ASK_S)
        there = from_remote(said, self.prefixes)
        if not there.refs and self.url.startswith("http"):
            traced = self._network(folder=parent, variables={**alone, "GIT_TRACE_PACKET": "2"})
            self._refuse_pages(traced.heard(*listing, timeout_s=ASK_S)[1])
        return there

    def _refuse_pages(self, trace: str) -> None:
        """Raise SourceAuthError if no packet came: git takes a page of HTML for an empty list."""
        if "packet:" not in trace:
            raise SourceAuthError(
                "the server answers with a page where a list of refs should be", where=self.where,
                hint='Does it want a sign-in? Set user and token = "env:NAME", or check the URL',
            )  # fmt: skip

    def fetch(self, there: Refs) -> None:
        """Bring the copy to what the remote has; `there` is what `ask` told."""
        place = ("--git-dir", str(self.folder))
        if not self.exists():
            self._make(there)
        specs = [f"+{prefix}/*:{prefix}/*" for prefix in self.prefixes]
        specs += [f"+{HEAD}:{DETACHED}"] if HEAD in there.refs else []
        if there.refs:
            self._network(place=place).run(
                "fetch", "--quiet", "--prune", "--no-tags", "--force", "--update-shallow",
                "--no-write-fetch-head", "--", self.url, *specs, timeout_s=FETCH_S,
            )  # fmt: skip
            Git(self.where, place, settings=KEEPING).run("gc", "--auto", "--quiet")
        self._point_head(Git(self.where, place), there)

    def _make(self, there: Refs) -> None:
        kind = "sha256" if any(len(sha) == SHA256_DIGITS for sha in there.refs.values()) else "sha1"
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        Git(self.where).run(
            "init", "--quiet", "--bare", "--template=", f"--object-format={kind}",
            "--", str(self.folder),
        )  # fmt: skip

    def _point_head(self, git: Git, there: Refs) -> None:
        if there.head:
            git.run("symbolic-ref", HEAD, there.head)
        elif HEAD in there.refs:
            git.run("update-ref", "--no-deref", HEAD, DETACHED)

    def _network(
        self, *, place: Sequence[str] = (), folder: Path | None = None,
        variables: dict[str, str] | None = None,
    ) -> Git:  # fmt: skip
        secret: dict[str, str] = {}
        settings = list(STALLED)
        address = urlsplit(self.url)
        if self.token and address.scheme in ("http", "https"):
            secret = {"GOLIVE_GIT_USER": self.user, "GOLIVE_GIT_TOKEN": self.token}
            origin = f"{address.scheme}://{address.netloc}"
            settings += [("credential.helper", ""), (f"credential.{origin}.helper", HELPER)]
        return Git(self.where, place, NETWORK, settings, {**(variables or {}), **secret}, folder)
