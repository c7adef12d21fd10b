"""Selenium on the browser of this machine, and what the browsers of a failed test show.

A driver is found where a test has it: in its fixtures, on its instance, in its module, and in
attributes of these (page objects). Nothing of Selenium is imported unless the suite did.
"""

from __future__ import annotations

import inspect
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Protocol, cast

from golive_core.errors import UsageError
from golive_core.settings import variable
from golive_runner.journeys import launch

if TYPE_CHECKING:
    import pytest

BASE = "selenium.webdriver.remote.webdriver"
LOGS = "goog:loggingPrefs"
DRIVER = "chromedriver"
SHOWN = ("screenshot", "page", "console")
Bodies = Iterator[tuple[str, str, str, bytes]]
"""Kind, name, media type and content."""


class Driver(Protocol):
    """As much of Selenium's WebDriver as is asked of it."""

    page_source: str
    current_url: str

    def get_screenshot_as_png(self) -> bytes:
        """Return a picture of the window."""
        ...

    def get_log(self, log_type: str) -> list[dict[str, Any]]:
        """Return the lines of a log; browsers other than Chromium have none."""
        ...


def use_system() -> Callable[[], None]:
    """Make every Chrome that a suite starts the Chromium of this machine; return what ends that.

    What the suite chooses itself (a path of its own, `SE_CHROMEDRIVER`, headless or not) stays.
    Raises the UsageError of pytest where Selenium, Chromium or chromedriver is missing.
    """
    from golive_runner.pytest_plugin.options import wrong

    try:
        from selenium.webdriver.chromium.webdriver import ChromiumDriver
    except ImportError as error:
        raise wrong(f"--golive-webdriver: this Python has no Selenium ({error})") from error
    driver = shutil.which(DRIVER)
    if driver is None:
        raise wrong("--golive-webdriver: there is no chromedriver; apt-get install chromium-driver")
    try:
        browser = launch.system_chromium()
    except UsageError as error:
        raise wrong(f"--golive-webdriver: {error}") from error
    begin = ChromiumDriver.__init__
    named = inspect.signature(begin)

    def start(self: ChromiumDriver, *positional: Any, **by_name: Any) -> None:  # noqa: ANN401 - Selenium's
        given = named.bind(self, *positional, **by_name).arguments
        if given.get("browser_name", "chrome") == "chrome":
            _fit(given, driver, browser)
        begin(**given)

    ChromiumDriver.__init__ = start  # pyright: ignore[reportAttributeAccessIssue] - given back below

    def end() -> None:
        ChromiumDriver.__init__ = begin

    return end


def _fit(given: dict[str, Any], driver: str, browser: str) -> None:
    """Fill in what is not chosen among the arguments of a driver that is being made."""
    from selenium.webdriver.chrome.options import Options
    from selenium.webdriver.chrome.service import Service

    service = given["service"] = given.get("service") or Service()
    options = given["options"] = given.get("options") or Options()
    service.path = service.path or driver
    options.binary_location = options.binary_location or browser
    chosen = {one.partition("=")[0] for one in options.arguments}
    is_shown = bool(variable("DISPLAY") or variable("WAYLAND_DISPLAY"))
    for flag in launch.flags(*([] if is_shown else ["--headless=new"])):
        if flag.partition("=")[0] not in chosen:
            options.add_argument(flag)
    if LOGS not in options.to_capabilities():
        options.set_capability(LOGS, {"browser": "ALL"})


# ---------------------------------------------------------------- what a browser shows


def drivers(item: pytest.Item) -> dict[str, Driver]:
    """Return the drivers that a test has, by the name that it has for them."""
    kind = getattr(sys.modules.get(BASE), "WebDriver", None)
    if kind is None:
        return {}
    found: dict[int, tuple[str, Driver]] = {}
    for name, value in _held(item):
        if isinstance(value, kind):
            found.setdefault(id(value), (name, cast("Driver", value)))
    return dict(found.values())


def fixtures(item: pytest.Item) -> Mapping[str, object]:
    """Return the values of a test's fixtures by name; unittest's tests have none."""
    return getattr(item, "funcargs", None) or {}


def _held(item: pytest.Item) -> Iterator[tuple[str, object]]:
    """Yield fixtures, attributes and globals of a test, each before what it holds itself."""
    instance: object = getattr(item, "instance", None)
    module: object = getattr(item, "module", None)
    holders = [fixtures(item), _vars(instance), _vars(type(instance)), _vars(module)]
    for holder in holders:
        yield from list(holder.items())
    for name, value in [pair for holder in holders[:2] for pair in holder.items()]:
        for inner, held in list(_vars(value).items()):
            yield f"{name}.{inner}", held


def _vars(value: object) -> Mapping[str, object]:
    try:
        return vars(value)
    except TypeError:
        return {}


def shown(driver: Driver) -> Bodies:
    """Yield what a browser shows; what it cannot tell is left out, one that is gone tells nothing.

    Kinds: screenshot, page (its source) and console.
    """
    for kind in SHOWN:
        try:
            yield from _of_kind(driver, kind)
        except Exception as error:  # noqa: BLE001 - a browser that a test broke may do anything
            if not _is_answer(error):
                return


def _is_answer(error: Exception) -> bool:
    """Tell a driver that refuses, and may tell something else, from one that is gone or hangs."""
    return any(one.__name__ == "WebDriverException" for one in type(error).__mro__) and not any(
        one.__name__ in ("InvalidSessionIdException", "NoSuchWindowException")
        for one in type(error).__mro__
    )


def _of_kind(driver: Driver, kind: str) -> Bodies:
    if kind == "screenshot":
        yield kind, "failed.png", "image/png", driver.get_screenshot_as_png()
    elif kind == "page":
        head = f"<!-- {driver.current_url.replace('--', '- -')} -->\n"
        yield kind, "page.html", "text/html", (head + driver.page_source).encode()
    elif lines := driver.get_log("browser"):
        text = "\n".join(f"{one.get('level')}: {one.get('message')}" for one in lines)
        yield kind, "console.log", "text/plain", text.encode()
