"""What an exception of a step means: the page is not as expected, or it could not be tried."""

from __future__ import annotations

from collections.abc import Mapping

from golive_core.errors import GoLiveError
from golive_runner.attempt import Status
from golive_runner.journeys.acting import Trouble, Unmet
from golive_runner.journeys.finding import NotFound

Outcome = tuple[Status, str, str]
"""Status, type and message."""
NET = "net::"
HINTS: Mapping[str, str] = {
    "ERR_CONNECTION_REFUSED": "nothing listens there; is the application running?",
    "ERR_NAME_NOT_RESOLVED": "there is no such host",
    "ERR_CERT": "its certificate is not trusted; `insecure: true` in the journey accepts it",
    "ERR_EMPTY_RESPONSE": "the server closed the connection without an answer",
    "ERR_TOO_MANY_REDIRECTS": "it redirects in a circle",
    "ERR_HTTP_RESPONSE_CODE_FAILURE": "the server answered with an error and without a page",
    "ERR_ABORTED": "it is a download, or was cut off",
}
NAVIGATIONS = (".goto", ".reload", ".go_back")
MESSAGE_CHARS = 500


def judged(error: Exception) -> Outcome:
    """Return status, type and message of what a step raised."""
    from playwright.sync_api import Error
    from playwright.sync_api import TimeoutError as Late

    match error:
        case Unmet() | NotFound():
            return "failed", type(error).__name__, str(error)
        case Late():
            return _late(str(error))
        case Error():
            return "error", *_told(str(error))
        case Trouble() | GoLiveError():
            return "error", type(error).__name__, str(error)
        case _:
            return "error", type(error).__name__, str(error)[:MESSAGE_CHARS]


def _late(text: str) -> Outcome:
    first = text.partition("\n")[0]
    if any(way in first for way in NAVIGATIONS):
        return "error", "NoAnswer", "the page did not answer in time"
    return "failed", "NotActionable", _why_not(text)


def _told(text: str) -> tuple[str, str]:
    """Return type and message of a browser's error, in a person's words where there are any."""
    first = text.partition("\n")[0]
    if "crashed" in first:
        return "PageCrash", "the page crashed"
    if "has been closed" in first:
        return "BrowserClosed", "the browser or the page was closed"
    if NET not in first:
        return "BrowserError", first[:MESSAGE_CHARS]
    code = first.partition(NET)[2].split()[0]
    hint = next((said for start, said in HINTS.items() if code.startswith(start)), "")
    return "NoAnswer", f"{code}: {hint}" if hint else code


def _why_not(text: str) -> str:
    """Return the last reason that the call log of a timed out action gives."""
    lines = [line.strip(" -") for line in text.splitlines()]
    reasons = [line for line in lines if line.startswith("<") or "element is not" in line]
    return f"the element could not be used: {reasons[-1]}" if reasons else lines[0]
