"""Progress of loading and of runs: one live line a step, with counts, on stderr.

Where stderr is no terminal, or with GOLIVE_LOG=json, each step is one plain line when it ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from golive_cli.output import messages

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


class Board:
    """Lines that grow: `update` one while it goes on, `end` it, `fail` it."""

    def __init__(self) -> None:
        self._console = messages()
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Take the terminal, if there is one."""
        if self._console.is_terminal:
            from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

            self._bars = Progress(
                SpinnerColumn(finished_text="[green]✓[/]"),
                TextColumn("{task.description:<34}", markup=False),
                TextColumn("{task.fields[counts]}", markup=False),
                TimeElapsedColumn(),
                console=self._console,
            )
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Give the terminal back."""
        if self._bars:
            self._bars.stop()

    def update(self, name: str, counts: str = "") -> None:
        """Show that the step `name` goes on, and how far it is."""
        if not self._bars:
            return
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=None, counts=counts)
        elif counts:
            self._bars.update(self._tasks[name], counts=counts)

    def end(self, name: str, counts: str = "") -> None:
        """Show that the step is done, with its final counts."""
        if not self._bars:
            self._console.print(f"{name:<34} {counts}".rstrip(), markup=False, soft_wrap=True)
            return
        self.update(name, counts)
        self._bars.update(self._tasks[name], total=1, completed=1)

    def fail(self, name: str, why: str) -> None:
        """Show that the step failed and why; the line stays."""
        from golive_core.redact import redact

        if self._bars and name in self._tasks:
            self._bars.update(self._tasks[name], visible=False)
        self._console.print(f"✗ {name}: {redact(why)}", markup=False, style="red", soft_wrap=True)


def counted(counts: Mapping[str, int | float | None]) -> str:
    """Return counts in words, those that are nothing left out: `12 payloads, 3,400 rows`."""
    return ", ".join(
        f"{value:,} {name.removesuffix('s') if value == 1 else name}"
        for name, value in counts.items()
        if value
    )
