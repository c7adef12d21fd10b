"""Half-open UTC intervals. Nothing here knows of sources or tables."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from golive_core.errors import UsageError


@dataclass(frozen=True, slots=True)
class Window:
    """The instants t with `start <= t < end`, both aware UTC.

    Raises UsageError when an end is naive or the window is empty.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive ends and empty windows."""
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise UsageError("a window needs aware times", hint="Add a zone, for example +00:00")
        if self.start >= self.end:
            raise UsageError(f"the window {self.start} to {self.end} is empty")

    @classmethod
    def of_days(cls, first: date, last: date) -> Window:
        """Return the window from the start of `first` to the end of `last` (both days inside)."""
        start = datetime.combine(first, time(), UTC)
        return cls(start, datetime.combine(last, time(), UTC) + timedelta(days=1))

    def contains(self, at: datetime) -> bool:
        """Tell whether the instant `at` (aware) lies inside."""
        return self.start <= at < self.end

    def days(self) -> list[date]:
        """Return the UTC dates that the window touches, ascending."""
        last = (self.end - timedelta(microseconds=1)).astimezone(UTC).date()
        first = self.start.astimezone(UTC).date()
        return [first + timedelta(days=n) for n in range((last - first).days + 1)]
