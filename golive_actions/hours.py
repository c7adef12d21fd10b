"""When a message may go out: quiet hours and the times of a digest. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

DAY = timedelta(days=1)
CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Hours:
    """`quiet` from and to, `digest` the times at which all goes out together; local times."""

    quiet: tuple[time, time] | None = None
    digest: tuple[time, ...] = ()
    zone: tzinfo = UTC

    def due(self, at: datetime, severity: str) -> datetime:
        """Return when a message of the instant `at` is to be sent: a critical one at once."""
        if severity == CRITICAL:
            return at
        if self.digest:
            at = min(_next(at.astimezone(self.zone), one) for one in self.digest)
        return self.awake(at, severity)

    def awake(self, at: datetime, severity: str) -> datetime:
        """Return `at`, or the end of the quiet hours that it lies in."""
        local = at.astimezone(self.zone)
        if self.quiet and severity != CRITICAL and self._is_quiet(local):
            local = _next(local, self.quiet[1])
        return local.astimezone(UTC)

    def _is_quiet(self, local: datetime) -> bool:
        begin, end = self.quiet or (time(), time())
        now = local.time()
        return begin <= now < end if begin <= end else now >= begin or now < end


def _next(local: datetime, at: time) -> datetime:
    """Return the next instant after `local` with that time of day, the same day or the next."""
    there = local.replace(hour=at.hour, minute=at.minute, second=0, microsecond=0)
    return there if there > local else there + DAY


def clock(text: str) -> time:
    """Return the time of `9:00` or `09:30`; raises ValueError."""
    return datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007 - a time without a day


def span(text: str) -> tuple[time, time] | None:
    """Return the two times of `22:00-07:00`, None for no text; raises ValueError."""
    if not text:
        return None
    begin, _, end = text.partition("-")
    return clock(begin), clock(end)
