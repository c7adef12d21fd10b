"""Which streams of a source are read: a token, or a plan, may not let at all of them."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field, field_validator

from ingest.api import ApiOptions


class StreamOptions(ApiOptions):
    """Options of a source that reads of `streams` only those named, else all."""

    known: ClassVar[tuple[str, ...]] = ()
    """Names of streams that a source has."""

    streams: list[str] = Field(default_factory=list[str])

    @field_validator("streams")
    @classmethod
    def _streams(cls, value: list[str]) -> list[str]:
        if not set(value) <= set(cls.known):
            raise ValueError(f"there are {', '.join(cls.known)}")
        return value

    def wants(self, stream: str) -> bool:
        """Tell whether the stream is to be read."""
        return not self.streams or stream in self.streams
