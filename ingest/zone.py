"""The option for the time zone of times that are written without one."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator


def _known(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"no time zone {name!r}, use a name like Europe/Berlin") from error
    return name


ZoneName = Annotated[str, AfterValidator(_known)]
"""The name of a time zone, like Europe/Berlin."""
