"""What went wrong on the way of one pull while the rest went on, and when to stop all the same."""

from __future__ import annotations

from golive_core.errors import SourceAuthError, SourceError, SourceUnreachableError

IN_A_ROW = 3
"""So many jobs that cannot be reached one after the other mean that the server is down."""


class Troubles:
    """Collects errors; the first is what the pull ends with."""

    def __init__(self) -> None:
        self._errors: list[SourceError] = []
        self._unreachable = 0

    def answered(self) -> None:
        """Note that the server lives."""
        self._unreachable = 0

    def stop_or_note(self, error: SourceError) -> None:
        """Keep the error of one job and go on; raises it where going on makes no sense.

        A token that is refused will be refused everywhere, a server that is down is down for all.
        """
        self._unreachable += isinstance(error, SourceUnreachableError)
        if isinstance(error, SourceAuthError) or self._unreachable >= IN_A_ROW:
            raise error
        self.note(error)

    def note(self, error: SourceError) -> None:
        """Keep an error for the end."""
        self._errors.append(error)

    def end(self) -> None:
        """Raise the first error, saying how many there were."""
        if not self._errors:
            return
        first, *others = self._errors
        if others:
            first.what = f"{first.what} (the first of {len(self._errors)} errors)"
        raise first
