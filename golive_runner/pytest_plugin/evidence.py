"""Keeps what browsers leave of a test: what Selenium shows at a failure, the files of Playwright.

Each file goes into the artifact store of this machine under the hash of its content, and the
attempt names it. Whatever goes wrong here is no business of the suite.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from golive_runner.pytest_plugin import webdriver
from golive_runner.pytest_plugin.recording import EVIDENCE, has_failed

if TYPE_CHECKING:
    from golive_core.artifacts import ArtifactStore

FOLDER = "output_path"
"""The fixture of pytest-playwright that names the folder of a test's files."""
KINDS = {
    ".zip": ("trace", "application/zip"), ".webm": ("video", "video/webm"),
    ".png": ("screenshot", "image/png"), ".jpg": ("screenshot", "image/jpeg"),
    ".har": ("har", "application/json"),
}  # fmt: skip
MOST_FILES, MOST_BYTES = 50, 500 << 20
"""Of one attempt, and of one file."""
TEXTS = ("page", "console")
Kept = dict[str, str | int]
"""One file, in the words of golive_runner.attempt.Evidence."""


class Keeping:
    """Keeps the files of attempts in the store of `home`; `secret` is masked in texts."""

    def __init__(self, home: Path, secret: str = "") -> None:
        self._home, self._secret = home, secret.strip()
        self._store: ArtifactStore | None = None
        self._begun = 0.0
        self.trouble = ""

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, None]:
        """Add to the report of a phase what is kept of it; behind all that others do with it."""
        outcome = yield
        report: pytest.TestReport = outcome.get_result()
        if call.when == "setup":
            self._begun = call.start
        try:
            kept = list(self._kept(item, report))
        except Exception as error:  # noqa: BLE001 - a suite never fails by being watched
            self.trouble = self.trouble or f"{type(error).__name__}: {error}"
            return
        if kept:
            setattr(report, EVIDENCE, kept)

    def _kept(self, item: pytest.Item, report: pytest.TestReport) -> Iterator[Kept]:
        if report.when == "teardown":
            folder: object = webdriver.fixtures(item).get(FOLDER)
            if isinstance(folder, str):
                yield from self._files(Path(folder))
        elif has_failed(report):
            for name, driver in webdriver.drivers(item).items():
                for kind, file, media, body in webdriver.shown(driver):
                    text = self._masked(body) if kind in TEXTS else body
                    yield self._put(kind, f"{name}.{file}", media, text)

    def _files(self, folder: Path) -> Iterator[Kept]:
        """Keep what this attempt left in the folder; an earlier one of the test may have, too."""
        found = [one for one in sorted(folder.rglob("*")) if one.suffix in KINDS and one.is_file()]
        for path in found[:MOST_FILES]:
            state = path.stat()
            if state.st_size <= MOST_BYTES and state.st_mtime >= self._begun:
                kind, media = KINDS[path.suffix]
                with path.open("rb") as stream:
                    sha, size = self._opened().put_stream(stream)
                yield _told(kind, path.name, media, sha, size)

    def _put(self, kind: str, name: str, media: str, body: bytes) -> Kept:
        return _told(kind, name, media, self._opened().put_bytes(body), len(body))

    def _opened(self) -> ArtifactStore:
        from golive_core.artifacts import ArtifactStore

        self._store = self._store or ArtifactStore(self._home)
        return self._store

    def _masked(self, body: bytes) -> bytes:
        from golive_core.redact import redact

        text = body.decode("utf-8", "replace")
        return redact(text.replace(self._secret, "***") if self._secret else text).encode()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say why something was not kept."""
        if self.trouble:
            terminalreporter.write_line(f"golive: not all evidence was kept: {self.trouble}")


def _told(kind: str, name: str, media: str, sha: str, size: int) -> Kept:
    return {"kind": kind, "name": name, "media": media, "sha256": sha, "size_bytes": size}
