"""CodeBuild: projects by name, and builds newest first as far as they are not known.

A list of builds holds ids alone, in the order of their start; what they are is asked for by the
hundred. Builds that ran when they were seen are asked for again until they end.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from golive_core.errors import SourceDataError
from golive_core.window import Window
from ingest.aws.client import Aws, Json, body
from ingest.batch import Batch
from ingest.parse.rows import instant
from ingest.source import Cursor, Pulled

HUNDRED = 100
KNOWN = 500
"""Ids of each list that the cursor remembers, the newest ones."""
RUNNING = "IN_PROGRESS"
ALL = ""
"""Name of the list of the builds of all projects."""


class Builds:
    """One pull of the builds; `state` is the cursor."""

    def __init__(self, aws: Aws, cursor: Cursor | None, window: Window | None) -> None:
        self._aws, self._window, self._batch = aws, window, Batch()
        stored: Mapping[str, Any] = cursor if cursor and not window else {}
        lists: Mapping[str, Json] = stored.get("lists", {})
        self._projects: list[str] | None = stored.get("projects")
        self._running: dict[str, str] = dict(stored.get("running", {}))
        self._lists = {name: dict(one) for name, one in lists.items()}

    def run(self) -> Iterator[Pulled]:
        """Yield projects, then builds list by list, then those that were still running."""
        before = self._cursor()
        running = set(self._running)
        self._read_projects()
        for name in self._aws.options.projects or [ALL]:
            yield from self._walk(name)
        self._look_again(running)
        if not self._batch.is_empty or self._cursor() != before:
            yield self._flush()

    def has_news(self) -> bool:
        """Tell by one request whether there is a build that is not known, or one still runs."""
        names = self._aws.options.projects or [ALL]
        state = self._lists.get(names[0])
        if self._running or len(names) > 1 or not state or state.get("next"):
            return True
        return bool(set(self._page(names[0], None)["ids"]) - set(state["seen"]))

    def _read_projects(self) -> None:
        pages = list(self._aws.pages("codebuild", "ListProjects", "nextToken"))
        wanted = self._aws.options.projects
        names = sorted(one for page in pages for one in page.get("projects", ())
                       if not wanted or one in wanted)  # fmt: skip
        if names == self._projects:
            return
        gone = sorted(set(self._projects or ()) - set(names))
        self._add("ListProjects", "projects", {"projects": names, "gone": gone})
        self._projects = names

    def _walk(self, name: str) -> Iterator[Pulled]:
        state = self._lists.setdefault(name, {"seen": [], "fresh": [], "next": None})
        known = set(cast("list[str]", state["seen"]))
        is_more = True
        while is_more:
            page = self._next(name, state)
            ids = cast("list[str]", page.get("ids") or [])
            fresh = [one for one in ids if one not in known]
            oldest = self._take(fresh)
            state["fresh"] += fresh
            state["next"] = page.get("nextToken")
            is_more = bool(state["next"]) and len(fresh) == len(ids) and not self._is_over(oldest)
            if not is_more:
                seen = list(dict.fromkeys([*state["fresh"], *state["seen"]]))[:KNOWN]
                self._lists[name] = {"seen": seen, "fresh": [], "next": None}
            if self._batch.is_full:
                yield self._flush()

    def _next(self, name: str, state: Json) -> Json:
        """Return the next page; a place that is no longer known to AWS is the beginning again."""
        try:
            return self._page(name, state["next"])
        except SourceDataError as error:
            if not state["next"] or "nexttoken" not in error.what.lower().replace(" ", ""):
                raise
            state["fresh"], state["next"] = [], None
            return self._page(name, None)

    def _page(self, name: str, at: str | None) -> Json:
        if name == ALL:
            return self._aws.call("codebuild", "ListBuilds", sortOrder="DESCENDING", nextToken=at)
        return self._aws.call(
            "codebuild", "ListBuildsForProject", projectName=name, sortOrder="DESCENDING",
            nextToken=at,
        )  # fmt: skip

    def _take(self, ids: list[str]) -> str:
        """Keep what builds are; return when the first of them started."""
        oldest = ""
        for start in range(0, len(ids), HUNDRED):
            part = ids[start : start + HUNDRED]
            builds = self._asked(part)
            self._note(builds)
            self._add(f"BatchGetBuilds?{part[0]}", "builds", {"builds": builds})
            times = [str(one["startTime"]) for one in builds if one.get("startTime")]
            oldest = min([*times, oldest or "9"])
        return oldest

    def _look_again(self, ids: set[str]) -> None:
        """Keep those of the builds that are not as they were."""
        wanted = sorted(ids)
        for start in range(0, len(wanted), HUNDRED):
            before = dict(self._running)
            builds = self._asked(wanted[start : start + HUNDRED])
            self._note(builds)
            moved = [one for one in builds if before.get(str(one["id"])) != _digest(one)]
            if moved:
                self._add("BatchGetBuilds", "builds", {"builds": moved})

    def _asked(self, ids: list[str]) -> list[Json]:
        answer = self._aws.call("codebuild", "BatchGetBuilds", ids=ids)
        return cast("list[Json]", json.loads(body(answer.get("builds") or [])))

    def _note(self, builds: list[Json]) -> None:
        for one in builds:
            self._running.pop(str(one["id"]), None)
            if one.get("buildStatus") == RUNNING:
                self._running[str(one["id"])] = _digest(one)

    def _is_over(self, oldest: str) -> bool:
        """Tell whether a window was asked for and the page goes back behind its start."""
        at = instant(oldest) if self._window and oldest else None
        return at is not None and self._window is not None and at < self._window.start

    def _add(self, operation: str, kind: str, found: Mapping[str, Any]) -> None:
        context = {"kind": kind, "region": self._aws.options.region}
        self._batch.add(f"codebuild:{operation}", body(found), context)

    def _flush(self) -> Pulled:
        return self._batch.flush(self._cursor(), self._aws.requests)

    def _cursor(self) -> Json:
        return json.loads(json.dumps(
            {"projects": self._projects, "running": self._running, "lists": self._lists}
        ))  # fmt: skip


def _digest(build: Mapping[str, Any]) -> str:
    return hashlib.sha256(body(build)).hexdigest()[:16]
