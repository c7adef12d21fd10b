"""Which build a report belongs to: given by the settings, or told by its place and its time.

- All reports of an archive are one run, and so is a file whose root is `<testsuites>`.
- Files with the root `<testsuite>` are one run with those of the same folder, as Surefire writes
  one a class, unless GAP lies between them or one of them was written again since.
- A run starts at the earliest time that its first reports name, else when they were written; its
  number is that, in seconds since 1970, and its pipeline is the folder.

A report that was put to a build stays there. What is no run of tests (`NO_RUN`) gets no build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from ingest.intake import Taken, payload_id
from ingest.known import Entry, Known

ALONE = frozenset({"testsuites", "run"})
"""Roots, or kinds, of files that hold a whole run."""
NO_RUN = frozenset({"measures", "findings", "artifact"})
"""Kinds of files that say nothing of a run."""
GAP = 30 * 60 * 1_000_000
"""Silence, µs, after which another file in the folder is another run."""


@dataclass(frozen=True, slots=True)
class Given:
    """What the settings say of every report; empty where they do not."""

    build: str = ""
    pipeline: str = ""
    commit: str = ""
    branch: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Placed:
    """A report and its build.

    `after` are artifacts of earlier reports of the build that may hold the same tests.
    """

    taken: Taken
    entry: Entry
    after: tuple[str, ...] = ()


@dataclass(slots=True)
class Runs:
    """Puts reports to builds, batch by batch; `known` learns every file.

    `done` are payloads that came in earlier batches or pulls; `gone` are those whose files this
    pull does not see: one of them may come again, and is then read as it was the first time.
    """

    instance: str
    given: Given
    known: Known
    done: set[str] = field(default_factory=set[str])
    gone: set[str] = field(default_factory=set[str])
    _last: dict[str, str] | None = None
    _spans: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    _earlier: dict[str, dict[str, list[Entry]]] = field(
        default_factory=dict[str, dict[str, list[Entry]]]
    )

    def place(self, taken: Sequence[Taken]) -> list[Placed]:
        """Return the reports of a batch that are new, with their builds, in the order of paths.

        What is no report, or one that came before, is only noted.
        """
        placed: list[Placed] = []
        again: list[tuple[Taken, str]] = []
        fresh: dict[str, Taken] = {}
        self._earlier.clear()
        for one in taken:
            if not (one.artifact or one.reason):
                self.known.note(Entry(one.path, one.size, one.mtime_ns))
                continue
            identity = payload_id(one, self.given.build, self.given.environment)
            if identity in self.done or identity in fresh:
                again.append((one, identity))
            else:
                fresh[identity] = one
        for identity, one in sorted(fresh.items(), key=lambda item: _order(item[1])):
            entry = self._entry_of(one, identity)
            after = self._after(entry)
            self._note(entry)
            placed.append(Placed(one, entry, after))
        for one, identity in again:
            self.known.note(_entry(one, identity, self._build_of(identity), None))
        self.done |= fresh.keys()
        return sorted(placed, key=lambda one: one.entry.path)

    def summary(self, build_id: str) -> tuple[int, int, bool]:
        """Return start and end (µs since 1970) of a build and whether anything in it failed."""
        entries = self.known.builds[build_id]
        return (
            min(one.started_at for one in entries),
            max(one.ended_at for one in entries),
            any(one.has_failed for one in entries),
        )

    def _entry_of(self, one: Taken, identity: str) -> Entry:
        if one.reason:
            return Entry(one.path, one.size, one.mtime_ns, identity)
        if one.head.root in NO_RUN:
            return _entry(one, identity, "", one)
        started, _ = _span(one)
        build = self._build_of(identity) or self._choose(one, started)
        return _entry(one, identity, build, one)

    def _build_of(self, identity: str) -> str:
        entry = self.known.payloads.get(identity)
        return entry.build_id if entry else ""

    def _choose(self, one: Taken, started: int) -> str:
        given = self.given.build
        if "#" in given:
            return given
        if given:
            return f"{self.instance}:{self.given.pipeline or 'reports'}#{given}"
        place, pipeline = _place(one), self.given.pipeline or _pipeline(one)
        last = self._runs().get(place) if place else None
        if last and self._continues(last, one, started):
            return last
        build = self._unused(f"{self.instance}:{pipeline}#{started // 1_000_000}")
        self._runs()[place] = build
        return build

    def _runs(self) -> dict[str, str]:
        """Return the newest run by place."""
        if self._last is None:
            newest = sorted(self.known.entries.values(), key=lambda entry: entry.started_at)
            self._last = {
                place: entry.build_id
                for entry in newest
                if entry.build_id and (place := _place_of(entry))
            }
        return self._last

    def _continues(self, build: str, one: Taken, started: int) -> bool:
        start, end = self._spans.get(build) or self.summary(build)[:2]
        before = self.known.entries.get(one.path)
        was_rewritten = before is not None and before.build_id == build
        return start - GAP <= started <= end + GAP and not was_rewritten

    def _unused(self, build: str) -> str:
        attempt, candidate = 1, build
        while candidate in self.known.builds:
            attempt += 1
            candidate = f"{build}@{attempt}"
        return candidate

    def _after(self, entry: Entry) -> tuple[str, ...]:
        """Return reports of earlier batches in the same build that may hold the same tests."""
        if not entry.build_id:
            return ()
        earlier = self._earlier.get(entry.build_id)
        if earlier is None:
            earlier = self._earlier[entry.build_id] = self._by_suite(entry.build_id)
        names = suite_names(entry.suites)
        chosen = earlier.values() if ANY in names else [earlier.get(name, ()) for name in names]
        found = {one.payload_id: one for ones in [*chosen, earlier.get(ANY, ())] for one in ones}
        before = self._before(entry)
        return tuple(
            one.artifact
            for one in found.values()
            if one.path != entry.path and (before is None or one.payload_id in before)
        )

    def _before(self, entry: Entry) -> set[str] | None:
        """Return what came before a payload that comes again; None for one that is new."""
        if entry.payload_id not in self.known.payloads:
            return None
        came = [one.payload_id for one in self.known.builds.get(entry.build_id, ())]
        return set(came[: came.index(entry.payload_id)]) if entry.payload_id in came else None

    def _by_suite(self, build: str) -> dict[str, list[Entry]]:
        found: dict[str, list[Entry]] = {}
        for one in self.known.builds.get(build, ()):
            if one.payload_id in self.done or one.payload_id in self.gone:
                for name in suite_names(one.suites):
                    found.setdefault(name, []).append(one)
        return found

    def _note(self, entry: Entry) -> None:
        self.known.note(entry)
        start, end = self._spans.get(entry.build_id, (entry.started_at, entry.ended_at))
        span = min(start, entry.started_at), max(end, entry.ended_at)
        self._spans[entry.build_id] = span


ANY = "*"
"""Stands for the suites of a report that has too many of them to name, or none."""


def suite_names(suites: str | None) -> list[str]:
    """Return the names that an entry joins; two reports without a common one share no test."""
    return [ANY] if suites is None else suites.split("\n")


def _entry(one: Taken, identity: str, build: str, told: Taken | None) -> Entry:
    head = one.head
    started, ended = _span(one)
    suites = "\n".join(sorted(head.suites)) if head.suites is not None else None
    return Entry(
        one.path, one.size, one.mtime_ns, identity, build, started, ended,
        told is not None and head.has_failed, head.root in ALONE, suites,
        one.artifact,
    )  # fmt: skip


def _span(one: Taken) -> tuple[int, int]:
    """Return start and end of a report, µs since 1970; the end is never after it was written."""
    lasted = int(one.head.duration_s * 1_000_000)
    if one.head.started_at is None:
        return one.written_at - lasted, one.written_at
    started = one.head.started_at
    return started, max(one.head.ended_at or 0, started + lasted)


def _order(one: Taken) -> tuple[int, str]:
    return _span(one)[0], one.path


def _place(one: Taken) -> str:
    return _where(one.path, is_alone=one.head.root in ALONE)


def _place_of(entry: Entry) -> str:
    return _where(entry.path, is_alone=entry.is_alone)


def _where(path: str, *, is_alone: bool) -> str:
    """Return what reports of one run share: their archive or their folder; "" for a lone one."""
    archive, mark, _ = path.partition("!")
    if mark:
        return archive
    return "" if is_alone else str(PurePath(path).parent)


def _pipeline(one: Taken) -> str:
    folder = str(PurePath(one.archive or one.path).parent)
    return "reports" if folder == "." else folder.replace("\\", "/").replace("#", "_")
