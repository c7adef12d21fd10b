"""Which browser runs, with which flags, and where Playwright finds the ffmpeg of the system."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from golive_core.errors import UsageError
from golive_core.settings import child_environment, variable

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

BROWSERS = ("chromium", "firefox", "webkit")
SYSTEM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
)  # fmt: skip
CHOSEN = "GOLIVE_BROWSER_PATH"
PLACE = "PLAYWRIGHT_BROWSERS_PATH"


def system_chromium() -> str:
    """Return the path of the Chromium of this machine; raises UsageError if there is none."""
    chosen = variable(CHOSEN)
    path = chosen or next((found for name in SYSTEM if (found := shutil.which(name))), None)
    if not path or not Path(path).exists():
        hint = f"Debian and Ubuntu: apt-get install chromium. Or set {CHOSEN} to one"
        raise UsageError("there is no Chromium on this machine", where=chosen, hint=hint)
    return path


def flags(*more: str) -> list[str]:
    """Return the flags of Chromium; root cannot have its sandbox."""
    import os

    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else []), *more]


def launch(playwright: Playwright, name: str, *, headed: bool = False) -> Browser:
    """Start a browser: the system's Chromium, or Playwright's own Firefox or WebKit.

    Raises UsageError if it is not installed.
    """
    from playwright.sync_api import Error

    if name == "chromium":
        return playwright.chromium.launch(
            executable_path=system_chromium(), args=flags(), headless=not headed
        )
    if name not in BROWSERS:
        raise UsageError(f"there is no browser {name!r}", hint=f"Known: {', '.join(BROWSERS)}")
    try:
        return getattr(playwright, name).launch(headless=not headed)
    except Error as error:
        hint = f"playwright install {name}"
        raise UsageError(f"{name} is not installed", hint=hint) from error


def driver() -> Path:
    """Return the folder of Playwright's driver, without importing Playwright."""
    spec = importlib.util.find_spec("playwright")
    if spec is None or not spec.submodule_search_locations:
        raise UsageError("Playwright is not installed", hint="make setup")
    return Path(next(iter(spec.submodule_search_locations))) / "driver" / "package"


def with_ffmpeg(home: Path) -> dict[str, str]:
    """Return the environment for Playwright, in which it finds the ffmpeg of the system.

    It looks for a build of its own, named after a revision that belongs to its version; a link of
    that name below `home` does. Without ffmpeg there is no video, and nothing else changes.
    """
    environment = child_environment()
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None or environment.get(PLACE):
        return environment
    listed = json.loads((driver() / "browsers.json").read_text())["browsers"]
    revision = next(one["revision"] for one in listed if one["name"] == "ffmpeg")
    place = home / "browsers"
    link = place / f"ffmpeg-{revision}" / "ffmpeg-linux"
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(ffmpeg)
    own = Path.home() / ".cache" / "ms-playwright"
    for browser in own.glob("*-*") if own.is_dir() else ():
        if not browser.name.startswith("ffmpeg") and not (place / browser.name).exists():
            (place / browser.name).symlink_to(browser)
    return {**environment, PLACE: str(place)}


def has_video() -> bool:
    """Tell whether videos can be made: ffmpeg is there and Playwright was told where."""
    place = variable(PLACE)
    return bool(place and list(Path(place).glob("ffmpeg-*/ffmpeg-*")))
