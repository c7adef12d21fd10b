"""CloudWatch logs: the events of chosen groups since the last ones, oldest first.

An event may come a little after later ones, so each pull goes back by `overlap_s`; events have ids,
by which those that came before are known again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from golive_core.errors import GoLiveError, SourceDataError, SourceThrottledError
from golive_core.ids import content_id
from golive_core.window import Window
from ingest.aws.client import Aws, Json, body
from ingest.batch import Batch
from ingest.source import Cursor, Pulled

KNOWN = 5_000
"""Events of a group that the cursor remembers, the newest ones."""


class Logs:
    """One pull of the groups; the cursor has `after` (ms) and what is known by group."""

    def __init__(self, aws: Aws, cursor: Cursor | None, window: Window | None) -> None:
        self._aws, self._window, self._batch = aws, window, Batch()
        stored: Mapping[str, Json] = cursor if cursor and not window else {}
        self._groups = {name: dict(one) for name, one in stored.items()}
        self._errors: list[GoLiveError] = []
        self._is_changed = False

    def run(self) -> Iterator[Pulled]:
        """Yield new events; a group that cannot be read stops no other, its error comes last."""
        for name in self._aws.options.log_groups:
            try:
                yield from self._walk(name)
            except SourceThrottledError:
                raise
            except GoLiveError as error:
                self._errors.append(error)
        if not self._batch.is_empty or self._is_changed:
            yield self._flush()
        if self._errors:
            raise self._errors[0]

    def has_news(self) -> bool:
        """Tell by one request whether the group has an event that is not known."""
        names = self._aws.options.log_groups
        if len(names) != 1 or names[0] not in self._groups:
            return bool(names)
        state = self._groups[names[0]]
        ids = _ids(self._page(names[0], state, state.get("next")))
        return bool(state.get("next")) or not ids.keys() <= set(state["seen"])

    def _walk(self, name: str) -> Iterator[Pulled]:
        state: Json = self._groups.get(name) or {"after": self._start(), "seen": []}
        is_more = True
        while is_more:
            answer = self._next(name, state)
            ids = _ids(answer)
            if not ids.keys() <= set(state["seen"]):
                self._batch.add(f"logs:FilterLogEvents?{name}#{min(ids.values())}", body(answer),
                                {"kind": "events", "group": name})  # fmt: skip
                self._is_changed = True
            fresh = {**dict(cast("list[Any]", state.get("fresh", []))), **ids}
            state = {**state, "fresh": _newest(fresh), "next": answer.get("nextToken")}
            is_more = bool(state["next"])
            self._groups[name] = state if is_more else self._done(state)
            if self._batch.is_full:
                yield self._flush()

    def _done(self, state: Json) -> Json:
        """Return the state after the last page: what the next pull will see again is known."""
        fresh = dict(cast("list[tuple[int, int]]", state["fresh"]))
        after = max([state["after"], *fresh.values()])
        known = [one for one, at in fresh.items() if at >= after - self._overlap]
        return {"after": after, "seen": known}

    @property
    def _overlap(self) -> int:
        return self._aws.options.overlap_s * 1000

    def _start(self) -> int:
        if self._window:
            return _millis(self._window.start) + self._overlap
        return _millis(datetime.now(UTC) - timedelta(days=self._aws.options.days))

    def _next(self, name: str, state: Json) -> Json:
        """Return the next page; a place that is no longer known to AWS is the beginning again."""
        try:
            return self._page(name, state, state.get("next"))
        except SourceDataError as error:
            if not state.get("next") or "nexttoken" not in error.what.lower().replace(" ", ""):
                raise
            return self._page(name, state, None)

    def _page(self, name: str, state: Json, at: object) -> Json:
        end = _millis(self._window.end) if self._window else None
        return self._aws.call(
            "logs", "FilterLogEvents", logGroupName=name, nextToken=at, endTime=end,
            startTime=max(0, int(state["after"]) - self._overlap), limit=self._aws.options.page,
            filterPattern=self._aws.options.log_filter,
        )  # fmt: skip

    def _flush(self) -> Pulled:
        self._is_changed = False
        return self._batch.flush({name: dict(one) for name, one in self._groups.items()},
                                 self._aws.requests)  # fmt: skip


def _ids(answer: Json) -> dict[int, int]:
    """Return the times (ms) of the events of an answer by what stands for their ids."""
    events = cast("list[Json]", answer.get("events") or [])
    return {content_id(str(one["eventId"])): int(one["timestamp"]) for one in events}


def _newest(found: dict[int, int]) -> list[tuple[int, int]]:
    return sorted(found.items(), key=lambda one: one[1])[-KNOWN:]


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
